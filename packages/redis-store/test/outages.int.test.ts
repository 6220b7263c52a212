// Redis stands still, fills up, forgets its functions, or is set up so that locks could be lost.
import { ManualInventory, memoryDecisionLedger } from '@ticket-locks/lock-engine/testing';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { RedisTicketLocks } from '../src/redis-ticket-locks.js';
import type { RedisTicketLocksOptions } from '../src/redis-ticket-locks-options.js';
import { Branches, codeOf, historyOf, valueOf, wish } from './branches.js';
import type { Branch } from './branches.js';
import { PrivateServer } from './private-server.js';

const RECOVERY_MS = 10_000;
const RESTARTS = 9;

describe('a server that', () => {
  let server: PrivateServer;
  let stores: RedisTicketLocks[] = [];

  beforeEach(async () => {
    server = await PrivateServer.start();
  });

  afterEach(async () => {
    await Promise.all(stores.map((store) => store.stop()));
    stores = [];
    await server.stop();
  });

  function newStore(options: Partial<RedisTicketLocksOptions> = {}): RedisTicketLocks {
    const source = new ManualInventory().set(1, { categoryId: 2, capacity: 10 });
    const store = new RedisTicketLocks({ url: server.url, source, timeoutMs: 5_000, ...options });
    stores.push(store);
    return store;
  }

  async function openStore(options?: Partial<RedisTicketLocksOptions>) {
    const store = newStore(options);
    await store.start();
    valueOf(await store.availability(1));
    return store;
  }

  test('stands still makes nobody wait twice, and is used again when it goes on', async () => {
    const store = await openStore({ timeoutMs: 300 });
    server.holdUp();
    const request = { ...wish('ann'), requestId: 'r-1' };
    expect(codeOf(await store.lock(request))).toBe('OUTCOME_UNKNOWN');
    // From here on nothing is sent, so nothing waits.
    expect(codeOf(await store.lock(wish('ben')))).toBe('UNAVAILABLE');
    expect(codeOf(await store.availability(1))).toBe('UNAVAILABLE');
    expect(store.inFlight).toBe(0);
    server.letGo();
    const again = await vi.waitFor(async () => valueOf(await store.lock(request)), RECOVERY_MS);
    // It was carried out once, whether with the first call or with the second.
    const { categories } = valueOf(await store.availability(1));
    expect(categories).toMatchObject([{ locked: 1, available: 9 }]);
    expect(valueOf(await store.lock(request)).lockId).toBe(again.lockId);
  });

  test.each(['goodbye', 'lost'] as const)(
    'stands still hears afterwards that a session has left (%s)',
    async (how) => {
      const store = await openStore({ timeoutMs: 300, disconnectGraceMs: 200 });
      const { sessionId } = valueOf(await store.openSession({ userId: 'ann' }));
      const { lockId } = valueOf(await store.lock(wish('ann', sessionId)));
      server.holdUp();
      // A call that nobody answers; from then on nothing is sent.
      expect(codeOf(await store.availability(1))).toBe('UNAVAILABLE');
      await store.leaveSession({ sessionId, how });
      server.letGo();
      const isBack = async () =>
        expect(await store.lockById(lockId)).toMatchObject({ status: 'RELEASED' });
      await vi.waitFor(isBack, RECOVERY_MS);
    },
  );

  test('is slow gets no more calls than are allowed to wait', async () => {
    const store = await openStore({ timeoutMs: 2_000, inFlightMax: 5 });
    server.holdUp();
    const asked = Array.from({ length: 20 }, (_, index) => store.lock(wish(`buyer-${index}`)));
    await expect(Promise.race(asked).then(codeOf)).resolves.toBe('UNAVAILABLE');
    expect(store.inFlight).toBeLessThanOrEqual(5);
    server.letGo();
    const codes = (await Promise.all(asked)).map(codeOf);
    expect(codes.filter((code) => code === 'UNAVAILABLE').length).toBeGreaterThanOrEqual(15);
  });

  test('cuts the connection is not sent anything twice', async () => {
    const store = await openStore();
    const locking = store.lock(wish('ann', 'a', 2));
    await server.admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    const code = codeOf(await locking);
    expect(['ok', 'OUTCOME_UNKNOWN', 'UNAVAILABLE']).toContain(code);
    await vi.waitFor(
      async () => expect(codeOf(await store.availability(1))).toBe('ok'),
      RECOVERY_MS,
    );
    const { totalLocks } = await store.stats();
    expect(totalLocks).toBeLessThanOrEqual(code === 'UNAVAILABLE' ? 0 : 1);
    // A second one of the user would be refused with the first.
    const again = await store.lock(wish('ann', 'a', 2));
    expect(codeOf(again)).toBe(totalLocks === 1 ? 'DUPLICATE_LOCK' : 'ok');
  });

  test('is full refuses before anything is changed', async () => {
    const store = await openStore();
    await server.admin.config('SET', 'maxmemory', '1');
    expect(codeOf(await store.lock(wish('ann')))).toBe('UNAVAILABLE');
    await server.admin.config('SET', 'maxmemory', '0');
    const { categories } = valueOf(await store.availability(1));
    expect(categories).toMatchObject([{ locked: 0, available: 10 }]);
    expect(codeOf(await store.lock(wish('ann')))).toBe('ok');
  });

  test('has lost its functions gets them again', async () => {
    const store = await openStore();
    await server.admin.function('FLUSH');
    expect(codeOf(await store.lock(wish('ann')))).toBe('ok');
  });

  test('was emptied says of every lock that it is lost, and takes new ones', async () => {
    const store = await openStore();
    const { lockId } = valueOf(await store.lock(wish('ann', 'a', 10)));
    await server.admin.flushall();
    const again = await vi.waitFor(
      async () => valueOf(await store.lock(wish('ben', 'b', 10))),
      RECOVERY_MS,
    );
    expect(again.lockId).not.toBe(lockId);
    expect(codeOf(await store.confirm({ lockId, orderId: 1 }))).toBe('LOCK_LOST');
    expect(codeOf(await store.unlock({ lockId }))).toBe('LOCK_LOST');
  });

  test('was emptied gives the locks of a session back that was known before', async () => {
    const store = await openStore();
    const { sessionId } = valueOf(await store.openSession({ userId: 'ann' }));
    const before = valueOf(await store.lock(wish('ann', sessionId)));
    await server.admin.flushall();
    const { lockId } = await vi.waitFor(
      async () => valueOf(await store.lock(wish('ann', sessionId))),
      RECOVERY_MS,
    );
    expect(lockId).not.toBe(before.lockId);
    await store.leaveSession({ sessionId, how: 'goodbye' });
    expect(await store.lockById(lockId)).toMatchObject({ status: 'RELEASED' });
  });

  test('was restarted empty, again and again, keeps every sale and sells nothing twice', async () => {
    const decisions = memoryDecisionLedger({ nowMs: () => 0 });
    const store = await openStore({ decisions });
    const sold: string[] = [];
    for (let round = 0; round < RESTARTS; round += 1) {
      const kept = valueOf(await store.lock(wish(`keeper-${round}`, 'k')));
      const { lockId } = valueOf(await store.lock(wish(`buyer-${round}`, 'b')));
      valueOf(await store.confirm({ lockId, orderId: round }));
      sold.push(lockId);
      await server.restart();
      const isOpen = async () => {
        const { categories } = valueOf(await store.availability(1));
        const counts = { confirmed: sold.length, locked: 0, available: 10 - sold.length };
        expect(categories).toMatchObject([counts]);
      };
      await vi.waitFor(isOpen, RECOVERY_MS);
      expect(codeOf(await store.confirm({ lockId: kept.lockId, orderId: 99 }))).toBe('LOCK_LOST');
    }
    for (const [orderId, lockId] of sold.entries()) {
      expect(valueOf(await store.confirm({ lockId, orderId }))).toMatchObject({ lockId });
    }
    const left = 10 - sold.length;
    expect(codeOf(await store.lock(wish('cem', 'c', left + 1)))).toBe('INSUFFICIENT_TICKETS');
    expect(codeOf(await store.lock(wish('cem', 'c', left)))).toBe('ok');
  });

  test('went back in time is found by what was seen of it', async () => {
    const store = await openStore();
    const { lockId: kept } = valueOf(await store.lock(wish('ann', 'a', 4)));
    const before = await dumped();
    valueOf(await store.lock(wish('ben', 'b', 4)));
    for (const [key, dump] of before) await server.admin.restore(key, 0, dump, 'REPLACE');
    // What is there now would let ten more be locked, of which four are another's.
    const late = await vi.waitFor(
      async () => valueOf(await store.lock(wish('cem', 'c', 10))),
      RECOVERY_MS,
    );
    expect(late.quantity).toBe(10);
    expect(codeOf(await store.confirm({ lockId: kept, orderId: 1 }))).toBe('LOCK_LOST');
    expect((await store.stats()).activeLocks).toBe(1);
  });

  /** All keys of the event as they are now. */
  async function dumped(): Promise<[string, Buffer][]> {
    const keys = await server.admin.keys('{tl:n1}*');
    return Promise.all(
      keys.map(async (key): Promise<[string, Buffer]> => [key, await dumpOf(key)]),
    );
  }

  async function dumpOf(key: string): Promise<Buffer> {
    return (await server.admin.dumpBuffer(key)) ?? Buffer.alloc(0);
  }

  test('evicts is refused at the start, with what to change', async () => {
    await server.admin.config('SET', 'maxmemory-policy', 'allkeys-lru');
    const store = newStore();
    await expect(store.start()).rejects.toMatchObject({
      code: 'REDIS_UNFIT',
      message: expect.stringContaining('maxmemory-policy to noeviction') as string,
    });
  });

  test('is not there is said so', async () => {
    const store = newStore({ url: 'redis://127.0.0.1:1', timeoutMs: 200 });
    await expect(store.start()).rejects.toMatchObject({ code: 'REDIS_UNAVAILABLE' });
    expect(codeOf(await store.lock(wish('ann')))).toBe('UNAVAILABLE');
  });
});

