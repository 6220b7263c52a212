import { describe, expect, it } from 'vitest';

import { boxOffice, codeOf, valueOf } from './box-office.js';

describe('a confirm', () => {
  it('sells for good, and answers alike when it is repeated', () => {
    const { engine, advance, locked, available } = boxOffice();
    const { lockId } = locked('ann', 2);
    const first = valueOf(engine.confirm({ lockId, orderId: 7 }));
    expect(first).toMatchObject({ status: 'CONFIRMED', quantity: 2, orderId: 7 });
    advance(1e9);
    expect(engine.confirm({ lockId, orderId: '7' })).toMatchObject({ value: first });
    expect(engine.confirm({ lockId })).toMatchObject({ value: first, changes: [] });
    expect(codeOf(engine.confirm({ lockId, orderId: 8 }))).toBe('ORDER_CONFLICT');
    expect(codeOf(engine.unlock({ lockId }))).toBe('LOCK_CONFIRMED');
    expect(codeOf(engine.extend({ lockId }))).toBe('LOCK_CONFIRMED');
    expect(available()).toBe(3);
  });

  it('without an order belongs to no order afterwards', () => {
    const { engine, locked } = boxOffice();
    const { lockId } = locked('ann');
    engine.confirm({ lockId });
    expect(codeOf(engine.confirm({ lockId, orderId: 7 }))).toBe('ORDER_CONFLICT');
    expect(codeOf(engine.confirm({ lockId }))).toBe('ok');
  });

  it('must be right about the lock', () => {
    const { engine, locked } = boxOffice();
    const { lockId } = locked('ann', 2);
    const claim = (claims: object) => engine.confirm({ lockId, ...claims });
    expect(codeOf(claim({ userId: 'ben' }))).toBe('LOCK_NOT_FOUND');
    expect(claim({ eventId: 2 })).toMatchObject({ error: { field: 'eventId' } });
    expect(claim({ categoryId: 3 })).toMatchObject({ error: { field: 'categoryId' } });
    expect(claim({ quantity: 3 })).toMatchObject({
      error: { code: 'LOCK_MISMATCH', field: 'quantity' },
    });
    expect(codeOf(claim({ userId: 'ann', eventId: 1, categoryId: 2, quantity: 2 }))).toBe('ok');
  });

  it('comes too late at the very end of the lock', () => {
    const { engine, advance, locked } = boxOffice();
    const { lockId } = locked('ann');
    advance(60_000);
    expect(engine.confirm({ lockId })).toMatchObject({
      error: { code: 'LOCK_EXPIRED', lockId },
      changes: [{ type: 'expired' }],
    });
  });

  it('of several locks happens to all or to none', () => {
    const { engine, advance, locked } = boxOffice();
    const lockIds = [locked('ann', 1).lockId, locked('ann', 1, 3).lockId];
    const other = locked('ben').lockId;
    engine.release({ lockId: other });
    expect(engine.confirmMany({ lockIds: [...lockIds, other], orderId: 7 })).toMatchObject({
      error: { code: 'LOCK_RELEASED', lockId: other },
      changes: [],
    });
    expect(valueOf(engine.confirmMany({ lockIds, orderId: 7 })).locks).toHaveLength(2);
    advance(1e6);
    expect(codeOf(engine.confirmMany({ lockIds, orderId: 7 }))).toBe('ok');
    expect(codeOf(engine.confirmMany({ lockIds: [...lockIds, 'L99'] }))).toBe('LOCK_NOT_FOUND');
    expect(codeOf(engine.confirmMany({ lockIds: ['L1', 'L1'] }))).toBe('INVALID_REQUEST');
  });

  it('of locks of two events is no request', () => {
    const { engine, locked } = boxOffice();
    engine.setInventory({ eventId: 5, categories: [{ categoryId: 2, capacity: 1 }] });
    const here = locked('ann').lockId;
    const there = valueOf(
      engine.lock({ eventId: 5, categoryId: 2, quantity: 1, userId: 'ann', sessionId: 's' }),
    ).lockId;
    for (const decide of ['confirmMany', 'releaseMany'] as const) {
      const lockIds = [here, 'unknown', there];
      expect(engine[decide]({ lockIds, orderId: 7 })).toMatchObject({
        error: { code: 'INVALID_REQUEST', field: 'lockIds' },
      });
    }
  });
});

