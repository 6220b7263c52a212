import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import type { DecisionLedger, DecisionRecord, SaleDecision } from '../../ports/decision-ledger.js';

export interface DecisionLedgerContract {
  readonly name: string;
  /**
   * A new, empty ledger; a second call within a test opens the same one again, as another instance
   * would.
   */
  readonly create: () => Promise<DecisionLedger> | DecisionLedger;
  /** Lets go of what `create` made it in. */
  readonly destroy?: () => Promise<void> | void;
}

const EVENT = 1;
const CATEGORY = 2;

/** What every decision ledger must do: the fake first, then the real ones. */
export function describeDecisionLedgerContract({
  name,
  create,
  destroy,
}: DecisionLedgerContract): void {
  describe(`${name} keeps the contract of DecisionLedger`, () => {
    let ledger: DecisionLedger;
    let epoch: number;
    let count = 0;

    beforeEach(async () => {
      ledger = await create();
      ({ epoch } = await ledger.load());
      await stock({ capacity: 10 });
    });

    afterEach(async () => {
      await ledger.close();
      await destroy?.();
    });

    const stock = (
      { capacity = 10, soldElsewhere = 0, fetchedAtMs = 1 },
      lockIds: readonly string[] = [],
    ) =>
      ledger.settle(
        {
          eventId: EVENT,
          fetchedAtMs,
          categories: [{ categoryId: CATEGORY, capacity, soldElsewhere }],
        },
        lockIds,
      );

    const sale = (overrides: Partial<SaleDecision> = {}): SaleDecision => ({
      lockId: `lock-${(count += 1)}`,
      eventId: EVENT,
      categoryId: CATEGORY,
      quantity: 2,
      userId: 7,
      orderId: 'order-1',
      epoch,
      capacityAtGrant: 10,
      ...overrides,
    });

    const recorded = (sales: readonly SaleDecision[]): Promise<readonly DecisionRecord[]> =>
      ledger.findMany(sales.map(({ lockId }) => lockId));

    const confirmed = async () => (await ledger.figures(EVENT))[0]?.confirmed;

    test('a sale is written once, and whoever comes later gets the record that stands', async () => {
      const first = sale();
      expect(await ledger.decide([first])).toMatchObject({
        ok: true,
        decided: true,
        records: [{ ...first, outcome: 'sold', settled: false }],
      });
      expect(await ledger.decide([first])).toMatchObject({
        ok: true,
        decided: false,
        records: [{ orderId: 'order-1', outcome: 'sold' }],
      });
      const { orderId: _none, ...orderless } = first;
      expect(await ledger.decide([orderless])).toMatchObject({ ok: true, decided: false });
      expect(await ledger.decide([{ ...first, orderId: 'order-2' }])).toMatchObject({
        ok: false,
        reason: 'recorded',
        record: { orderId: 'order-1', outcome: 'sold' },
      });
      expect(await ledger.abort(first)).toMatchObject({ decided: false, record: first });
      expect(await confirmed()).toBe(2);
    });

    test('what was aborted is never sold', async () => {
      const first = sale();
      expect(await ledger.abort(first)).toMatchObject({
        decided: true,
        record: { outcome: 'aborted' },
      });
      expect(await ledger.decide([first])).toMatchObject({
        ok: false,
        reason: 'recorded',
        record: { lockId: first.lockId, outcome: 'aborted' },
      });
      expect(await confirmed()).toBe(0);
    });

    test('ids keep their kind: 12 and "012" are two events, a record has what it was given', async () => {
      const odd = sale({ userId: '007', late: true });
      await ledger.decide([odd]);
      expect(await ledger.find(odd.lockId)).toMatchObject(odd);
      const { orderId: _none, ...orderless } = sale();
      await ledger.decide([orderless]);
      const record = await ledger.find(orderless.lockId);
      expect(record).toMatchObject(orderless);
      expect(record).not.toHaveProperty('orderId');
      expect(record).not.toHaveProperty('late');
      expect(await ledger.find('lock-none')).toBeUndefined();
      expect(await ledger.figures('1x')).toEqual([]);
    });

    test('no more is sold than there is, to the last ticket', async () => {
      for (let index = 0; index < 5; index += 1)
        expect(await ledger.decide([sale()])).toMatchObject({ decided: true });
      const last = sale({ quantity: 1 });
      const refusal = { ok: false, reason: 'capacity', lockId: last.lockId };
      expect(await ledger.decide([last])).toEqual(refusal);
      await stock({ soldElsewhere: 10, fetchedAtMs: 2 });
      expect(await ledger.decide([last])).toEqual(refusal);
    });

    test('what was promised at a larger capacity is honoured', async () => {
      await stock({ capacity: 1, fetchedAtMs: 2 });
      expect(await ledger.decide([sale({ capacityAtGrant: 1 })])).toMatchObject({
        ok: false,
        reason: 'capacity',
      });
      expect(await ledger.decide([sale({ capacityAtGrant: 10 })])).toMatchObject({ decided: true });
    });

    test('without figures nothing is sold', async () => {
      const refusal = { ok: false, reason: 'capacity' };
      expect(await ledger.decide([sale({ categoryId: 99 })])).toMatchObject(refusal);
      expect(await ledger.decide([sale({ eventId: 99 })])).toMatchObject(refusal);
    });

    test('an older epoch is fenced off, and one caller alone begins a new one', async () => {
      const before = sale();
      const begun = await Promise.all(Array.from({ length: 5 }, () => ledger.nextEpoch(epoch)));
      expect(begun.filter((answer) => answer.begun)).toHaveLength(1);
      expect(new Set(begun.map((answer) => answer.epoch))).toEqual(new Set([epoch + 1]));
      expect(await ledger.epoch()).toBe(epoch + 1);
      const refusal = { ok: false, reason: 'fenced' };
      expect(await ledger.decide([before])).toEqual({ ...refusal, lockId: before.lockId });
      expect(await ledger.decide([sale({ epoch: epoch + 2 })])).toMatchObject(refusal);
      expect(await ledger.decide([sale({ epoch: epoch + 1 })])).toMatchObject({ decided: true });
      expect(await ledger.abort(before)).toMatchObject({ decided: true });
    });

    test('a return frees the tickets once, for the same order, until it is settled', async () => {
      const first = sale();
      await ledger.decide([first]);
      const standing = { ok: true, decided: false, record: { outcome: 'sold' } };
      expect(await ledger.return(first.lockId, 'order-2')).toMatchObject(standing);
      expect(await ledger.return(first.lockId, undefined)).toMatchObject(standing);
      expect(await ledger.return(first.lockId, 'order-1')).toMatchObject({
        decided: true,
        record: { outcome: 'returned' },
      });
      expect(await ledger.return(first.lockId, 'order-1')).toMatchObject({
        decided: false,
        record: { outcome: 'returned' },
      });
      expect(await confirmed()).toBe(0);
      expect(await ledger.decide([first])).toMatchObject({
        reason: 'recorded',
        record: { outcome: 'returned' },
      });
      expect(await ledger.return('lock-none', 'order-1')).toEqual({ ok: false, reason: 'unknown' });
      const second = sale();
      await ledger.decide([second]);
      await stock({ soldElsewhere: 2, fetchedAtMs: 2 }, [second.lockId]);
      expect(await ledger.return(second.lockId, 'order-1')).toMatchObject({
        decided: false,
        record: { outcome: 'sold', settled: true },
      });
    });

    test('a settlement moves tickets from confirmed to sold elsewhere in one step, once', async () => {
      const first = sale();
      const second = sale();
      await ledger.decide([first]);
      await ledger.decide([second]);
      const ids = [first.lockId, 'lock-none'];
      expect(await stock({ soldElsewhere: 2, fetchedAtMs: 2 }, ids)).toBe(true);
      expect(await stock({ soldElsewhere: 2, fetchedAtMs: 2 }, ids)).toBe(true);
      expect(await ledger.figures(EVENT)).toEqual([
        { categoryId: CATEGORY, capacity: 10, soldElsewhere: 2, confirmed: 2, fetchedAtMs: 2 },
      ]);
      expect(await ledger.list(EVENT)).toMatchObject([{ lockId: second.lockId }]);
    });

    test('figures that are older than the known ones change nothing', async () => {
      const first = sale();
      await ledger.decide([first]);
      await stock({ capacity: 20, fetchedAtMs: 5 });
      expect(await stock({ capacity: 30, fetchedAtMs: 4 }, [first.lockId])).toBe(false);
      expect(await ledger.figures(EVENT)).toMatchObject([{ capacity: 20, confirmed: 2 }]);
      expect(await ledger.events()).toEqual([EVENT]);
    });

    test('unsettled sales are listed in pages, the oldest first', async () => {
      await stock({ capacity: 1_000, fetchedAtMs: 2 });
      const sales = Array.from({ length: 130 }, () => sale({ quantity: 1 }));
      for (const one of sales) await ledger.decide([one]);
      const listed: string[] = [];
      for (let page = await ledger.list(EVENT); page.length > 0;) {
        listed.push(...page.map(({ lockId }) => lockId));
        page = await ledger.list(EVENT, listed.at(-1));
      }
      expect(listed).toEqual(sales.map(({ lockId }) => lockId));
      // The next page begins where the last one ended, also when that sale is settled meanwhile.
      const [first = '', ...others] = listed;
      await stock({ capacity: 1_000, soldElsewhere: 1, fetchedAtMs: 3 }, [first]);
      const [next] = await ledger.list(EVENT, first);
      expect(next?.lockId).toBe(others[0]);
    });

    test('many at once: every lock has one outcome, and no ticket is sold twice', async () => {
      await stock({ capacity: 30, fetchedAtMs: 2 });
      const locks = Array.from({ length: 40 }, () => sale({ quantity: 1, capacityAtGrant: 30 }));
      const calls = locks.flatMap((one) => [
        async () => writtenBy(await ledger.decide([one])),
        async () => writtenBy(await ledger.decide([{ ...one, orderId: 'order-2' }])),
        async () => writtenBy(await ledger.abort(one)),
      ]);
      // An order that is neither the locks' nor the calls'.
      const shuffled = calls.map((call, index) => calls[(index * 77) % calls.length] ?? call);
      const written = (await Promise.all(shuffled.map((call) => call()))).filter(Boolean);
      const known = await ledger.findMany(locks.map(({ lockId }) => lockId));
      expect(written).toHaveLength(known.length);
      const sold = known.filter(({ outcome }) => outcome === 'sold').length;
      expect(sold).toBeLessThanOrEqual(30);
      expect(await confirmed()).toBe(sold);
    });

    test('a refund is noted once for each lock and order, and stays', async () => {
      const refund = { lockId: 'late', eventId: EVENT, requiredAtMs: 20 };
      const known = { categoryId: CATEGORY, userId: 'ann', quantity: 2, orderId: '7' };
      const first = await ledger.noteRefund({ ...refund, ...known });
      expect(first).toEqual({ ...refund, ...known });
      expect(await ledger.noteRefund({ ...refund, ...known, requiredAtMs: 30 })).toEqual(first);
      const other = { ...refund, ...known, orderId: 7, requiredAtMs: 10 };
      expect(await ledger.noteRefund(other)).toEqual(other);
      // Of a lost lock little may be known.
      expect(await ledger.noteRefund({ ...refund, lockId: 'lost' })).toMatchObject({
        lockId: 'lost',
        eventId: EVENT,
      });
      const again = await create();
      await again.load();
      expect(await again.refundsRequired()).toEqual([other, first, { ...refund, lockId: 'lost' }]);
      await again.close();
    });

    test('a refund is open no more when its lock was sold to the same order after all', async () => {
      const late = sale({ orderId: 'order-1' });
      const { lockId, eventId, categoryId, userId, quantity } = late;
      const refund = { lockId, eventId, categoryId, userId, quantity, requiredAtMs: 1 };
      await ledger.noteRefund({ ...refund, orderId: 'order-1' });
      await ledger.noteRefund({ ...refund, orderId: 'order-2' });
      await ledger.noteRefund(refund);
      expect(await ledger.refundsRequired()).toHaveLength(3);
      await ledger.decide([late]);
      expect(await ledger.refundsRequired()).toEqual([{ ...refund, orderId: 'order-2' }, refund]);
      const aborted = sale({ orderId: 'order-3' });
      await ledger.abort(aborted);
      const ofAborted = { ...refund, lockId: aborted.lockId, orderId: 'order-3' };
      await ledger.noteRefund(ofAborted);
      expect(await ledger.refundsRequired()).toContainEqual(ofAborted);
    });

    test('several locks are sold together, or none of them', async () => {
      const wanted = [sale(), sale(), sale()];
      expect(await ledger.decide(wanted)).toMatchObject({ ok: true, records: wanted });
      const more = [sale(), sale({ quantity: 3 })];
      expect(await ledger.decide(more)).toEqual({
        ok: false,
        reason: 'capacity',
        lockId: more[1]?.lockId,
      });
      expect(await recorded(more)).toEqual([]);
      expect(await confirmed()).toBe(6);
      // What is sold already stays, and does not count again.
      const again = [...wanted, sale({ quantity: 4 })];
      expect(await ledger.decide(again)).toMatchObject({ decided: true, records: again });
      expect(await ledger.decide(again)).toMatchObject({ decided: false, records: again });
      expect(await confirmed()).toBe(10);
    });

    test('one lock that cannot be sold keeps the others from it', async () => {
      const [aborted, others, open] = [sale(), sale({ orderId: 'order-2' }), sale()];
      await ledger.abort(aborted);
      await ledger.decide([others]);
      const refusal = { ok: false, reason: 'recorded' };
      expect(await ledger.decide([open, aborted])).toMatchObject({
        ...refusal,
        record: { lockId: aborted.lockId, outcome: 'aborted' },
      });
      expect(await ledger.decide([open, { ...others, orderId: 'order-1' }])).toMatchObject({
        ...refusal,
        record: { lockId: others.lockId, orderId: 'order-2' },
      });
      const old = sale({ epoch: epoch - 1 });
      const fenced = { ok: false, reason: 'fenced', lockId: old.lockId };
      expect(await ledger.decide([open, old])).toEqual(fenced);
      expect(await recorded([open, old])).toEqual([]);
      expect(await confirmed()).toBe(2);
    });

    test('orders that want the same locks do not wait for each other in a circle', async () => {
      await stock({ capacity: 1_000, fetchedAtMs: 2 });
      const capacityAtGrant = 1_000;
      for (let round = 0; round < 20; round += 1) {
        const [first, second] = [sale({ capacityAtGrant }), sale({ capacityAtGrant })];
        const others = [second, first].map((one) => ({ ...one, orderId: 'order-2' }));
        const results = await Promise.all([
          ledger.decide([first, second]),
          ledger.decide(others),
          ledger.abort(second),
        ]);
        const records = await ledger.findMany([first.lockId, second.lockId]);
        const sold = records.filter(({ outcome }) => outcome === 'sold');
        expect([0, 2]).toContain(sold.length);
        expect(results.filter(writtenBy)).toHaveLength(1);
      }
    });

    test('a return at the same time as its sale takes it back or finds nothing', async () => {
      await stock({ capacity: 1_000, fetchedAtMs: 2 });
      for (let round = 0; round < 100; round += 1) {
        const one = sale({ quantity: 1, capacityAtGrant: 1_000 });
        const [, returned] = await Promise.all([
          ledger.decide([one]),
          ledger.return(one.lockId, one.orderId),
        ]);
        const outcome = (await ledger.find(one.lockId))?.outcome;
        expect(writtenBy(returned)).toBe(returned.ok);
        expect(outcome).toBe(returned.ok ? 'returned' : 'sold');
      }
    });

    test('an event is claimed once in an epoch, by the first who asks', async () => {
      const claims = await Promise.all(Array.from({ length: 5 }, () => ledger.claim(EVENT, epoch)));
      expect(claims.filter(Boolean)).toHaveLength(1);
      expect(await ledger.claim(EVENT, epoch)).toBe(false);
      expect(await ledger.claim('1', epoch)).toBe(true);
      // Neither for an epoch that is over nor for one that has not begun.
      expect(await ledger.claim(2, epoch + 1)).toBe(false);
      await ledger.nextEpoch(epoch);
      expect(await ledger.claim(2, epoch)).toBe(false);
      expect(await ledger.claim(EVENT, epoch + 1)).toBe(true);
      expect(await ledger.claim(EVENT, epoch + 1)).toBe(false);
    });

    test('the records of many locks are found at once', async () => {
      const [sold, aborted] = [sale(), sale()];
      await ledger.decide([sold]);
      await ledger.abort(aborted);
      const found = await ledger.findMany([aborted.lockId, 'lock-none', sold.lockId]);
      expect(new Map(found.map(({ lockId, outcome }) => [lockId, outcome]))).toEqual(
        new Map([
          [sold.lockId, 'sold'],
          [aborted.lockId, 'aborted'],
        ]),
      );
      expect(await ledger.findMany([])).toEqual([]);
    });

    test('another instance sees the same', async () => {
      const first = sale();
      await ledger.decide([first]);
      const other = await create();
      const opened = await other.load();
      expect(opened).toEqual(await ledger.load());
      expect(await other.find(first.lockId)).toEqual(await ledger.find(first.lockId));
      await other.close();
    });
  });
}

/** Whether a call has written a record. */
function writtenBy(result: { readonly ok: boolean; readonly decided?: boolean }): boolean {
  return result.ok && result.decided === true;
}
