// The user that an operator gives the service may do what it must, and nothing else.
import { ManualInventory } from '@ticket-locks/lock-engine/testing';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';

import { RedisPeers } from '../src/redis-peers.js';
import { RedisTicketLocks } from '../src/redis-ticket-locks.js';
import { useEverything } from './every-command.js';
import { urlOfUser, userOfGuide } from './guide-rights.js';
import { PrivateServer } from './private-server.js';

let server: PrivateServer;
let stores: RedisTicketLocks[] = [];

afterEach(async () => {
  await Promise.all(stores.map((store) => store.stop()));
  stores = [];
  await server.stop();
});

async function openStore(url: string): Promise<RedisTicketLocks> {
  const source = new ManualInventory().set(1, { categoryId: 2, capacity: 10 });
  const policy = { expiringNoticeMs: 1_000, ttlMs: 60_000 };
  const outbox = true;
  const store = new RedisTicketLocks({ url, source, policy, outbox, timeoutMs: 5_000 });
  stores.push(store);
  await store.start();
  return store;
}

describe('the user of the guide', () => {
  beforeEach(async () => {
    server = await PrivateServer.start();
    await server.admin.call('ACL', 'SETUSER', ...userOfGuide('server'));
  });

  test('may do all that the store does', async () => {
    const url = urlOfUser(server.url);
    await useEverything(await openStore(url));
    const [first, second] = [new RedisPeers({ url }), new RedisPeers({ url })];
    onTestFinished(() => [first, second].forEach((peers) => peers.stop()));
    const heard: unknown[] = [];
    second.onMessage((_from, message) => heard.push(message));
    await Promise.all([first.start(), second.start()]);
    first.tell({ type: 'hello' });
    await vi.waitFor(() => expect(heard).toEqual([{ type: 'hello' }]));
  });

  test.each([
    ['FLUSHALL'],
    ['FLUSHDB'],
    ['KEYS', '*'],
    ['CONFIG', 'GET', 'maxmemory'],
    ['CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru'],
    ['EVAL', 'return 1', '0'],
    ['FUNCTION', 'FLUSH'],
    ['FUNCTION', 'DELETE', 'ticketlocks'],
    ['ACL', 'SETUSER', 'ticket-locks', 'allcommands'],
    ['SHUTDOWN'],
    ['DEBUG', 'SLEEP', '1'],
    ['REPLICAOF', 'elsewhere', '6379'],
    ['GET', '{tl:n1}'],
    ['DEL', '{tl:n1}'],
    ['HGET', 'other', 'h'],
    ['HSET', '{other:n1}', 'h', '1'],
    ['PUBLISH', 'other', 'x'],
    ['SUBSCRIBE', 'other'],
  ])('may not %s', async (...command) => {
    const verdict = await server.admin.call('ACL', 'DRYRUN', 'ticket-locks', ...command);
    expect(verdict).toMatch(/no permissions/);
  });
});
