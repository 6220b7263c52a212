// The user that an operator gives the service may do what it must, and nothing else.
import { readFileSync } from 'node:fs';

import { ManualInventory } from '@ticket-locks/lock-engine/testing';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';

import { RedisPeers } from '../src/redis-peers.js';
import { RedisTicketLocks } from '../src/redis-ticket-locks.js';
import { codeOf, valueOf, wish } from './branches.js';
import { PrivateServer } from './private-server.js';

const GUIDE = new URL('../../../docs/operations-redis.md', import.meta.url);

/** The rules of the guide, so that it says what was tried. */
function rulesInGuide(): string[] {
  const guide = readFileSync(GUIDE, 'utf8');
  const rules = /ACL SETUSER ticket-locks([\s\S]*?)\n```/.exec(guide)?.[1] ?? '';
  return rules
    .replaceAll('\\', ' ')
    .split(/\s+/)
    .filter((rule) => rule !== '' && !rule.startsWith('>'));
}

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
  const store = new RedisTicketLocks({ url, source, policy, timeoutMs: 5_000 });
  stores.push(store);
  await store.start();
  return store;
}

/** Everything that a store does, once. */
async function useAll(store: RedisTicketLocks): Promise<void> {
  const { sessionId, resumeToken } = valueOf(await store.openSession({ userId: 'ann' }));
  const request = { ...wish('ann', sessionId, 3), requestId: 'r-1' };
  const { lockId } = valueOf(await store.lock(request));
  valueOf(await store.resumeSession({ userId: 'ann', resumeToken }));
  valueOf(await store.unlock({ lockId, quantity: 1 }));
  valueOf(await store.extend({ lockId }));
  valueOf(await store.beginPayment({ lockId, orderId: 1 }));
  valueOf(await store.confirm({ lockId, orderId: 1 }));
  valueOf(await store.release({ lockId, orderId: 1 }));
  valueOf(await store.lock(wish('ben', 'b')));
  valueOf(await store.cancelEvent({ eventId: 1 }));
  await store.leaveSession({ sessionId, how: 'goodbye' });
  await store.leaveSession({ sessionId, how: 'goodbye' });
  expect(await store.locksOfUser('ann')).toEqual([]);
  expect(await store.locksOfSession(sessionId)).toEqual([]);
  expect(await store.refundsRequired()).toEqual([]);
  expect(await store.unsettledLocks(1)).toEqual([]);
  expect(await store.stats()).toMatchObject({ totalLocks: 2, activeLocks: 0 });
  expect(codeOf(await store.availability(1))).toBe('ok');
}

describe('the user of the guide', () => {
  beforeEach(async () => {
    server = await PrivateServer.start();
    await server.admin.call('ACL', 'SETUSER', 'ticket-locks', ...rulesInGuide(), '>secret');
  });

  test('may do all that the store does', async () => {
    const url = new URL(server.url);
    url.username = 'ticket-locks';
    url.password = 'secret';
    await useAll(await openStore(url.href));
    const [first, second] = [new RedisPeers({ url: url.href }), new RedisPeers({ url: url.href })];
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

describe('on a cluster', () => {
  beforeEach(async () => {
    server = await PrivateServer.start('--cluster-enabled', 'yes');
    await server.admin.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
  });

  test('every function keeps to the slot of its key', async () => {
    await expect
      .poll(async () => String(await server.admin.call('CLUSTER', 'INFO')), { timeout: 10_000 })
      .toContain('cluster_state:ok');
    await useAll(await openStore(server.url));
  });
});
