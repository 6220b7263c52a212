// A store says whether it can serve buyers, without any of them asking.
import { ManualInventory, memoryDecisionLedger } from '@ticket-locks/lock-engine/testing';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { RedisTicketLocks } from '../src/redis-ticket-locks.js';
import type { RedisTicketLocksOptions } from '../src/redis-ticket-locks-options.js';
import { valueOf, wish } from './branches.js';
import { PrivateServer } from './private-server.js';

/** A store that cannot serve says so within this time, and is back within this time. */
const NOTICE_MS = 3_000;
const RECOVERY_MS = 5_000;

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
  const store = new RedisTicketLocks({ url: server.url, source, ...options });
  stores.push(store);
  return store;
}

async function isSoon(store: RedisTicketLocks, isAvailable: boolean, timeout: number) {
  await vi.waitFor(() => expect(store.isAvailable).toBe(isAvailable), { timeout, interval: 10 });
}

test('it is available from its start to its stop', async () => {
  const store = newStore();
  expect(store.isAvailable).toBe(false);
  expect(store.epoch).toBe(0);
  await store.start();
  expect(store.isAvailable).toBe(true);
  expect(store.epoch).toBe(1);
  await store.stop();
  expect(store.isAvailable).toBe(false);
});

test('it is not while the server stands still', async () => {
  const store = newStore();
  await store.start();
  server.holdUp();
  await isSoon(store, false, NOTICE_MS);
  server.letGo();
  await isSoon(store, true, RECOVERY_MS);
});

test('it is not while the server is away', async () => {
  const store = newStore();
  await store.start();
  const restarting = server.restart();
  await isSoon(store, false, NOTICE_MS);
  await restarting;
  await isSoon(store, true, RECOVERY_MS);
});

describe('a memory that is gone', () => {
  test('is brought back although nobody asks, by one instance, in a new epoch', async () => {
    const decisions = memoryDecisionLedger({ nowMs: () => 0 });
    const [first, second] = [newStore({ decisions }), newStore({ decisions })];
    await Promise.all([first.start(), second.start()]);
    const { lockId } = valueOf(await first.lock(wish('ann')));
    valueOf(await first.confirm({ lockId, orderId: 1 }));
    const { epoch } = first;
    await server.admin.flushall();
    const isBack = () => {
      expect([first.epoch, second.epoch]).toEqual([epoch + 1, epoch + 1]);
      expect([first.isAvailable, second.isAvailable]).toEqual([true, true]);
    };
    await vi.waitFor(isBack, { timeout: RECOVERY_MS, interval: 10 });
    expect(valueOf(await second.availability(1)).categories).toMatchObject([{ sold: 1 }]);
  });

  test('makes the store unavailable for as long as its ledger is away', async () => {
    const ledger = memoryDecisionLedger({ nowMs: () => 0 });
    let isAway = false;
    const decisions = new Proxy(ledger, {
      get: (target, name) => {
        const method: unknown = Reflect.get(target, name);
        if (typeof method !== 'function') return method;
        return async (...args: unknown[]): Promise<unknown> => {
          if (isAway) throw new Error('the ledger is away');
          return Reflect.apply(method, target, args);
        };
      },
    });
    const store = newStore({ decisions });
    await store.start();
    isAway = true;
    await server.admin.flushall();
    await isSoon(store, false, NOTICE_MS);
    isAway = false;
    await isSoon(store, true, RECOVERY_MS);
  });
});
