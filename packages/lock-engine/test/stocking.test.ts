import { describe, expect, it } from 'vitest';

import { boxOffice, codeOf, valueOf } from './box-office.js';

describe('the source of truth', () => {
  it('may lower the capacity below what is promised: nothing new, nothing taken back', () => {
    const { engine, locked } = boxOffice();
    const { lockId } = locked('ann', 4);
    engine.setInventory({ eventId: 1, categories: [{ categoryId: 2, capacity: 3 }] });
    expect(engine.categoryAvailability(1, 2)).toMatchObject({
      available: 0,
      deficit: 1,
      locked: 4,
    });
    const more = { eventId: 1, categoryId: 2, quantity: 1, userId: 'ben', sessionId: 's' };
    expect(codeOf(engine.lock(more))).toBe('INSUFFICIENT_TICKETS');
    expect(codeOf(engine.confirm({ lockId }))).toBe('ok');
    expect(engine.categoryAvailability(1, '3')).toMatchObject({ available: 100 });
  });

  it('is believed in the order in which it was asked', () => {
    const { engine, advance } = boxOffice();
    advance(100);
    const tell = (capacity: number, fetchedAtMs: number) =>
      valueOf(
        engine.setInventory({ eventId: 1, categories: [{ categoryId: 2, capacity }], fetchedAtMs }),
      );
    expect(tell(9, 1_000_050).applied).toBe(true);
    expect(tell(1, 1_000_049)).toMatchObject({ applied: false, settledLockIds: [] });
    expect(engine.categoryAvailability(1, 2)?.capacity).toBe(9);
  });

  it.each([
    ['no categories', { categories: undefined }, 'categories'],
    ['a category that is none', { categories: [7] }, 'categories'],
    ['a category without id', { categories: [{ capacity: 1 }] }, 'categories'],
    ['a capacity that is none', { categories: [{ categoryId: 2, capacity: NaN }] }, 'categories'],
    [
      'a negative count',
      { categories: [{ categoryId: 2, capacity: 1, soldElsewhere: -1 }] },
      'categories',
    ],
    [
      'a category twice',
      { categories: [2, '2'].map((categoryId) => ({ categoryId, capacity: 1 })) },
      'categories',
    ],
    ['an instant that is none', { fetchedAtMs: Infinity }, 'fetchedAtMs'],
    ['an instant as text', { fetchedAtMs: '1' }, 'fetchedAtMs'],
    ['no event', { eventId: '' }, 'eventId'],
    ['orders that are none', { completed: 7 }, 'completed'],
    ['an order that is none', { completed: [7] }, 'completed'],
    [
      'an order without id',
      { completed: [{ categoryId: 2, userId: 1, quantity: 1 }] },
      'completed',
    ],
    [
      'an order without quantity',
      { completed: [{ orderId: 1, categoryId: 2, userId: 1 }] },
      'completed',
    ],
  ])('is refused with %s', (_what, wrong, field) => {
    const { engine } = boxOffice();
    const command = { eventId: 1, categories: [{ categoryId: 2, capacity: 1 }], ...wrong };
    expect(engine.setInventory(command as never)).toMatchObject({
      error: { code: 'INVALID_REQUEST', field },
      changes: [],
    });
    expect(engine.categoryAvailability(1, 2)?.capacity).toBe(5);
  });
});

