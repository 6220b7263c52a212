// Two socket adapters of one service, which hear each other over a real Redis.
import { RedisPeers } from '@ticket-locks/redis-store';
import type { SocketLimits } from '@ticket-locks/socket-adapter';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { newPrefix, redisUrl } from '../../../packages/redis-store/test/redis-server.js';
import { closeServers, startServer } from '../../../packages/socket-adapter/test/test-server.js';
import type { TestServer } from '../../../packages/socket-adapter/test/test-server.js';

/** What one instance tells the others comes within this time. */
const NEWS_MS = 2_000;
/** A lost connection is made again, and everything told anew, within this time. */
const RECONNECT_MS = 5_000;
const WISH = { eventId: 1, categoryId: 1, quantity: 1 };
const ORDER = { orderId: 7, eventId: 1, categoryId: 1, quantity: 2, userId: 1 };

let prefix: string;
let redis: Redis;
let peers: RedisPeers[] = [];

beforeEach(() => {
  prefix = newPrefix();
  redis = new Redis(redisUrl());
});

afterEach(async () => {
  await closeServers();
  for (const one of peers) one.stop();
  peers = [];
  await redis.quit();
});

async function openTwo(limits: Partial<SocketLimits> = {}): Promise<[TestServer, TestServer]> {
  const open = async () => {
    const own = new RedisPeers({ url: redisUrl(), prefix });
    peers.push(own);
    await own.start();
    return startServer({ peers: own, limits });
  };
  return [await open(), await open()];
}

async function knows(server: TestServer, figures: object): Promise<void> {
  await vi.waitFor(() => expect(server.adapter.stats()).toMatchObject(figures), NEWS_MS);
}

test('sockets and users are counted over both', async () => {
  const [first, second] = await openTwo();
  await first.buyer(1);
  await second.buyer(1);
  const other = await second.buyer(2);
  await knows(first, { connections: 3, connectedUsers: 2, ownConnections: 1 });
  await knows(second, { connections: 3, connectedUsers: 2, ownConnections: 2 });
  other.socket.disconnect();
  await knows(first, { connections: 2, connectedUsers: 1 });
});

describe('a limit holds over both', () => {
  test('of sockets for a user', async () => {
    const [first, second] = await openTwo({ connectionsPerUserMax: 2 });
    await first.buyer(1);
    const leaving = await second.buyer(1);
    await knows(first, { connections: 2 });
    await knows(second, { connections: 2 });
    for (const server of [first, second]) {
      await expect(server.buyer(1)).rejects.toMatchObject({ data: { code: 'RATE_LIMITED' } });
    }
    leaving.socket.disconnect();
    await knows(first, { connections: 1 });
    await first.buyer(1);
  });

  test('of sockets for an address', async () => {
    const [first, second] = await openTwo({ connectionsPerIpMax: 2 });
    await first.buyer(1);
    await first.buyer(2);
    await knows(second, { connections: 2 });
    await expect(second.buyer(3)).rejects.toMatchObject({ data: { code: 'RATE_LIMITED' } });
  });

  test('of lock requests for a user', async () => {
    const [first, second] = await openTwo({ lockRequestsPerUserPerMinute: 3 });
    const [here, there] = [await first.buyer(1), await second.buyer(1)];
    let takenElsewhere = 0;
    peers[1]?.onMessage((_from, message) => {
      const { taken = [] } = message as { readonly taken?: readonly [string, number][] };
      // Each is counted for its address besides.
      for (const [key, count] of taken) if (key.startsWith('user:')) takenElsewhere += count;
    });
    for (let count = 0; count < 3; count += 1) {
      const answer = await here.ask('lock-tickets', { ...WISH, onExisting: 'set' });
      expect(answer).toMatchObject({ success: true });
    }
    await vi.waitFor(() => expect(takenElsewhere).toBeGreaterThanOrEqual(3), NEWS_MS);
    expect(await there.ask('lock-tickets', WISH)).toMatchObject({ code: 'RATE_LIMITED' });
    const other = await second.buyer(2);
    expect(await other.ask('lock-tickets', WISH)).toMatchObject({ success: true });
  });
});

describe('news of an order', () => {
  test('reach the sockets of the user on both, each once, and nobody else', async () => {
    const [first, second] = await openTwo();
    const [here, there] = [await first.buyer(1), await second.buyer(1)];
    const other = await second.buyer(2);
    first.adapter.forwardOrder('order-completed', ORDER);
    second.adapter.forwardOrder('order-cancelled', { ...ORDER, orderId: 8 });
    for (const buyer of [here, there]) {
      expect(await buyer.hears('order-completed')).toMatchObject({ orderId: 7 });
      expect(await buyer.hears('order-cancelled')).toMatchObject({ orderId: 8 });
      expect(buyer.allHeard('order-completed')).toHaveLength(1);
      expect(buyer.allHeard('order-cancelled')).toHaveLength(1);
    }
    expect(other.allHeard('order-completed')).toEqual([]);
  });

  test('reach them again after the connections to Redis were cut', async () => {
    const [first, second] = await openTwo();
    await first.buyer(2);
    const there = await second.buyer(1);
    await knows(second, { connections: 2 });
    const clients = String(await redis.client('LIST')).split('\n');
    const cut = clients.filter((client) => client.includes(`name=${prefix}:peers-`));
    expect(cut).toHaveLength(4);
    const ids = cut.map((client) => /id=(\d+)/.exec(client)?.[1] ?? '');
    for (const id of ids) await redis.call('CLIENT', 'KILL', 'ID', id);
    // Somebody comes while the instances do not hear each other.
    await first.buyer(3);
    let orderId = 0;
    await vi.waitFor(() => {
      orderId += 1;
      first.adapter.forwardOrder('order-completed', { ...ORDER, orderId });
      expect(there.allHeard('order-completed').length).toBeGreaterThan(0);
    }, RECONNECT_MS);
    const isCounted = () => expect(second.adapter.stats()).toMatchObject({ connections: 3 });
    await vi.waitFor(isCounted, RECONNECT_MS);
  });
});
