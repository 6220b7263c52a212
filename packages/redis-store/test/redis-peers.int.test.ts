// Instances of one service hear each other over Redis, and nobody else.
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';

import { RedisPeers } from '../src/redis-peers.js';
import { PrivateServer } from './private-server.js';
import { newPrefix, redisUrl } from './redis-server.js';

/** A lost connection is made again within this time. */
const RECONNECT_MS = 5_000;

let open: RedisPeers[] = [];
let redis: Redis;

beforeAll(() => {
  redis = new Redis(redisUrl());
});

afterEach(() => {
  for (const peers of open) peers.stop();
  open = [];
});

afterAll(() => redis.quit());

interface Instance {
  readonly peers: RedisPeers;
  readonly heard: { readonly from: string; readonly message: unknown }[];
}

async function join(prefix: string, url = redisUrl()): Promise<Instance> {
  const peers = new RedisPeers({ url, prefix });
  open.push(peers);
  const heard: Instance['heard'] = [];
  peers.onMessage((from, message) => heard.push({ from, message }));
  await peers.start();
  return { peers, heard };
}

function messagesOf({ heard }: Instance): unknown[] {
  return heard.map(({ message }) => message);
}

test('a message reaches every other instance, in order and with one name of its sender', async () => {
  const prefix = newPrefix();
  const [first, second, third] = await Promise.all([join(prefix), join(prefix), join(prefix)]);
  const told = Array.from({ length: 50 }, (_, number) => ({ type: 'order', number, text: 'é ☃' }));
  for (const message of told) first.peers.tell(message);
  second.peers.tell({ type: 'last' });
  await vi.waitFor(() => expect(messagesOf(second)).toEqual(told));
  await vi.waitFor(() => expect(messagesOf(third)).toHaveLength(told.length + 1));
  expect(messagesOf(third).filter((message) => 'number' in Object(message))).toEqual(told);
  // Nobody hears himself, and each has a name of his own.
  expect(messagesOf(first)).toEqual([{ type: 'last' }]);
  expect(new Set(third.heard.map(({ from }) => from)).size).toBe(2);
});

test('services with other prefixes, and strangers on the channel, are not heard', async () => {
  const prefix = newPrefix();
  const [first, second, stranger] = await Promise.all([
    join(prefix),
    join(prefix),
    join(`${prefix}-b`),
  ]);
  stranger.peers.tell({ type: 'stranger' });
  for (const text of ['', ' ', 'x', 'x {', 'x y z']) await redis.publish(`${prefix}:peers`, text);
  first.peers.tell({ type: 'friend' });
  await vi.waitFor(() => expect(messagesOf(second)).toEqual([{ type: 'friend' }]));
  expect(messagesOf(stranger)).toEqual([]);
});

test('what is too long is not sent, and counted', async () => {
  const prefix = newPrefix();
  const [first, second] = await Promise.all([join(prefix), join(prefix)]);
  first.peers.tell({ text: 'x'.repeat(4 * 1024 * 1024) });
  first.peers.tell({ text: 'x'.repeat(1024 * 1024) });
  await vi.waitFor(() => expect(second.heard).toHaveLength(1));
  expect(first.peers.lost).toBe(1);
});

describe('a server that', () => {
  let server: PrivateServer;

  afterEach(() => server.stop());

  test('cuts the connections is connected to again', async () => {
    server = await PrivateServer.start();
    const [first, second] = await Promise.all([join('tl', server.url), join('tl', server.url)]);
    for (const type of ['normal', 'pubsub']) {
      await server.admin.call('CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes');
    }
    await vi.waitFor(() => {
      first.peers.tell({ again: true });
      expect(second.heard.length).toBeGreaterThan(0);
    }, RECONNECT_MS);
  });

  test('was restarted is connected to again, and nothing piles up meanwhile', async () => {
    server = await PrivateServer.start();
    const [first, second] = await Promise.all([join('tl', server.url), join('tl', server.url)]);
    server.holdUp();
    for (let count = 0; count < 300; count += 1) first.peers.tell({ count });
    expect(first.peers.lost).toBe(200);
    server.letGo();
    await server.restart();
    await vi.waitFor(() => {
      first.peers.tell({ again: true });
      expect(messagesOf(second)).toContainEqual({ again: true });
    }, RECONNECT_MS);
  });

  test('is not there is said so', async () => {
    server = await PrivateServer.start();
    const starting = join('tl', 'redis://127.0.0.1:1');
    await expect(starting).rejects.toMatchObject({
      code: 'REDIS_UNAVAILABLE',
      message: expect.stringContaining('ECONNREFUSED') as string,
    });
    open[0]?.tell({ nobody: true });
    expect(open[0]?.lost).toBe(1);
  });
});

test.each([
  [{ url: 'http://redis' }, 'url must begin with redis://'],
  [{ url: 'redis://redis', prefix: 'a b' }, 'prefix must be 1 to 32 letters'],
])('%o is refused', (options, problem) => {
  expect(() => new RedisPeers(options)).toThrow(problem);
});
