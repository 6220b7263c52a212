import { describe, expect, it } from 'vitest';

import { boxOffice, codeOf, valueOf } from './box-office.js';

const SEATS = { eventId: 1, categoryId: 2, sessionId: 's' };

describe('a lock', () => {
  it('takes its tickets from everybody else and gives them back at its end, not after', () => {
    const { engine, advance, locked, available } = boxOffice();
    const ann = locked('ann', 4);
    expect(ann).toMatchObject({ quantity: 4, expiresInMs: 60_000, available: 1 });
    advance(59_999);
    expect(engine.lock({ ...SEATS, userId: 'ben', quantity: 2 })).toMatchObject({
      ok: false,
      error: { code: 'INSUFFICIENT_TICKETS', available: 1, requested: 2 },
    });
    advance(1);
    expect(available()).toBe(5);
    expect(engine.lockById(ann.lockId)).toMatchObject({ status: 'EXPIRED', expiresInMs: 0 });
    expect(locked('ben', 5).available).toBe(0);
  });

  it('is refused with the first one when the user has one in the category', () => {
    const { engine, locked } = boxOffice();
    const first = locked('ann', 2);
    const second = engine.lock({ ...SEATS, userId: 'ann', quantity: 1 });
    expect(second).toMatchObject({
      ok: false,
      error: { code: 'DUPLICATE_LOCK', lockId: first.lockId, lock: { quantity: 2 } },
    });
  });

  it('changes its quantity in place, up and down, and keeps its end', () => {
    const { engine, advance, locked, available } = boxOffice();
    const { lockId, expiresAtMs } = locked('ann', 2);
    advance(10);
    const more = engine.lock({ ...SEATS, userId: 'ann', quantity: 2, onExisting: 'add' });
    expect(valueOf(more)).toMatchObject({ lockId, quantity: 4, expiresAtMs, available: 1 });
    const fewer = engine.lock({ ...SEATS, userId: 'ann', quantity: 1, onExisting: 'set' });
    expect(valueOf(fewer)).toMatchObject({ lockId, quantity: 1, expiresAtMs, available: 4 });
    const same = engine.lock({ ...SEATS, userId: 'ann', quantity: 1, onExisting: 'set' });
    expect(same).toMatchObject({ ok: true, changes: [] });
    const tooMany = engine.lock({ ...SEATS, userId: 'ann', quantity: 6, onExisting: 'set' });
    expect(codeOf(tooMany)).toBe('INSUFFICIENT_TICKETS');
    expect(available()).toBe(4);
  });

  it('that is over does not count against its owner', () => {
    const { advance, locked } = boxOffice({ locksPerUserMax: 1 });
    locked('ann', 2);
    advance(60_000);
    expect(locked('ann', 1, 3).quantity).toBe(1);
    expect(locked('ben', 5).available).toBe(0);
  });

  it('stays within the limits of its policy', () => {
    const policy = { ticketsPerLockMax: 3, locksPerUserMax: 1, ticketsPerUserPerEventMax: 4 };
    const { engine, locked } = boxOffice(policy);
    const lock = (more: object) => engine.lock({ ...SEATS, userId: 'ann', quantity: 1, ...more });
    expect(lock({ quantity: 4 })).toMatchObject({ error: { limit: 'ticketsPerLockMax', max: 3 } });
    const { lockId } = locked('ann', 3);
    expect(lock({ categoryId: 3 })).toMatchObject({ error: { limit: 'locksPerUserMax', max: 1 } });
    engine.confirm({ lockId });
    expect(lock({ quantity: 2 })).toMatchObject({
      error: { limit: 'ticketsPerUserPerEventMax', max: 4 },
    });
    expect(codeOf(lock({ quantity: 1 }))).toBe('ok');
  });
});

