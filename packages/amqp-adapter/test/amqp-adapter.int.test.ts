import { randomUUID } from 'node:crypto';

import { systemTimers } from '@ticket-locks/lock-engine';
import type { Channel } from 'amqplib';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { BrokerConnection } from '../src/broker-connection.js';
import type { BrokerLink } from '../src/broker-link.js';
import { AmqpAdapter } from '../src/index.js';
import type { AdapterLog, AmqpAdapterOptions } from '../src/index.js';
import { deleteQueues } from './adapter-under-test.js';
import { openBoxOffice } from './box-office.js';
import type { BoxOffice } from './box-office.js';
import { openCuttableProxy } from './cuttable-proxy.js';
import { brokerUrl, NestClient } from './nest-client.js';

type Stats = AmqpAdapterOptions['stats'];

const STATS = { totalLocks: 3, memory: { heapUsed: 1 } };
const silent = { debug() {}, info() {}, warn() {}, error() {} };

let queue: string;
let office: BoxOffice;
let client: NestClient;
/** Undone after the test, the latest first. */
let cleanups: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  queue = `realtime_test_${randomUUID()}`;
  office = await openBoxOffice();
  client = await NestClient.open(queue);
  cleanups = [() => client.close(), () => deleteQueues(client, queue), () => office.locks.stop()];
});

afterEach(async () => {
  for (const cleanup of cleanups.toReversed()) await cleanup();
});

async function startAdapter(options: Partial<AmqpAdapterOptions> = {}): Promise<AmqpAdapter> {
  const adapter = new AmqpAdapter({
    url: brokerUrl(),
    queue,
    queueOptions: { durable: true },
    declare: 'auto',
    locks: office.locks,
    stats: async () => STATS,
    log: silent,
    timers: systemTimers(),
    ...options,
  });
  cleanups.push(() => adapter.stop());
  await adapter.start();
  return adapter;
}

async function untilServing(adapter: AmqpAdapter): Promise<void> {
  await vi.waitUntil(() => adapter.isConnected, { timeout: 15_000 });
}

/** A queue of NestJS peers, made before us. Returns how many messages wait in it. */
async function declareQueue(name: string, options: object): Promise<() => Promise<number>> {
  await client.channel.assertQueue(name, options);
  return async () => (await client.channel.checkQueue(name)).messageCount;
}

describe('an unmodified NestJS client', () => {
  beforeEach(async () => untilServing(await startAdapter()));

  test('reads the statistics', async () => {
    const { body, message } = await client.request('get-realtime-stats', {});
    expect(body).toEqual({ response: STATS, isDisposed: true });
    expect(message.properties).toMatchObject({ headers: {}, contentType: undefined });
  });

  test.each([
    ['a string', 'confirm-ticket-lock'],
    ['an object', { cmd: 'confirm-ticket-lock' }],
    ['a JSON string', '{"cmd":"confirm-ticket-lock"}'],
  ])('confirms with %s for a pattern, and again', async (_kind, pattern) => {
    const { lockId } = await office.lock('bo', 2);
    const first = await client.request(pattern, { lockId, orderId: 7 });
    expect(first.body).toMatchObject({
      response: { success: true, lockId, status: 'confirmed', orderId: 7 },
      isDisposed: true,
    });
    const again = await client.request(pattern, { lockId, orderId: 7 });
    expect(again.body).toEqual(first.body);
    expect((await office.locks.lockById(lockId))?.status).toBe('CONFIRMED');
  });

  test('releases', async () => {
    const { lockId } = await office.lock('bo', 2);
    const { body } = await client.request('release-ticket-lock', { lockId });
    expect(body['response']).toMatchObject({ success: true, lockId, status: 'released' });
    const refused = await client.request('confirm-ticket-lock', { lockId });
    expect(refused.body['err']).toMatchObject({ code: 'LOCK_RELEASED', lockId });
  });

  test('gets a refusal as an RPC error, with no key that NestJS 12 does not know', async () => {
    const { body } = await client.request('confirm-ticket-lock', { lockId: 'none' });
    expect(Object.keys(body)).toEqual(['err', 'isDisposed']);
    expect(body['err']).toEqual({
      status: 'error',
      code: 'LOCK_NOT_FOUND',
      message: expect.stringContaining('no such lock') as string,
      lockId: 'none',
    });
  });

  test('gets booleans from confirm-lock', async () => {
    const { lockId } = await office.lock('bo', 2);
    const yes = await client.request('confirm-lock', { lockId, userId: 'bo' });
    expect(yes.body).toEqual({ response: true, isDisposed: true });
    const no = await client.request('confirm-lock', { lockId: 'none', userId: 'bo' });
    expect(no.body).toEqual({ response: false, isDisposed: true });
  });

  test('hears that nobody handles a pattern, in the words of NestJS', async () => {
    const { body } = await client.request('sell-the-stadium', {});
    expect(body).toEqual({
      id: expect.any(String) as string,
      err: 'There is no matching message handler defined in the remote service.',
      status: 'error',
    });
  });

  test('hears of a payload that is wrong', async () => {
    const { body } = await client.request('confirm-ticket-lock', { lockId: 5 });
    expect(body['err']).toMatchObject({ code: 'INVALID_REQUEST', field: 'lockId' });
  });

  test('gets an answer even to what is no JSON, and the next one is served', async () => {
    const { body } = await client.requestRaw('c-1', '{"pattern":');
    expect(body).toMatchObject({ err: { code: 'INVALID_REQUEST' }, isDisposed: true });
    expect((await client.request('get-realtime-stats', {})).body['response']).toEqual(STATS);
  });

  test('hundreds at once are all answered', async () => {
    const { lockId } = await office.lock('bo', 2);
    const requests = Array.from({ length: 300 }, () =>
      client.request('confirm-ticket-lock', { lockId, orderId: 7 }),
    );
    const replies = await Promise.all(requests);
    const confirmed = { response: expect.objectContaining({ lockId }) as object, isDisposed: true };
    expect(replies.map(({ body }) => body)).toEqual(replies.map(() => confirmed));
  });
});

