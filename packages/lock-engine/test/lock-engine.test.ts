import { describe, expect, it } from 'vitest';

import { canonicalId, InvariantError, LOCK_ERROR_CODES, LockEngine } from '../src/index.js';
import type { LockPolicy } from '../src/index.js';
import { boxOffice, codeOf, valueOf } from './box-office.js';

describe('an engine', () => {
  it.each([
    [{ clock: undefined }, TypeError, 'clock.nowMs must be a function'],
    [{ ids: {} }, TypeError, 'ids.lockId must be a function'],
    [
      { policy: { ttlMs: 0 } },
      RangeError,
      'policy.ttlMs must be an integer from 1 to 31536000000, got 0',
    ],
    [{ policy: { ttlMs: 1.5 } }, RangeError, 'policy.ttlMs'],
    [{ policy: { ttlMs: Infinity } }, RangeError, 'policy.ttlMs'],
    [{ policy: { ticketsPerLockMax: NaN } }, RangeError, 'policy.ticketsPerLockMax'],
    [{ policy: { extensionsMax: -1 } }, RangeError, 'policy.extensionsMax'],
    [{ policy: { locksPerUserMax: '3' } }, RangeError, 'policy.locksPerUserMax'],
    [{ policy: { lateConfirm: 'maybe' } }, TypeError, "policy.lateConfirm must be 'reject' or"],
  ])('is not made with %o', (wrong, kind, message) => {
    const right = { clock: { nowMs: () => 0 }, ids: { lockId: () => 'L' } };
    const make = () => new LockEngine({ ...right, ...wrong } as never);
    expect(make).toThrow(kind);
    expect(make).toThrow(message);
  });

  it('takes defaults for what is not given, and limits without end', () => {
    const policy: Partial<LockPolicy> = {
      ticketsPerLockMax: Infinity,
      locksPerUserMax: undefined as never,
    };
    const engine = new LockEngine({
      clock: { nowMs: () => 0 },
      ids: { lockId: () => 'L' },
      policy,
    });
    expect(engine.policy).toMatchObject({ ticketsPerLockMax: Infinity, locksPerUserMax: 20 });
  });

  it('does not follow its clock back, and needs one that gives an instant', () => {
    const { engine, advance, locked } = boxOffice();
    const { expiresAtMs } = locked('ann');
    advance(-500_000);
    expect(locked('ben').expiresAtMs).toBe(expiresAtMs);
    advance(NaN);
    expect(() => engine.availability(1)).toThrow(InvariantError);
  });

  it('refuses what is no command', () => {
    const { engine } = boxOffice();
    const commands = [
      'setInventory',
      'lock',
      'lockMany',
      'unlock',
      'extend',
      'beginPayment',
      'confirm',
      'confirmMany',
      'release',
      'releaseMany',
      'releaseSession',
      'expireDue',
      'settle',
      'requireRefund',
      'cancelEvent',
    ] as const;
    for (const name of commands) {
      for (const input of name === 'expireDue' ? [null, 7] : [null, undefined, 7, 'lock']) {
        expect(engine[name](input as never)).toMatchObject({
          error: { code: 'INVALID_REQUEST', field: 'command' },
          changes: [],
        });
      }
    }
  });

  it.each([
    ['lock', { eventId: 1.5 }, 'eventId'],
    ['lock', { categoryId: '' }, 'categoryId'],
    ['lock', { quantity: undefined }, 'quantity'],
    ['lock', { userId: 'a\u0000b' }, 'userId'],
    ['lock', { sessionId: '' }, 'sessionId'],
    ['lock', { onExisting: 'replace' }, 'onExisting'],
    ['lock', { requestId: 7 }, 'requestId'],
    ['lockMany', { eventId: -1, items: [] }, 'eventId'],
    ['lockMany', { items: [{ categoryId: 2, quantity: 1 }], userId: {} }, 'userId'],
    ['unlock', { lockId: 7 }, 'lockId'],
    ['unlock', { lockId: 'L1', userId: NaN }, 'userId'],
    ['unlock', { lockId: 'L1', quantity: 0 }, 'quantity'],
    ['unlock', { lockId: 'L1', quantity: undefined, requestId: '' }, 'requestId'],
    ['unlock', { lockId: undefined, eventId: [] }, 'eventId'],
    ['unlock', { lockId: undefined, categoryId: true }, 'categoryId'],
    ['unlock', { lockId: undefined, userId: 2 ** 53 }, 'userId'],
    ['extend', { lockId: '' }, 'lockId'],
    ['extend', { lockId: 'L1', userId: '' }, 'userId'],
    ['extend', { lockId: 'L1', requestId: 'x'.repeat(129) }, 'requestId'],
    ['beginPayment', { lockId: 'L1', orderId: undefined }, 'orderId'],
    ['beginPayment', { lockId: 'L1', orderId: 7, ttlMs: 0 }, 'ttlMs'],
    ['beginPayment', { lockId: 'L1', orderId: 7, ttlMs: 4e10 }, 'ttlMs'],
    ['beginPayment', { lockId: 'L1', orderId: 7, ttlMs: null }, 'ttlMs'],
    ['confirm', { lockId: null }, 'lockId'],
    ['confirm', { lockId: 'L1', orderId: '' }, 'orderId'],
    ['confirm', { lockId: 'L1', quantity: 1.5 }, 'quantity'],
    ['confirm', { lockId: 'L1', requestId: {} }, 'requestId'],
    ['release', { lockId: 'L1', categoryId: [] }, 'categoryId'],
    ['confirmMany', { lockIds: 'L1' }, 'lockIds'],
    ['confirmMany', { lockIds: [] }, 'lockIds'],
    ['confirmMany', { lockIds: [7] }, 'lockIds'],
    ['confirmMany', { lockIds: ['L1'], orderId: NaN }, 'orderId'],
    ['releaseMany', { lockIds: ['L1'], requestId: 7 }, 'requestId'],
    ['releaseSession', { sessionId: 7 }, 'sessionId'],
    ['expireDue', { limit: 0 }, 'limit'],
    ['settle', { lockId: 7 }, 'lockId'],
    ['requireRefund', { lockId: 7 }, 'lockId'],
    ['requireRefund', { lockId: 'L1', orderId: '' }, 'orderId'],
    ['cancelEvent', { eventId: null }, 'eventId'],
  ] as const)('refuses %s with %o, and says which field', (name, wrong, field) => {
    const { engine, locked, available } = boxOffice();
    locked('ann');
    const right = { eventId: 1, categoryId: 2, quantity: 1, userId: 'ben', sessionId: 's' };
    expect(engine[name]({ ...right, ...wrong } as never)).toMatchObject({
      error: { code: 'INVALID_REQUEST', field },
      changes: [],
    });
    expect(available()).toBe(4);
  });

  it.each([NaN, Infinity, -Infinity, -1, 0, 0.5, 2 ** 53, 1e21, '2', [2], {}, null, true])(
    'locks no %s tickets',
    (quantity) => {
      const { engine } = boxOffice({ ticketsPerLockMax: Infinity });
      const command = { eventId: 1, categoryId: 2, quantity, userId: 'ann', sessionId: 's' };
      expect(codeOf(engine.lock(command as never))).toBe('INVALID_REQUEST');
    },
  );
});