describe("the server's clock", () => {
  const open: Branches[] = [];

  afterEach(async () => {
    await Promise.all(open.splice(0).map((branches) => branches.close()));
  });

  async function openBranch() {
    const branches = new Branches();
    open.push(branches);
    const [branch] = (await branches.open(1)) as [Branch];
    return { branch, clock: branches.clock };
  }

  test('that steps back an hour makes no lock live longer', async () => {
    const { branch, clock } = await openBranch();
    const { lockId } = valueOf(await branch.locks.lock(wish('ann')));
    clock.serverAheadMs = -3_600_000;
    // A lock lives longer by no more than the time in which nobody asked.
    await clock.advanceAsync(1);
    expect(await branch.locks.lockById(lockId)).toMatchObject({ status: 'ACTIVE' });
    await clock.advanceAsync(59_000);
    expect(await branch.locks.lockById(lockId)).toMatchObject({ status: 'ACTIVE' });
    await clock.advanceAsync(2_000);
    expect(historyOf(branch, lockId)).toEqual(['locked', 'expired']);
  });

  test('that steps forward ends locks early, and sells nothing twice', async () => {
    const { branch, clock } = await openBranch();
    const { lockId } = valueOf(await branch.locks.lock(wish('ann', 'a', 10)));
    clock.serverAheadMs = 3_600_000;
    await clock.advanceAsync(1);
    expect(codeOf(await branch.locks.lock(wish('ben', 'b', 10)))).toBe('ok');
    expect(codeOf(await branch.locks.confirm({ lockId, orderId: 1 }))).toBe('LOCK_EXPIRED');
  });
});