describe('what cannot be done', () => {
  test('is answered as unknown when it takes too long', async () => {
    const timers = { after: (_delayMs: number, callback: () => void) => soon(callback) };
    const stats = () => new Promise<object>(() => {});
    await untilServing(await startAdapter({ stats, timers }));
    const { body } = await client.request('get-realtime-stats', {});
    expect(body['err']).toMatchObject({ code: 'OUTCOME_UNKNOWN' });
  });

  /** A timer that is in a hurry. */
  function soon(callback: () => void): () => void {
    const timer = setImmediate(callback);
    return () => clearImmediate(timer);
  }
});

describe('the queue', () => {
  test('of a peer is used as it is, whatever its options', async () => {
    await declareQueue(queue, { durable: false, messageTtl: 60_000 });
    await untilServing(await startAdapter({ queueOptions: { durable: true } }));
    expect((await client.request('get-realtime-stats', {})).body['response']).toEqual(STATS);
  });

  test('is declared as configured when it is not there, so that a peer may declare it too', async () => {
    await untilServing(await startAdapter({ queueOptions: { durable: true } }));
    await expect(client.channel.assertQueue(queue, { durable: true })).resolves.toBeDefined();
  });

  test('is waited for with declare "never", and served as soon as a peer makes it', async () => {
    const warn = vi.fn<AdapterLog['warn']>();
    const adapter = await startAdapter({ declare: 'never', log: { ...silent, warn } });
    await vi.waitUntil(() => warn.mock.calls.some(([, message]) => message.includes('waiting')));
    expect(adapter.isConnected).toBe(false);
    await declareQueue(queue, { durable: true });
    await untilServing(adapter);
    expect((await client.request('get-realtime-stats', {})).body['response']).toEqual(STATS);
  });

  test('that is deleted is made again', async () => {
    const adapter = await startAdapter();
    await untilServing(adapter);
    const disconnected = new Promise((resolve) => adapter.once('disconnected', () => resolve(0)));
    await client.channel.deleteQueue(queue);
    await disconnected;
    await untilServing(adapter);
    expect((await client.request('get-realtime-stats', {})).body['response']).toEqual(STATS);
  });
});