describe('an id', () => {
  it.each([
    [12, 12],
    ['12', 12],
    ['0', 0],
    [-0, 0],
    ['007', '007'],
    ['-1', '-1'],
    ['1e3', '1e3'],
    ['9007199254740992', '9007199254740992'],
    ['9007199254740991', 9007199254740991],
    ['__proto__', '__proto__'],
    ['é', 'é'],
    ['x'.repeat(64), 'x'.repeat(64)],
    ['x'.repeat(65), undefined],
    ['', undefined],
    ['a\nb', undefined],
    ['\u007f', undefined],
    ['\ud800', undefined],
    [1.5, undefined],
    [-1, undefined],
    [2 ** 53, undefined],
    [NaN, undefined],
    [12n, undefined],
    [null, undefined],
    [['1'], undefined],
  ])('%o has the canonical form %o', (input, canonical) => {
    expect(canonicalId(input)).toBe(canonical);
  });

  it('finds the same event, category and user in either form', () => {
    const { engine } = boxOffice();
    const text = { eventId: '1', categoryId: '2', quantity: 1, userId: '42', sessionId: 's' };
    expect(valueOf(engine.lock(text as never))).toMatchObject({ eventId: 1, categoryId: 2 });
    expect(engine.locksOfUser(42)).toMatchObject([{ userId: 42 }]);
    expect(engine.locksOfUser('')).toEqual([]);
    expect(engine.availability('x')).toBeUndefined();
    expect(engine.categoryAvailability(7, '')).toBeUndefined();
    expect(engine.categoryAvailability(1, '')).toBeUndefined();
    expect(engine.isCancelled('')).toBeUndefined();
    expect(engine.lockById('unknown')).toBeUndefined();
    expect(engine.locksOfSession('unknown')).toEqual([]);
  });
});