describe('settlement', () => {
  const order = { orderId: 7, categoryId: 2, userId: 'ann', quantity: 2 };

  function sold() {
    const office = boxOffice();
    const { lockId } = office.locked('ann', 2);
    office.engine.confirm({ lockId });
    const tell = (soldElsewhere: number, completed: object[] = []) => {
      office.advance(1);
      const categories = [{ categoryId: 2, capacity: 5, soldElsewhere }];
      return valueOf(
        office.engine.setInventory({ eventId: 1, categories, completed: completed as never }),
      );
    };
    return { ...office, lockId, tell };
  }

  it('waits for the order and for the rise, and the tickets count at every instant', () => {
    const { engine, lockId, tell, available } = sold();
    expect(tell(2).settledLockIds).toEqual([]);
    expect(available()).toBe(1); // counted twice for a moment, never not at all
    expect(tell(2, [order]).settledLockIds).toEqual([lockId]);
    expect(engine.lockById(lockId)).toMatchObject({
      status: 'CONFIRMED',
      settled: true,
      quantity: 2,
    });
    expect(engine.categoryAvailability(1, 2)).toMatchObject({
      available: 3,
      confirmed: 0,
      sold: 2,
    });
    expect(codeOf(engine.release({ lockId }))).toBe('LOCK_CONFIRMED');
    expect(codeOf(engine.confirm({ lockId }))).toBe('ok');
  });

  it('remembers an order that came before its rise', () => {
    const { lockId, tell } = sold();
    expect(tell(0, [order]).settledLockIds).toEqual([]);
    expect(tell(1).settledLockIds).toEqual([]);
    expect(tell(2).settledLockIds).toEqual([lockId]);
  });

  it('uses each rise once and settles each order once', () => {
    const { engine, locked, lockId, tell } = sold();
    const second = locked('ann', 2).lockId;
    engine.confirm({ lockId: second });
    const both = [order, order, { ...order, orderId: 8 }];
    expect(tell(3, both).settledLockIds).toEqual([lockId]);
    expect(tell(3, [order]).unmatched).toEqual([]);
    expect(tell(4).settledLockIds).toEqual([second]);
  });

  it('leaves no rise to others when an operator has settled what it showed', () => {
    const { engine, locked, lockId, tell } = sold();
    const second = locked('ben', 2).lockId;
    engine.confirm({ lockId: second });
    tell(2);
    expect(valueOf(engine.settle({ lockId })).settled).toBe(true);
    const late = { ...order, orderId: 8, userId: 'ben' };
    expect(tell(2, [late]).settledLockIds).toEqual([]);
    expect(tell(4).settledLockIds).toEqual([second]);
  });

  it('is not done by a count that fell and came back', () => {
    const { engine, locked, lockId, tell } = sold();
    const second = locked('ben', 2).lockId;
    engine.confirm({ lockId: second });
    const late = { ...order, orderId: 8, userId: 'ben' };
    expect(tell(2, [order, late]).settledLockIds).toEqual([lockId]);
    expect(tell(0).settledLockIds).toEqual([]);
    expect(tell(2).settledLockIds).toEqual([]);
    expect(tell(4).settledLockIds).toEqual([second]);
  });

  it('waits for a fetch that began after the order was completed', () => {
    const { engine, advance, options, lockId, tell } = sold();
    tell(2);
    advance(10);
    const fetch = (fetchedAtMs: number) => {
      const categories = [{ categoryId: 2, capacity: 5, soldElsewhere: 2 }];
      return valueOf(engine.setInventory({ eventId: 1, categories, fetchedAtMs })).settledLockIds;
    };
    const nowMs = options.clock.nowMs();
    const noted = engine.setInventory({ eventId: 1, completed: [order] });
    expect(noted).toMatchObject({
      value: { applied: true, settledLockIds: [], unmatched: [] },
      changes: [{ type: 'order-completed', lockId, orderId: 7 }],
    });
    const again = engine.setInventory({ eventId: 1, completed: [order] });
    expect(again).toMatchObject({ value: { applied: false, unmatched: [] }, changes: [] });
    advance(10);
    expect([fetch(nowMs - 1), fetch(nowMs), fetch(nowMs + 1)]).toEqual([[], [], [lockId]]);
  });

  it('reports what is noted of no sale, and of no event', () => {
    const { engine } = sold();
    const strange = { ...order, userId: 'ben' };
    const unmatched = (eventId: number) => engine.setInventory({ eventId, completed: [strange] });
    expect(unmatched(1)).toMatchObject({ value: { unmatched: [strange] }, changes: [] });
    expect(unmatched(77)).toMatchObject({ value: { unmatched: [strange] }, changes: [] });
    expect(engine.availability(77)).toBeUndefined();
  });

  it('is undone by no fall, and a fall takes the newest rise away', () => {
    const { lockId, tell } = sold();
    tell(2);
    tell(1);
    expect(tell(1, [order]).settledLockIds).toEqual([]);
    expect(tell(2).settledLockIds).toEqual([lockId]);
  });

  it('leaves a rise from before a confirm to those who came before it', () => {
    const { engine, locked, lockId, tell } = sold();
    tell(2);
    const second = locked('ben', 1);
    engine.confirm({ lockId: second.lockId });
    const late = { ...order, orderId: 9, userId: 'ben', quantity: 1, lockId: second.lockId };
    expect(tell(2, [late]).settledLockIds).toEqual([]);
    expect(tell(2, [order]).settledLockIds).toEqual([lockId]);
    expect(tell(3).settledLockIds).toEqual([second.lockId]);
  });

  it('prefers the lock that names the order, and reports an order that fits none', () => {
    const { engine, locked, tell } = sold();
    const named = locked('ann', 2).lockId;
    engine.confirm({ lockId: named, orderId: 7 });
    expect(tell(2, [order]).settledLockIds).toEqual([named]);
    const strange = [
      { ...order, orderId: 10, quantity: 3 },
      { ...order, orderId: 11, userId: 'ben' },
      { ...order, orderId: 12, lockId: named },
      { ...order, orderId: 13, categoryId: 99 },
    ];
    expect(tell(2, strange).unmatched.map(({ orderId }) => orderId)).toEqual([10, 11, 12, 13]);
    const unknown = { eventId: 77, categories: [], completed: [order] };
    expect(valueOf(engine.setInventory(unknown)).unmatched).toEqual([order]);
  });

  it('that is stuck is shown, and ended by an operator only', () => {
    const { engine, lockId, available } = sold();
    expect(engine.unsettledLocks(1).map((lock) => lock.lockId)).toEqual([lockId]);
    expect(engine.stats().unsettledLocks).toBe(1);
    expect(valueOf(engine.settle({ lockId }))).toMatchObject({ settled: true });
    expect(engine.settle({ lockId })).toMatchObject({ ok: true, changes: [] });
    expect(available()).toBe(5);
    expect(engine.unsettledLocks(99)).toEqual([]);
  });

  it('is for what is confirmed', () => {
    const { engine, advance, locked } = boxOffice();
    const active = locked('ann').lockId;
    const released = locked('ben').lockId;
    engine.release({ lockId: released });
    const settle = (lockId: string) => codeOf(engine.settle({ lockId }));
    expect([settle(active), settle(released), settle('L9')]).toEqual([
      'LOCK_MISMATCH',
      'LOCK_RELEASED',
      'LOCK_NOT_FOUND',
    ]);
    advance(60_000);
    expect(settle(active)).toBe('LOCK_EXPIRED');
  });
});