describe('a late confirm', () => {
  const policy = { lateConfirm: 'if-available', lateConfirmWindowMs: 10_000 } as const;

  it('takes fresh tickets while there are some', () => {
    const { engine, advance, locked, available } = boxOffice(policy);
    const { lockId } = locked('ann', 3);
    advance(65_000);
    const late = valueOf(engine.confirm({ lockId, orderId: 7 }));
    expect(late).toMatchObject({ late: true, quantity: 3 });
    expect(engine.lockById(lockId)).toMatchObject({ status: 'CONFIRMED', late: true });
    expect(valueOf(engine.confirm({ lockId, orderId: 7 }))).toEqual(late);
    expect(available()).toBe(2);
  });

  it('says how many are free when they are too few, counting what is over but not swept', () => {
    const { engine, advance, locked } = boxOffice(policy);
    const { lockId } = locked('ann', 3);
    locked('ben', 2);
    advance(60_000);
    locked('cem', 4);
    expect(engine.confirm({ lockId })).toMatchObject({
      error: { code: 'LOCK_EXPIRED', available: 1 },
    });
  });

  it('of two locks needs tickets for both', () => {
    const { engine, advance, locked } = boxOffice(policy);
    const lockIds = [locked('ann', 2).lockId, locked('ben', 2).lockId];
    advance(60_000);
    locked('cem', 2);
    expect(engine.confirmMany({ lockIds, orderId: 7 })).toMatchObject({
      error: { code: 'LOCK_EXPIRED', lockId: lockIds[1], available: 3 },
    });
  });

  it('ends with its window, and with the event', () => {
    const { engine, advance, locked } = boxOffice(policy);
    const { lockId } = locked('ann');
    advance(70_000);
    expect(engine.confirm({ lockId })).toMatchObject({ error: { code: 'LOCK_EXPIRED', lockId } });
    const second = locked('ann').lockId;
    advance(60_000);
    engine.cancelEvent({ eventId: 1 });
    expect(engine.confirm({ lockId: second })).toMatchObject({
      error: { code: 'LOCK_EXPIRED', available: 0 },
    });
  });
});

describe('a payment', () => {
  it('ties the lock to its order, and keeps buyer and disconnect away', () => {
    const { engine, advance, locked } = boxOffice();
    const { lockId } = locked('ann', 2);
    const begun = valueOf(engine.beginPayment({ lockId, orderId: 7, ttlMs: 120_000 }));
    expect(begun).toMatchObject({ orderId: 7, expiresInMs: 120_000 });
    advance(1_000);
    expect(engine.beginPayment({ lockId, orderId: 7 })).toMatchObject({
      value: { expiresAtMs: begun.expiresAtMs },
      changes: [],
    });
    const add = { eventId: 1, categoryId: 2, quantity: 1, userId: 'ann', sessionId: 's' };
    expect(codeOf(engine.beginPayment({ lockId, orderId: 8 }))).toBe('ORDER_CONFLICT');
    expect(codeOf(engine.unlock({ lockId }))).toBe('ORDER_CONFLICT');
    expect(codeOf(engine.extend({ lockId }))).toBe('ORDER_CONFLICT');
    expect(codeOf(engine.lock({ ...add, onExisting: 'add' }))).toBe('ORDER_CONFLICT');
    expect(codeOf(engine.lock(add))).toBe('DUPLICATE_LOCK');
    expect(codeOf(engine.release({ lockId, orderId: 8 }))).toBe('ORDER_CONFLICT');
    expect(codeOf(engine.confirm({ lockId, orderId: 8 }))).toBe('ORDER_CONFLICT');
    expect(valueOf(engine.confirm({ lockId })).orderId).toBe(7);
    expect(codeOf(engine.beginPayment({ lockId, orderId: 7 }))).toBe('LOCK_CONFIRMED');
  });

  it('never brings the end nearer, nor past the greatest age', () => {
    const { engine, locked } = boxOffice({ lockAgeMsMax: 90_000 });
    const short = locked('ann').lockId;
    const long = locked('ben').lockId;
    const at = (lockId: string, ttlMs: number) =>
      valueOf(engine.beginPayment({ lockId, orderId: 7, ttlMs })).expiresInMs;
    expect(at(short, 1)).toBe(60_000);
    expect(at(long, 600_000)).toBe(90_000);
  });

  it('may be given up by its order or without one, and must be right about the lock', () => {
    const { engine, advance, locked, available } = boxOffice();
    const ids = [locked('ann').lockId, locked('ben').lockId];
    const wrong = engine.beginPayment({ lockId: ids[0] ?? '', orderId: 7, quantity: 2 });
    expect(codeOf(wrong)).toBe('LOCK_MISMATCH');
    for (const lockId of ids) engine.beginPayment({ lockId, orderId: 7 });
    expect(codeOf(engine.release({ lockId: ids[0] ?? '' }))).toBe('ok');
    expect(codeOf(engine.releaseMany({ lockIds: ids, orderId: 7 }))).toBe('ok');
    expect(available()).toBe(5);
    const { lockId } = locked('cem');
    advance(60_000);
    expect(codeOf(engine.beginPayment({ lockId, orderId: 7 }))).toBe('LOCK_EXPIRED');
  });
});

