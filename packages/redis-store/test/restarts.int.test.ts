// A server that comes back is another one, even with all its data: what it lost cannot be counted.
import { ManualInventory, memoryDecisionLedger } from '@ticket-locks/lock-engine/testing';
import { afterEach, describe, expect, test, vi } from 'vitest';

import { functionLibrary } from '../src/function-library.js';
import { RedisTicketLocks } from '../src/redis-ticket-locks.js';
import type { RedisTicketLocksOptions } from '../src/redis-ticket-locks-options.js';
import { codeOf, valueOf, wish } from './branches.js';
import { FaultyLedger } from './faulty-ledger.js';
import { PrivateServer } from './private-server.js';

/** From an empty restart to the first grant, whoever dies meanwhile. */
const FIRST_GRANT_MS = 5_000;
const DURABLE = ['--appendonly', 'yes', '--appendfsync', 'always'];

let server: PrivateServer;
let stores: RedisTicketLocks[] = [];
let ledgers: FaultyLedger[] = [];

afterEach(async () => {
  for (const ledger of ledgers) ledger.end();
  await Promise.all(stores.map((store) => store.stop()));
  [stores, ledgers] = [[], []];
  await server.stop();
});

async function openStore(options: Partial<RedisTicketLocksOptions> = {}) {
  const source = new ManualInventory().set(1, { categoryId: 2, capacity: 10 });
  const store = new RedisTicketLocks({ url: server.url, source, timeoutMs: 2_000, ...options });
  stores.push(store);
  await store.start();
  return store;
}

function faultyLedgers(count: number): FaultyLedger[] {
  const ledger = memoryDecisionLedger({ nowMs: () => 0 });
  ledgers = Array.from({ length: count }, () => new FaultyLedger(ledger));
  return ledgers;
}

async function isGrantedBy(store: RedisTicketLocks, quantity: number, timeout: number) {
  const isGranted = async () =>
    expect(codeOf(await store.lock(wish('cem', 'c', quantity)))).toBe('ok');
  await vi.waitFor(isGranted, { timeout, interval: 20 });
}

describe('a restart with all data', () => {
  test('loses the active locks where Redis alone decides, and keeps the sales', async () => {
    server = await PrivateServer.start(...DURABLE);
    const store = await openStore();
    const told: string[] = [];
    const { sessionId } = valueOf(await store.openSession({ userId: 'ann' }));
    const { lockId } = valueOf(await store.lock(wish('ann', sessionId, 4)));
    const sold = valueOf(await store.lock(wish('ben', 'b', 3)));
    valueOf(await store.confirm({ lockId: sold.lockId, orderId: 7 }));
    store.on('change', (change) => {
      if (change.type === 'released' && change.lockId === lockId) told.push(change.reason);
    });
    await server.restart();
    await isGrantedBy(store, 7, FIRST_GRANT_MS);
    expect(codeOf(await store.confirm({ lockId, orderId: 8 }))).toBe('LOCK_LOST');
    expect(codeOf(await store.unlock({ lockId }))).toBe('LOCK_LOST');
    expect(codeOf(await store.release({ lockId }))).toBe('LOCK_LOST');
    expect(codeOf(await store.confirm({ lockId: sold.lockId, orderId: 7 }))).toBe('ok');
    await vi.waitFor(() => expect(told).toEqual(['lost']), { timeout: FIRST_GRANT_MS });
  });

  test('is a new epoch of the ledger, also for an instance that starts afterwards', async () => {
    server = await PrivateServer.start(...DURABLE);
    const [decisions] = faultyLedgers(1).map(({ port }) => port);
    const first = await openStore(decisions && { decisions });
    const { lockId } = valueOf(await first.lock(wish('ann', 'a', 4)));
    const { epoch } = first;
    await first.stop();
    await server.restart();
    const second = await openStore(decisions && { decisions });
    expect(second.epoch).toBe(epoch + 1);
    expect(codeOf(await second.confirm({ lockId, orderId: 7 }))).toBe('LOCK_LOST');
    await isGrantedBy(second, 10, FIRST_GRANT_MS);
  });
});