describe('money that came too late', () => {
  function lapsed(orderId?: number) {
    const office = boxOffice();
    const { lockId } = office.locked('ann', 2);
    if (orderId !== undefined) office.engine.beginPayment({ lockId, orderId, ttlMs: 1 });
    office.advance(60_000);
    return { ...office, lockId };
  }

  it('is noted once for each order, and listed until the lock is forgotten', () => {
    const { engine, advance, options, lockId } = lapsed(7);
    const requiredAtMs = options.clock.nowMs();
    const ofSeven = { lockId, userId: 'ann', quantity: 2, orderId: 7, requiredAtMs };
    expect(engine.requireRefund({ lockId })).toMatchObject({
      value: ofSeven,
      changes: [{ type: 'expired' }, { type: 'refund-required', lockId, orderId: 7 }],
    });
    advance(5);
    expect(engine.requireRefund({ lockId, orderId: 7 })).toMatchObject({
      value: ofSeven,
      changes: [],
    });
    expect(valueOf(engine.requireRefund({ lockId, orderId: '8' }))).toMatchObject({ orderId: 8 });
    expect(engine.refundsRequired()).toMatchObject([ofSeven, { orderId: 8 }]);
    advance(25 * 3_600_000);
    engine.forgetEnded();
    expect(engine.refundsRequired()).toEqual([]);
  });

  it('is not given back when the same order is confirmed late after all', () => {
    const office = boxOffice({ lateConfirm: 'if-available' });
    const { engine, locked, advance } = office;
    const { lockId } = locked('ann', 2);
    advance(60_000);
    for (const orderId of [undefined, 7, 8]) engine.requireRefund({ lockId, orderId });
    expect(valueOf(engine.confirm({ lockId, orderId: 7 })).late).toBe(true);
    expect(engine.refundsRequired()).toMatchObject([{ lockId, orderId: 8 }]);
    const { lockId: other } = locked('ben', 1);
    advance(60_000);
    engine.requireRefund({ lockId: other, orderId: 9 });
    engine.confirm({ lockId: other, orderId: 9 });
    expect(engine.refundsRequired()).toHaveLength(1);
  });

  it('is noted of what is over, and not of what the orders service gave up', () => {
    const { engine, locked } = boxOffice();
    const [active, sold, failed, left] = ['ann', 'ben', 'cem', 'dan'].map(
      (userId) => locked(userId, 1).lockId,
    ) as [string, string, string, string];
    engine.confirm({ lockId: sold });
    engine.release({ lockId: failed });
    engine.unlock({ lockId: left });
    const answers = [active, sold, failed, 'L9', left].map((lockId) =>
      codeOf(engine.requireRefund({ lockId })),
    );
    const refusals = ['LOCK_MISMATCH', 'LOCK_CONFIRMED', 'LOCK_RELEASED', 'LOCK_NOT_FOUND'];
    expect(answers).toEqual([...refusals, 'ok']);
  });
});

describe('a cancelled event', () => {
  it('gives every lock back, keeps what is sold, and takes no more', () => {
    const { engine, advance, locked, available } = boxOffice();
    const over = locked('ann').lockId;
    advance(59_999);
    const paid = locked('ben').lockId;
    const sold = locked('cem').lockId;
    engine.beginPayment({ lockId: paid, orderId: 7 });
    engine.confirm({ lockId: sold });
    advance(1);
    expect(valueOf(engine.cancelEvent({ eventId: 1 })).lockIds).toEqual([paid]);
    expect(engine.lockById(over)?.status).toBe('EXPIRED');
    expect(engine.lockById(paid)).toMatchObject({ status: 'RELEASED', reason: 'event-cancelled' });
    expect(engine.isCancelled(1)).toBe(true);
    expect(engine.cancelEvent({ eventId: 1 })).toMatchObject({ ok: true, changes: [] });
    expect(codeOf(engine.cancelEvent({ eventId: 2 }))).toBe('EVENT_NOT_FOUND');
    const more = { eventId: 1, categoryId: 2, quantity: 1, userId: 'dan', sessionId: 's' };
    expect(codeOf(engine.lock(more))).toBe('EVENT_NOT_FOUND');
    expect(available()).toBe(4);
  });
});