describe('the end of a lock', () => {
  it('is recorded in the order of the ends, in slices', () => {
    const { engine, advance, locked } = boxOffice();
    const first = locked('ann').lockId;
    advance(1);
    const second = locked('ben').lockId;
    const paid = locked('cem').lockId;
    engine.beginPayment({ lockId: paid, orderId: 7, ttlMs: 90_000 });
    expect(engine.nextExpiryAtMs()).toBe(1_060_000);
    advance(60_000);
    expect(engine.stats().activeLocks).toBe(3);
    const slice = engine.expireDue({ limit: 1 });
    expect(slice).toMatchObject({ value: { expiredCount: 1, more: true } });
    expect(slice.changes).toMatchObject([{ type: 'expired', lockId: first }]);
    const rest = engine.expireDue();
    expect(rest).toMatchObject({ value: { expiredCount: 1, more: false } });
    expect(rest.changes).toMatchObject([{ lockId: second }]);
    advance(30_000);
    expect(engine.expireDue().changes).toMatchObject([{ lockId: paid, orderId: 7 }]);
    expect(engine.nextExpiryAtMs()).toBeUndefined();
    expect(engine.stats().locksByStatus).toEqual({
      active: 0,
      expired: 3,
      confirmed: 0,
      released: 0,
    });
  });

  it('is announced once, and again after the end has moved', () => {
    const { engine, advance, locked } = boxOffice({ expiringNoticeMs: 10_000 });
    const { lockId } = locked('ann');
    locked('ben');
    engine.beginPayment({ lockId: 'L2', orderId: 7, ttlMs: 60_000 });
    expect(engine.nextDueAtMs()).toBe(1_050_000);
    advance(50_000);
    const announced = engine.expireDue({ limit: 1 });
    expect(announced).toMatchObject({ value: { expiredCount: 0, more: true } });
    expect(announced.changes).toMatchObject([{ type: 'expiring', lockId }]);
    expect(engine.expireDue().changes).toMatchObject([{ type: 'expiring', orderId: 7 }]);
    expect(engine.expireDue().changes).toEqual([]);
    expect(engine.nextDueAtMs()).toBe(1_060_000);
    engine.extend({ lockId });
    advance(10_000);
    expect(engine.expireDue({ limit: 1 }).changes).toMatchObject([
      { type: 'expired', lockId: 'L2' },
    ]);
    advance(40_000);
    expect(engine.expireDue().changes).toMatchObject([{ type: 'expiring', lockId }]);
  });

  it('has nothing due while there is nothing, and looks at the end once all is announced', () => {
    const { engine, advance, locked } = boxOffice({ expiringNoticeMs: 10_000 });
    expect([engine.seq, engine.nextDueAtMs()]).toEqual([1, undefined]);
    const { expiresAtMs } = locked('ann');
    expect([engine.seq, engine.sessionIds()]).toEqual([2, ['s-ann']]);
    advance(50_000);
    engine.expireDue();
    expect(engine.nextDueAtMs()).toBe(expiresAtMs);
    const silent = boxOffice();
    expect(silent.engine.nextDueAtMs()).toBeUndefined();
    expect(silent.engine.nextDueAtMs()).toBe(silent.engine.nextExpiryAtMs());
  });

  it('keeps its order however many different lives there are', () => {
    const { engine, advance, locked } = boxOffice({ ttlMs: 1, lockAgeMsMax: Infinity });
    const lives = Array.from({ length: 40 }, (_, index) => 1_000 - index * 7);
    for (const [index, ttlMs] of lives.entries()) {
      const { lockId } = locked(`user ${index}`, 1, 3);
      engine.beginPayment({ lockId, orderId: index, ttlMs });
    }
    advance(1_000);
    const ends = engine
      .expireDue()
      .changes.map((change) => change.type === 'expired' && change.expiresAtMs);
    expect(ends).toHaveLength(40);
    expect(ends).toEqual(ends.toSorted((a, b) => Number(a) - Number(b)));
    engine.assertConsistent();
  });
});

