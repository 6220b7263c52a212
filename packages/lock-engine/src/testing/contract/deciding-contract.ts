import { describe, expect, test } from 'vitest';

import type { BoxOffices, TicketLocksFeature } from './box-office.js';
import { codeOf, errorOf, valueOf } from './box-office.js';
import type { Supports } from './support.js';
import { testOf } from './support.js';

export function describeDeciding(
  offices: BoxOffices,
  supports: Supports<TicketLocksFeature> | undefined,
): void {
  const testFeature = testOf(supports);

  describe('beginPayment', () => {
    test('ties a lock to an order, and no buyer changes it any more', async () => {
      const office = await offices.open();
      const { lockId, expiresAtMs } = await office.locked('ann', 2);
      await office.clock.advanceAsync(30_000);
      const begun = valueOf(await office.locks.beginPayment({ lockId, orderId: 'o-1' }));
      const end = { expiresAtMs: expiresAtMs + 90_000, expiresInMs: 120_000 };
      expect(begun).toEqual({ lockId, orderId: 'o-1', ...end });
      const conflict = { code: 'ORDER_CONFLICT', lockId };
      const again = { eventId: 1, categoryId: 2, quantity: 1, userId: 'ann', sessionId: 'a' };
      const refusals = [
        await office.locks.unlock({ lockId, userId: 'ann' }),
        await office.locks.extend({ lockId, userId: 'ann' }),
        await office.locks.lock({ ...again, onExisting: 'set' }),
        await office.locks.beginPayment({ lockId, orderId: 'o-2' }),
        await office.locks.confirm({ lockId, orderId: 'o-2' }),
        await office.locks.release({ lockId, orderId: 'o-2' }),
      ];
      expect(refusals.map(errorOf)).toEqual(refusals.map(() => conflict));
      expect(await office.locks.lockById(lockId)).toMatchObject({ quantity: 2, orderId: 'o-1' });
    });

    test('of the same order again gets the same answer and moves nothing', async () => {
      const office = await offices.open();
      const { lockId } = await office.locked('ann');
      const first = valueOf(await office.locks.beginPayment({ lockId, orderId: 1 }));
      await office.clock.advanceAsync(1_000);
      const again = await office.locks.beginPayment({ lockId, orderId: '1', ttlMs: 999_000 });
      expect(valueOf(again)).toEqual({ ...first, expiresInMs: first.expiresInMs - 1_000 });
    });

    test('never brings an end nearer, nor past the greatest age', async () => {
      const office = await offices.open({ lockAgeMsMax: 70_000 });
      const { lockId, expiresAtMs } = await office.locked('ann');
      const { lockId: other } = await office.locked('ben');
      const short = await office.locks.beginPayment({ lockId, orderId: 1, ttlMs: 1_000 });
      expect(valueOf(short).expiresAtMs).toBe(expiresAtMs);
      const long = await office.locks.beginPayment({ lockId: other, orderId: 2 });
      expect(valueOf(long).expiresAtMs).toBe(expiresAtMs + 10_000);
    });
  });

  describe('confirm', () => {
    test('sells in one step: at no instant are the tickets free', async () => {
      const office = await offices.open();
      const { lockId } = await office.locked('ann', 5);
      const [confirmed, seen, wanted] = await Promise.all([
        office.locks.confirm({ lockId, orderId: 'o-1', quantity: 5, eventId: '1' }),
        office.available(),
        office.locks.lock({
          eventId: 1,
          categoryId: 2,
          quantity: 1,
          userId: 'ben',
          sessionId: 'b',
        }),
      ]);
      const about = { lockId, eventId: 1, categoryId: 2, userId: 'ann', quantity: 5 };
      expect(valueOf(confirmed)).toEqual({ ...about, status: 'CONFIRMED', orderId: 'o-1' });
      expect(seen).toBe(0);
      expect(codeOf(wanted)).toBe('INSUFFICIENT_TICKETS');
      const figures = { locked: 0, confirmed: 5, sold: 5, available: 0 };
      expect(await office.figures()).toMatchObject(figures);
      await office.clock.advanceAsync(600_000);
      expect(await office.statusOf(lockId)).toBe('CONFIRMED');
    });

    test('is answered the same again, and fixes the order', async () => {
      const office = await offices.open();
      const { lockId } = await office.locked('ann');
      const { lockId: without } = await office.locked('ben');
      const first = valueOf(await office.locks.confirm({ lockId, orderId: 'o-1' }));
      expect(valueOf(await office.locks.confirm({ lockId, orderId: 'o-1' }))).toEqual(first);
      expect(valueOf(await office.locks.confirm({ lockId }))).toEqual(first);
      const other = await office.locks.confirm({ lockId, orderId: 'o-2' });
      expect(errorOf(other)).toEqual({ code: 'ORDER_CONFLICT', lockId });
      valueOf(await office.locks.confirm({ lockId: without }));
      const late = await office.locks.confirm({ lockId: without, orderId: 'o-1' });
      expect(codeOf(late)).toBe('ORDER_CONFLICT');
      expect(await office.figures()).toMatchObject({ confirmed: 2 });
    });

    test('of two orders at once only one wins', async () => {
      const office = await offices.open();
      const { lockId } = await office.locked('ann');
      const orders = ['o-1', 'o-2', 'o-3'];
      const outcomes = await Promise.all(
        orders.map((orderId) => office.locks.confirm({ lockId, orderId })),
      );
      expect(outcomes.map(codeOf).toSorted()).toEqual(['ORDER_CONFLICT', 'ORDER_CONFLICT', 'ok']);
      expect(await office.figures()).toMatchObject({ confirmed: 1, locked: 0 });
    });

    test('and a release at once: one of them is final', async () => {
      const office = await offices.open();
      const { lockId } = await office.locked('ann');
      const [confirmed, released] = await Promise.all([
        office.locks.confirm({ lockId, orderId: 'o-1' }),
        office.locks.release({ lockId }),
      ]);
      expect([confirmed.ok, released.ok].filter(Boolean)).toHaveLength(1);
      const status = confirmed.ok ? 'CONFIRMED' : 'RELEASED';
      expect(await office.statusOf(lockId)).toBe(status);
      expect(await office.available()).toBe(confirmed.ok ? 4 : 5);
    });

    test('what it claims of the lock must be true', async () => {
      const office = await offices.open();
      const { lockId } = await office.locked('ann', 2);
      const claims = [{ eventId: 'gala' }, { categoryId: 3 }, { quantity: 1 }];
      for (const claim of claims) {
        const [field] = Object.keys(claim);
        const error = { code: 'LOCK_MISMATCH', lockId, field };
        expect(errorOf(await office.locks.confirm({ lockId, ...claim }))).toEqual(error);
      }
      expect(await office.statusOf(lockId)).toBe('ACTIVE');
    });

    test('counts until the last millisecond, and not after', async () => {
      const office = await offices.open();
      const { lockId } = await office.locked('ann');
      const { lockId: other } = await office.locked('ben');
      await office.clock.advanceAsync(59_999);
      expect(codeOf(await office.locks.confirm({ lockId, orderId: 1 }))).toBe('ok');
      await office.clock.advanceAsync(1);
      const late = await office.locks.confirm({ lockId: other, orderId: 2 });
      expect(errorOf(late)).toEqual({ code: 'LOCK_EXPIRED', lockId: other });
    });

    testFeature('late confirm', 'after the end takes tickets that are still free', async () => {
      const office = await offices.open({
        lateConfirm: 'if-available',
        lateConfirmWindowMs: 10_000,
      });
      const { lockId } = await office.locked('ann', 2);
      const { lockId: tooLate } = await office.locked('dan', 1);
      const { lockId: other } = await office.locked('ben', 2);
      await office.clock.advanceAsync(60_000);
      await office.locked('cem', 2);
      const late = await office.locks.confirm({ lockId, orderId: 1 });
      expect(valueOf(late)).toMatchObject({ status: 'CONFIRMED', late: true, quantity: 2 });
      const short = await office.locks.confirm({ lockId: other, orderId: 2 });
      const error = { code: 'LOCK_EXPIRED', lockId: other, available: 1 };
      expect(errorOf(short)).toEqual(error);
      await office.clock.advanceAsync(10_000);
      const past = await office.locks.confirm({ lockId: tooLate, orderId: 3 });
      expect(errorOf(past)).toEqual({ code: 'LOCK_EXPIRED', lockId: tooLate });
      expect(await office.figures()).toMatchObject({ confirmed: 2, locked: 2, available: 1 });
    });
  });

  describe('release', () => {
    test('puts tickets back, also of a payment, and succeeds again', async () => {
      const office = await offices.open();
      const { lockId } = await office.locked('ann', 2);
      valueOf(await office.locks.beginPayment({ lockId, orderId: 1 }));
      const about = { lockId, eventId: 1, categoryId: 2, userId: 'ann', quantity: 2 };
      const released = { ...about, status: 'RELEASED' };
      expect(valueOf(await office.locks.release({ lockId }))).toEqual(released);
      expect(valueOf(await office.locks.release({ lockId, orderId: 1 }))).toEqual(released);
      expect(await office.available()).toBe(5);
      const confirmed = await office.locks.confirm({ lockId, orderId: 1 });
      expect(errorOf(confirmed)).toEqual({ code: 'LOCK_RELEASED', lockId });
    });

    test('of what has expired succeeds and says so', async () => {
      const office = await offices.open();
      const { lockId } = await office.locked('ann');
      await office.clock.advanceAsync(60_000);
      expect(valueOf(await office.locks.release({ lockId }))).toMatchObject({ status: 'EXPIRED' });
    });

    test('returns a sale whose order failed, for its own order alone', async () => {
      const office = await offices.open();
      const { lockId } = await office.locked('ann', 2);
      valueOf(await office.locks.confirm({ lockId, orderId: 1 }));
      const conflict = { code: 'ORDER_CONFLICT', lockId };
      expect(errorOf(await office.locks.release({ lockId, orderId: 2 }))).toEqual(conflict);
      expect(errorOf(await office.locks.release({ lockId }))).toEqual(conflict);
      const returned = await office.locks.release({ lockId, orderId: 1 });
      expect(valueOf(returned)).toMatchObject({ status: 'RELEASED', quantity: 2 });
      expect(await office.figures()).toMatchObject({ confirmed: 0, available: 5 });
      const orders = [{ orderId: 1 }, { orderId: 2 }, {}];
      for (const order of orders) {
        const confirmed = await office.locks.confirm({ lockId, ...order });
        expect(errorOf(confirmed)).toEqual({ code: 'LOCK_RELEASED', lockId });
      }
      const lock = await office.locks.lockById(lockId);
      expect(lock).toMatchObject({ status: 'RELEASED', reason: 'order-failed' });
    });
  });

  describe('confirmMany and releaseMany', () => {
    test('decide all or nothing', async () => {
      const office = await offices.open();
      const { lockId: ann } = await office.locked('ann');
      const { lockId: ben } = await office.locked('ben', 1, 3);
      const { lockId: cem } = await office.locked('cem', 1, 4);
      const { lockId: elsewhere } = await office.locked('ann', 1, 2, 'gala');
      valueOf(await office.locks.release({ lockId: cem }));
      const refusal = await office.unchangedBy(() =>
        office.locks.confirmMany({ lockIds: [ann, cem, 'unknown', ben], orderId: 1 }),
      );
      expect(errorOf(refusal)).toEqual({ code: 'LOCK_RELEASED', lockId: cem });
      const mixed = await office.locks.confirmMany({ lockIds: [ann, elsewhere], orderId: 1 });
      expect(errorOf(mixed)).toEqual({ code: 'INVALID_REQUEST', field: 'lockIds' });
      const confirmed = await office.locks.confirmMany({ lockIds: [ben, ann], orderId: 1 });
      expect(valueOf(confirmed)).toMatchObject({ lockId: ben });
      expect(valueOf(confirmed).locks.map((lock) => lock.lockId)).toEqual([ben, ann]);
      const released = await office.locks.releaseMany({ lockIds: [ann, ben, cem], orderId: 1 });
      expect(valueOf(released).locks.map((lock) => lock.status)).toEqual([
        'RELEASED',
        'RELEASED',
        'RELEASED',
      ]);
      expect(await office.available()).toBe(5);
    });
  });
}