describe('a return', () => {
  it('puts a failed order back on sale, for its own order only, and for good', () => {
    const { engine, locked, available } = boxOffice();
    const { lockId } = locked('ann', 2);
    engine.confirm({ lockId, orderId: 7 });
    expect(codeOf(engine.release({ lockId }))).toBe('ORDER_CONFLICT');
    expect(codeOf(engine.release({ lockId, orderId: 8 }))).toBe('ORDER_CONFLICT');
    expect(engine.release({ lockId, orderId: 7 })).toMatchObject({
      value: { status: 'RELEASED' },
      changes: [{ type: 'released', reason: 'order-failed' }],
    });
    expect(available()).toBe(5);
    expect(codeOf(engine.release({ lockId, orderId: 7 }))).toBe('ok');
    for (const orderId of [undefined, 7, 8]) {
      expect(codeOf(engine.confirm({ lockId, orderId }))).toBe('LOCK_RELEASED');
    }
  });

  it('of what was confirmed without an order needs none', () => {
    const { engine, locked } = boxOffice();
    const { lockId } = locked('ann');
    engine.confirm({ lockId });
    expect(codeOf(engine.release({ lockId, orderId: 7 }))).toBe('ORDER_CONFLICT');
    expect(codeOf(engine.release({ lockId, quantity: 2 }))).toBe('LOCK_MISMATCH');
    expect(codeOf(engine.release({ lockId }))).toBe('ok');
  });

  it('of what expired is what time has done already', () => {
    const { engine, advance, locked } = boxOffice();
    const { lockId } = locked('ann');
    advance(60_000);
    expect(valueOf(engine.release({ lockId, orderId: 7 })).status).toBe('EXPIRED');
  });
});

describe('request ids of the orders service', () => {
  it('are unique per command and order', () => {
    const { engine, locked } = boxOffice();
    const [first, second] = [locked('ann').lockId, locked('ben').lockId];
    const order = { orderId: 7, requestId: 'r' };
    expect(codeOf(engine.beginPayment({ lockId: first, ...order }))).toBe('ok');
    expect(codeOf(engine.confirm({ lockId: first, ...order }))).toBe('ok');
    expect(codeOf(engine.confirm({ lockId: first, ...order }))).toBe('ok');
    expect(codeOf(engine.confirm({ lockId: second, ...order }))).toBe('REQUEST_CONFLICT');
    expect(codeOf(engine.confirmMany({ lockIds: [second], ...order }))).toBe('ok');
    const third = locked('cem').lockId;
    expect(codeOf(engine.confirm({ lockId: third, orderId: 8, requestId: 'r' }))).toBe('ok');
  });
});