describe('after an empty restart the first grant comes in time', () => {
  test.each(['nextEpoch', 'claim', 'list'] as const)(
    'although the instance that brings it back dies with its %s',
    async (step) => {
      server = await PrivateServer.start();
      const [dying, living] = faultyLedgers(2) as [FaultyLedger, FaultyLedger];
      const first = await openStore({ decisions: dying.port });
      const second = await openStore({ decisions: living.port });
      valueOf(await first.lock(wish('ann')));
      valueOf(await second.lock(wish('ben')));
      // What it asks of the ledger there does not come back, and the other comes after it.
      const died = new Promise<void>((resolve) => {
        dying.after[step] = () => {
          resolve();
          return dying.hang();
        };
      });
      living.before = { nextEpoch: () => died, claim: () => died };
      await server.restart();
      const asking = setInterval(() => void first.lock(wish('dan')), 10);
      await isGrantedBy(second, 10, FIRST_GRANT_MS).finally(() => clearInterval(asking));
    },
  );
});

describe('what is brought in parts', () => {
  const library = functionLibrary();
  const head = (epoch: number) => [String(epoch), '0', '{}'];
  const ask = (name: string, epoch: number, ...args: (string | number)[]) =>
    server.admin.call(
      'FCALL',
      `${library.name}_${name}`,
      '1',
      '{tl:n1}',
      ...head(epoch),
      ...args.map(String),
    );
  const sale = (lock: string) => [lock, '2', '"ann"', 1, '7', 0, 1_000];

  test('is opened whole, by the rebuild that began it, or not at all', async () => {
    server = await PrivateServer.start();
    await server.admin.call('FUNCTION', 'LOAD', library.source);
    const figures = ['1', 1_000, '2', 10, 0];
    expect(await ask('restoreEvent', 2, ...figures)).toEqual(['OK']);
    // Neither once more in the same epoch, nor in one before.
    expect(await ask('restoreEvent', 2, ...figures)).toEqual(['GONE']);
    expect(await ask('restoreEvent', 1, ...figures)).toEqual(['GONE']);
    expect(await ask('restoreSales', 2, 0, ...sale('a'))).toEqual(['OK']);
    // A part is missing, comes twice, or is of another epoch.
    expect(await ask('restoreSales', 2, 2, ...sale('c'))).toEqual(['GONE']);
    expect(await ask('restoreSales', 2, 0, ...sale('a'))).toEqual(['GONE']);
    expect(await ask('restoreSales', 3, 1, ...sale('b'))).toEqual(['GONE']);
    expect(await ask('openEvent', 2, 2)).toEqual(['GONE']);
    expect(await ask('availability', 2)).toEqual(['NOSTATE', -2, 1, '', '', 1]);
    expect(await ask('openEvent', 2, 1)).toEqual(['OK']);
    expect(await ask('restoreEvent', 2, ...figures)).toEqual(['GONE']);
    // A later rebuild takes it over, and the earlier one is over.
    expect(await ask('restoreEvent', 3, ...figures)).toEqual(['OK']);
    expect(await ask('restoreSales', 2, 0, ...sale('a'))).toEqual(['GONE']);
  });

  test('is not gone on with by another server process', async () => {
    server = await PrivateServer.start(...DURABLE);
    await server.admin.call('FUNCTION', 'LOAD', library.source);
    expect(await ask('restoreEvent', 2, '1', 1_000, '2', 10, 0)).toEqual(['OK']);
    await server.restart();
    expect(await ask('restoreSales', 2, 0, ...sale('a'))).toEqual(['GONE']);
    expect(await ask('openEvent', 2, 0)).toEqual(['GONE']);
  });
});