describe('what is over', () => {
  it('is forgotten by number, the oldest first', () => {
    const { engine, locked } = boxOffice({ endedLocksMax: 4, requestsMax: 2 });
    for (let index = 0; index < 5; index += 1) {
      const request = { eventId: 1, categoryId: 2, quantity: 1, userId: 'ann', sessionId: 's' };
      const { lockId } = valueOf(engine.lock({ ...request, requestId: `r${index}` }));
      engine.release({ lockId });
    }
    expect(engine.stats()).toMatchObject({ totalLocks: 4, rememberedRequests: 2 });
    expect([engine.lockById('L1'), engine.lockById('L2')?.status]).toEqual([undefined, 'RELEASED']);
    const sold = locked('ben').lockId;
    engine.confirm({ lockId: sold });
    engine.settle({ lockId: sold });
    for (let index = 0; index < 5; index += 1) engine.release({ lockId: locked('cem').lockId });
    expect(engine.lockById(sold)).toBeUndefined();
    engine.assertConsistent();
  });

  it('may be forgotten before the request that made it', () => {
    const { engine } = boxOffice({ endedLocksMax: 0 });
    const request = { eventId: 1, categoryId: 2, quantity: 1, userId: 'ann', sessionId: 's' };
    const { lockId } = valueOf(engine.lock({ ...request, requestId: 'r' }));
    engine.release({ lockId });
    expect(engine.lock({ ...request, requestId: 'r' })).toMatchObject({
      error: { code: 'LOCK_NOT_FOUND', lockId },
    });
  });

  it('with an order that came back as completed lets the order go too', () => {
    const { engine, advance, locked } = boxOffice({ endedLockRetentionMs: 10, requestsMax: 0 });
    const sell = () => {
      const { lockId } = locked('ann');
      engine.confirm({ lockId, requestId: 'r' });
      return lockId;
    };
    const settleAt = (soldElsewhere: number) => {
      advance(1);
      const completed = [{ orderId: 7, categoryId: 2, quantity: 1, userId: 'ann' }];
      const categories = [{ categoryId: 2, capacity: 5, soldElsewhere }];
      return valueOf(engine.setInventory({ eventId: 1, categories, completed })).settledLockIds;
    };
    const first = sell();
    expect(settleAt(1)).toEqual([first]);
    const second = sell();
    expect(settleAt(2)).toEqual([]);
    advance(10);
    expect(valueOf(engine.forgetEnded()).lockCount).toBe(1);
    expect(settleAt(2)).toEqual([second]);
  });
});

describe('a replay', () => {
  it('takes changes in their order only', () => {
    const { engine, options } = boxOffice();
    const copy = new LockEngine(options);
    const { changes } = engine.setInventory({ eventId: 1, categories: [] });
    for (const change of changes)
      expect(() => copy.apply(change)).toThrow('broken invariant: change 2 follows 0');
  });

  it('forgets no request that is not there', () => {
    const { engine } = boxOffice();
    const forgotten = { type: 'forgotten', lockCount: 0, requestCount: 1 } as const;
    engine.apply({ seq: 2, atMs: 1_000_000, ...forgotten });
    expect(engine.stats().rememberedRequests).toBe(0);
  });

  it('begins with a snapshot that fits, on an engine that has nothing', () => {
    const { engine, options, locked } = boxOffice();
    locked('ann');
    const snapshot = engine.snapshot();
    expect(() => engine.restore(snapshot)).toThrow('only an empty engine is restored');
    const restore = (wrong: object) => () =>
      new LockEngine(options).restore({ ...snapshot, ...wrong });
    expect(restore({ format: 2 as never })).toThrow('snapshot.format must be 1, got 2');
    expect(restore({ events: [] })).toThrow(InvariantError);
    expect(restore({ locks: [...snapshot.locks, ...snapshot.locks] })).toThrow('is there once');
  });
});

it('codes stand in the order of their checks', () => {
  expect(LOCK_ERROR_CODES.indexOf('INVALID_REQUEST')).toBeLessThan(
    LOCK_ERROR_CODES.indexOf('LOCK_NOT_FOUND'),
  );
  expect(new Set(LOCK_ERROR_CODES).size).toBe(19);
});