describe('several categories', () => {
  const order = { eventId: 1, userId: 'ann', sessionId: 's' };

  it('are locked together with one end, or not at all', () => {
    const { engine, locked } = boxOffice();
    locked('ben', 4);
    const items = [
      { categoryId: 2, quantity: 2 },
      { categoryId: 3, quantity: 2 },
    ];
    expect(engine.lockMany({ ...order, items })).toMatchObject({
      ok: false,
      error: {
        code: 'INSUFFICIENT_TICKETS',
        lines: [{ categoryId: 2, requested: 2, available: 1 }],
      },
      changes: [],
    });
    const fewer = items.map((item) => ({ ...item, quantity: 1 }));
    const both = valueOf(engine.lockMany({ ...order, items: fewer }));
    expect(new Set(both.locks.map((lock) => lock.expiresAtMs)).size).toBe(1);
    expect(engine.locksOfUser('ann')).toHaveLength(2);
    expect(engine.locksOfSession('s').map((lock) => lock.categoryId)).toEqual([2, 3]);
  });

  it.each([
    ['no list', undefined],
    ['an empty list', []],
    ['a line that is none', [null]],
    ['a category twice', [2, '2'].map((categoryId) => ({ categoryId, quantity: 1 }))],
    ['a quantity that is none', [{ categoryId: 2, quantity: 0 }]],
  ])('are refused with %s', (_what, items) => {
    const { engine } = boxOffice();
    expect(engine.lockMany({ ...order, items: items as never })).toMatchObject({
      error: { code: 'INVALID_REQUEST', field: 'items' },
    });
  });
});

describe('the same request', () => {
  it('gets the same lock, with the times of now', () => {
    const { engine, advance } = boxOffice();
    const request = { ...SEATS, userId: 'ann', quantity: 2, requestId: 'r1' };
    const first = valueOf(engine.lock(request));
    advance(1_000);
    const again = engine.lock({ ...request, sessionId: 'another tab' });
    expect(again).toEqual({ ok: true, value: { ...first, expiresInMs: 59_000 }, changes: [] });
    expect(codeOf(engine.lock({ ...request, quantity: 3 }))).toBe('REQUEST_CONFLICT');
    expect(codeOf(engine.lock({ ...request, userId: 'ben' }))).toBe('ok');
  });

  it('gets the end of its lock once that is over', () => {
    const { engine, advance } = boxOffice();
    const ask = (userId: string) => engine.lock({ ...SEATS, userId, quantity: 1, requestId: 'r' });
    const ids = ['ann', 'ben', 'cem'].map((userId) => valueOf(ask(userId)).lockId);
    engine.confirm({ lockId: ids[0] ?? '' });
    engine.release({ lockId: ids[1] ?? '' });
    advance(60_000);
    expect(ask('ann')).toMatchObject({ error: { code: 'LOCK_CONFIRMED', lockId: ids[0] } });
    expect(ask('ben')).toMatchObject({ error: { code: 'LOCK_RELEASED', lockId: ids[1] } });
    expect(ask('cem')).toMatchObject({ error: { code: 'LOCK_EXPIRED', lockId: ids[2] } });
  });

  it('gives back and extends once', () => {
    const { engine, locked, available } = boxOffice();
    const { lockId } = locked('ann', 3);
    const unlock = { lockId, quantity: 1, requestId: 'r1' };
    const extend = { lockId, requestId: 'r2' };
    expect(engine.unlock(unlock)).toMatchObject({ value: { quantity: 1, remaining: 2 } });
    expect(engine.extend(extend)).toMatchObject({ value: { extensionsLeft: 2 } });
    expect(engine.unlock(unlock)).toMatchObject({ value: { quantity: 1, remaining: 2 } });
    expect(engine.extend(extend)).toMatchObject({ value: { extensionsLeft: 2 }, changes: [] });
    expect(available()).toBe(3);
    engine.unlock({ lockId });
    expect(codeOf(engine.unlock(unlock))).toBe('LOCK_RELEASED');
    expect(codeOf(engine.extend(extend))).toBe('LOCK_RELEASED');
  });

  it('is judged anew after a refusal', () => {
    const { engine, locked } = boxOffice();
    const { lockId } = locked('ben', 5);
    const request = { ...SEATS, userId: 'ann', quantity: 1, requestId: 'r' };
    expect(codeOf(engine.lock(request))).toBe('INSUFFICIENT_TICKETS');
    engine.release({ lockId });
    expect(codeOf(engine.lock(request))).toBe('ok');
  });

  it('is forgotten with its lock', () => {
    const { engine, advance } = boxOffice({ endedLockRetentionMs: 1_000 });
    const request = { ...SEATS, userId: 'ann', quantity: 1, requestId: 'r' };
    const { lockId } = valueOf(engine.lock(request));
    engine.release({ lockId });
    advance(1_000);
    expect(valueOf(engine.forgetEnded())).toEqual({ lockCount: 1, requestCount: 1 });
    expect(engine.lockById(lockId)).toBeUndefined();
    expect(codeOf(engine.lock(request))).toBe('ok');
  });
});