describe('the connection', () => {
  test('comes back after it was cut, and nothing that was asked meanwhile is lost', async () => {
    const proxy = await openCuttableProxy(brokerUrl());
    cleanups.push(() => proxy.close());
    const adapter = await startAdapter({ url: proxy.url });
    await untilServing(adapter);
    const { lockId } = await office.lock('bo', 2);

    proxy.setOpen(false);
    proxy.cut();
    await vi.waitUntil(() => !adapter.isConnected);
    const reply = client.request('confirm-ticket-lock', { lockId, orderId: 7 });
    proxy.setOpen(true);
    expect((await reply).body['response']).toMatchObject({ success: true, lockId });
    expect(adapter.isConnected).toBe(true);
  });

  test.each(Array.from({ length: 28 }, (_, index) => index + 1))(
    'is made again when it is cut while it opens, at step %i',
    async (step) => {
      const proxy = await openCuttableProxy(brokerUrl());
      cleanups.push(() => proxy.close());
      proxy.cutAfter(step);
      await untilServing(await startAdapter({ url: proxy.url }));
      expect((await client.request('get-realtime-stats', {})).body['response']).toEqual(STATS);
    },
  );

  test('is made again when only a channel of it dies', async () => {
    const opened: Channel[] = [];
    const user = {
      open: async (link: BrokerLink) => void opened.push(await link.openChannel('test')),
      lost: vi.fn<() => void>(),
    };
    const connection = new BrokerConnection({ url: brokerUrl(), users: [user], log: silent });
    cleanups.push(() => connection.close());
    await connection.start();
    await vi.waitUntil(() => opened.length === 1);
    await expect(opened[0]!.checkQueue(`${queue}.none`)).rejects.toThrow('NOT_FOUND');
    await vi.waitUntil(() => opened.length === 2, { timeout: 5000 });
    expect(user.lost).toHaveBeenCalledTimes(1);
  });

  test('is made again when it is half open: nobody says anything any more', async () => {
    const proxy = await openCuttableProxy(brokerUrl());
    cleanups.push(() => proxy.close());
    const adapter = await startAdapter({ url: `${proxy.url}?heartbeat=1` });
    await untilServing(adapter);
    const disconnected = new Promise((resolve) => adapter.once('disconnected', () => resolve(0)));
    proxy.freeze();
    await disconnected;
    await untilServing(adapter);
    // The broker has to notice it too, before it gives the queue's messages to the new one.
    expect((await client.request('get-realtime-stats', {})).body['response']).toEqual(STATS);
  });

  test('is not needed at the start', async () => {
    const proxy = await openCuttableProxy(brokerUrl());
    cleanups.push(() => proxy.close());
    proxy.setOpen(false);
    const warn = vi.fn<AdapterLog['warn']>();
    const adapter = await startAdapter({ url: proxy.url, log: { ...silent, warn } });
    await vi.waitUntil(() => warn.mock.calls.length > 0);
    expect(adapter.isConnected).toBe(false);
    proxy.setOpen(true);
    await untilServing(adapter);
  });

  test('is left at a stop only after the requests in work are answered', async () => {
    let finish = (_stats: object) => {};
    const stats = vi.fn<Stats>(() => new Promise((resolve) => (finish = resolve)));
    const adapter = await startAdapter({ stats });
    await untilServing(adapter);
    const reply = client.request('get-realtime-stats', {});
    await vi.waitUntil(() => stats.mock.calls.length === 1);

    const stopped = adapter.stop();
    expect(adapter.isConnected).toBe(false);
    const consumerCountNow = async () => (await client.channel.checkQueue(queue)).consumerCount;
    await vi.waitUntil(async () => (await consumerCountNow()) === 0);
    finish(STATS);
    await stopped;
    expect((await reply).body['response']).toEqual(STATS);
    expect((await client.channel.checkQueue(queue)).messageCount).toBe(0);
  });

  test('can be given up while there is no broker', async () => {
    const proxy = await openCuttableProxy(brokerUrl());
    cleanups.push(() => proxy.close());
    proxy.setOpen(false);
    const adapter = await startAdapter({ url: proxy.url });
    await expect(adapter.stop()).resolves.toBeUndefined();
  });

  test('answers one caller who waits for each answer without the delay of Nagle', async () => {
    await untilServing(await startAdapter());
    const startedAtMs = performance.now();
    for (let count = 0; count < 400; count += 1) await client.request('get-realtime-stats', {});
    // With Nagle's algorithm nearly each takes 40 ms: 16,000 in all.
    expect(performance.now() - startedAtMs).toBeLessThan(8000);
  });
});

test('a URL that is none of AMQP is refused at once, and not repeated in the message', () => {
  const create = () =>
    new AmqpAdapter({
      url: 'http://user:secret@example.org',
      queue,
      queueOptions: {},
      declare: 'auto',
      locks: office.locks,
      stats: async () => STATS,
      log: silent,
      timers: systemTimers(),
    });
  expect(create).toThrow(TypeError);
  expect(create).not.toThrow(/secret/);
});
