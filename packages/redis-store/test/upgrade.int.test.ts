// A new version of the functions, while instances of the old one run.
import { ManualInventory } from '@ticket-locks/lock-engine/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { functionLibrary } from '../src/function-library.js';
import type { FunctionLibrary } from '../src/function-library.js';
import { RedisTicketLocks } from '../src/redis-ticket-locks.js';
import { codeOf, valueOf, wish } from './branches.js';
import { PrivateServer } from './private-server.js';

const OLD = functionLibrary();
/** The same rules with another hash, as after a change of a comment. */
const NEW = functionLibrary({ library: registered('-- another version') });

function registered(comment: string): string {
  return `${comment}
for index = 1, #commands do
  redis.register_function('LIBRARY_' .. commands[index][1], commands[index][2])
end`;
}

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

async function openStore(library: FunctionLibrary): Promise<RedisTicketLocks> {
  const source = new ManualInventory().set(1, { categoryId: 2, capacity: 10 });
  const options = { url: server.url, source, timeoutMs: 5_000 };
  const store = new RedisTicketLocks(options, library);
  stores.push(store);
  await store.start();
  return store;
}

describe('two versions of the functions', () => {
  test('share one state, side by side', async () => {
    const [older, newer] = [await openStore(OLD), await openStore(NEW)];
    const told: string[] = [];
    older.on('change', (change) => 'lockId' in change && told.push(change.type));
    const { lockId } = valueOf(await older.lock(wish('ann', 's', 6)));
    valueOf(await newer.lock(wish('ben', 's', 4)));
    expect(codeOf(await newer.lock(wish('cleo', 's')))).toBe('INSUFFICIENT_TICKETS');
    valueOf(await newer.confirm({ lockId }));
    expect(codeOf(await older.unlock({ lockId }))).toBe('LOCK_CONFIRMED');
    await expect.poll(() => told).toEqual(['locked', 'locked', 'confirmed']);
  });

  test('do not miss the old one before its last instance is gone', async () => {
    const [older, newer] = [await openStore(OLD), await openStore(NEW)];
    await server.admin.call('FUNCTION', 'DELETE', OLD.name);
    const { lockId } = valueOf(await older.lock(wish('ann', 's')));
    valueOf(await newer.unlock({ lockId }));
    const libraries = JSON.stringify(await server.admin.call('FUNCTION', 'LIST'));
    expect(libraries).toContain(OLD.name);
    expect(libraries).toContain(NEW.name);
  });
});

describe('a state in a format of another version', () => {
  test('is left as it is by those that do not know it, and they say so at their start', async () => {
    const newer = await openStore(NEW);
    const { lockId } = valueOf(await newer.lock(wish('ann', 's', 6)));
    await newer.stop();
    const stranger = {
      name: `${NEW.name}f`,
      source: NEW.source.replaceAll(NEW.name, `${NEW.name}f`),
      format: NEW.format + 1,
    };
    await expect(openStore(stranger)).rejects.toThrow(/stop every instance of the other version/);
    const older = await openStore(OLD);
    expect(await older.lockById(lockId)).toMatchObject({ status: 'ACTIVE', quantity: 6 });
  });
});