describe('giving back', () => {
  it('works by the category too, and of a part', () => {
    const { engine, locked, available } = boxOffice();
    const { lockId } = locked('ann', 3);
    const mine = { eventId: 1, categoryId: 2, userId: 'ann' };
    expect(valueOf(engine.unlock({ ...mine, quantity: 2 }))).toMatchObject({
      lockId,
      remaining: 1,
    });
    expect(engine.unlock({ ...mine, quantity: 2 })).toMatchObject({
      error: { code: 'INVALID_REQUEST', field: 'quantity', locked: 1 },
    });
    expect(valueOf(engine.unlock(mine))).toMatchObject({ lockId, quantity: 1, remaining: 0 });
    expect(codeOf(engine.unlock(mine))).toBe('LOCK_NOT_FOUND');
    expect(codeOf(engine.unlock({ ...mine, categoryId: 9 }))).toBe('CATEGORY_NOT_FOUND');
    expect(codeOf(engine.unlock({ ...mine, eventId: 9 }))).toBe('EVENT_NOT_FOUND');
    expect(available()).toBe(5);
  });

  it('of all that is back already succeeds; of a part it says what became of the lock', () => {
    const { engine, advance, locked } = boxOffice();
    const released = locked('ann').lockId;
    const expired = locked('ben').lockId;
    engine.release({ lockId: released });
    advance(60_000);
    for (const lockId of [released, expired]) {
      expect(valueOf(engine.unlock({ lockId }))).toMatchObject({ quantity: 0, remaining: 0 });
    }
    expect(codeOf(engine.unlock({ lockId: released, quantity: 1 }))).toBe('LOCK_RELEASED');
    expect(codeOf(engine.unlock({ lockId: expired, quantity: 1 }))).toBe('LOCK_EXPIRED');
  });

  it('of another user is like giving back what does not exist', () => {
    const { engine, locked } = boxOffice();
    const { lockId } = locked('ann');
    expect(codeOf(engine.unlock({ lockId, userId: 'ben' }))).toBe('LOCK_NOT_FOUND');
    expect(codeOf(engine.extend({ lockId, userId: 'ben' }))).toBe('LOCK_NOT_FOUND');
    expect(codeOf(engine.unlock({ lockId, userId: 'ann' }))).toBe('ok');
  });

  it('of a session takes what it made, but nothing that is being paid for', () => {
    const { engine, advance, locked, available } = boxOffice();
    locked('ann', 1);
    const paid = locked('ann', 1, 3);
    engine.beginPayment({ lockId: paid.lockId, orderId: 7 });
    locked('ben', 1);
    expect(valueOf(engine.releaseSession({ sessionId: 's-ann' })).lockIds).toEqual(['L1']);
    expect(valueOf(engine.releaseSession({ sessionId: 'nobody' })).lockIds).toEqual([]);
    expect([available(2), available(3)]).toEqual([4, 99]);
    advance(60_000);
    expect(engine.releaseSession({ sessionId: 's-ben' })).toMatchObject({
      value: { lockIds: [] },
      changes: [{ type: 'expired' }],
    });
  });
});

describe('an extension', () => {
  it('gives a new life, so often and no longer than the policy says', () => {
    const { engine, advance, locked } = boxOffice({ extensionsMax: 2, lockAgeMsMax: 100_000 });
    const { lockId } = locked('ann');
    advance(30_000);
    expect(valueOf(engine.extend({ lockId }))).toMatchObject({
      expiresInMs: 60_000,
      extensionsLeft: 1,
    });
    advance(50_000);
    expect(valueOf(engine.extend({ lockId }))).toMatchObject({
      expiresInMs: 20_000,
      extensionsLeft: 0,
    });
    expect(engine.extend({ lockId })).toMatchObject({ error: { limit: 'extensionsMax', max: 2 } });
    advance(20_000);
    expect(codeOf(engine.extend({ lockId }))).toBe('LOCK_EXPIRED');
  });

  it('is refused once the greatest age is reached', () => {
    const { engine, locked } = boxOffice({ lockAgeMsMax: 60_000 });
    const { lockId } = locked('ann');
    expect(engine.extend({ lockId })).toMatchObject({
      error: { code: 'LIMIT_EXCEEDED', limit: 'lockAgeMsMax' },
    });
  });
});
