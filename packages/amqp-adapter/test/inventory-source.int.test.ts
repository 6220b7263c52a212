import { randomUUID } from 'node:crypto';

import { ManualClock } from '@ticket-locks/lock-engine/testing';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { BrokerConnection } from '../src/broker-connection.js';
import { AmqpInventorySource } from '../src/index.js';
import type { AmqpInventorySourceOptions } from '../src/index.js';
import { openCuttableProxy } from './cuttable-proxy.js';
import { brokerUrl, NestClient } from './nest-client.js';
import { answers, PeerService } from './peer-service.js';
import type { PeerAnswer } from './peer-service.js';
import { silentLog } from './silent-log.js';

/** Longer than any test. */
const NEVER_MS = 600_000;
const SHORT_MS = 100;
const COOL_DOWN_MS = 2_000;
const SEATS = { id: 2, totalSeats: '50', reservedSeats: 8, availableSeats: 42, isActive: true };
const INVENTORY = { categories: [{ categoryId: 2, capacity: 50, soldElsewhere: 8 }] };

let queue: string;
let clock: ManualClock;
let changed: unknown[];
/** Undone after the test, the latest first. */
let cleanups: (() => Promise<unknown>)[];

beforeEach(() => {
  queue = `events_test_${randomUUID()}`;
  clock = new ManualClock();
  changed = [];
  cleanups = [];
});

afterEach(async () => {
  for (const cleanup of cleanups.toReversed()) await cleanup();
});

async function connectSource(
  options: Partial<AmqpInventorySourceOptions> = {},
  url = brokerUrl(),
): Promise<AmqpInventorySource> {
  const source = new AmqpInventorySource({
    queue,
    timeoutMs: NEVER_MS,
    log: silentLog,
    clock,
    ...options,
  });
  source.onChanged((eventId) => changed.push(eventId));
  const connection = new BrokerConnection({ url, users: [source], log: silentLog });
  cleanups.push(() => connection.close());
  await connection.start();
  return source;
}

async function openSource(options: Partial<AmqpInventorySourceOptions> = {}) {
  const source = await connectSource(options);
  await untilAnswering(source);
  return source;
}

async function untilAnswering(source: AmqpInventorySource): Promise<void> {
  await vi.waitUntil(() => source.isAnswering, { timeout: 15_000 });
}

async function openPeer(answer: PeerAnswer = () => answers.value([SEATS])): Promise<PeerService> {
  const peer = await PeerService.open(queue, answer);
  cleanups.push(() => peer.close());
  return peer;
}

describe('the events service', () => {
  test('is asked as a NestJS client asks', async () => {
    const peer = await openPeer();
    const source = await openSource();
    expect(await source.load(7)).toEqual(INVENTORY);
    const [request] = peer.requests;
    expect(request).toMatchObject({ pattern: 'get-ticket-categories', data: 7 });
    expect(request?.properties).toMatchObject({
      correlationId: request?.id,
      replyTo: expect.stringContaining('amq.rabbitmq.reply-to.') as string,
      headers: {},
      deliveryMode: 1,
      expiration: String(NEVER_MS),
    });
  });

  test('is asked with the pattern that it has', async () => {
    const peer = await openPeer();
    const source = await openSource({ pattern: { cmd: 'categories' } });
    await source.load('gala');
    expect(peer.requests[0]).toMatchObject({ pattern: { cmd: 'categories' }, data: 'gala' });
  });

  test('may surely know no such event', async () => {
    await openPeer(() => answers.error({ status: 'error', message: 'Event not found' }));
    const source = await openSource();
    expect(await source.load(7)).toBeUndefined();
  });

  test.each<[string, object, string]>([
    ['fails', answers.error({ status: 'error', message: 'Internal server error' }), 'REFUSED'],
    ['does not know the pattern', answers.noHandler, 'NO_HANDLER'],
    ['answers nonsense', answers.value([{ ...SEATS, reservedSeats: -1 }]), 'NONSENSE'],
    ['answers nothing', { isDisposed: true }, 'NONSENSE'],
  ])('that %s leaves the truth unknown, however often', async (_what, body, code) => {
    await openPeer(() => body);
    const source = await openSource();
    for (let attempt = 0; attempt < 10; attempt += 1) {
      await expect(source.load(7)).rejects.toMatchObject({ name: 'RpcFailure', code });
    }
    // It is alive: there is no reason to spare it.
    expect(source.isAnswering).toBe(true);
  });

  test('that answers nonsense is complained of once for an event, until it is good', async () => {
    const complaints: unknown[] = [];
    const warn = (facts: object) => complaints.push((facts as { eventId: unknown }).eventId);
    const nonsense = answers.value([{ ...SEATS, reservedSeats: 'many' }]);
    const peer = await openPeer(() => nonsense);
    const source = await openSource({ log: { ...silentLog, warn } });
    const ask = async (eventId: number) => {
      await source.load(eventId).catch(() => undefined);
    };
    await ask(7);
    await ask(7);
    await ask(8);
    expect(complaints).toEqual([7]);
    clock.advance(1_000);
    await ask(9);
    expect(complaints).toEqual([7, 9]);
    clock.advance(1_000);
    peer.answer = () => answers.value([SEATS]);
    await ask(7);
    peer.answer = () => nonsense;
    await ask(7);
    expect(complaints).toEqual([7, 9, 7]);
  });

  test('that has no queue yet is noticed at once', async () => {
    const source = await openSource();
    await expect(source.load(7)).rejects.toMatchObject({ code: 'NO_ROUTE' });
    await openPeer();
    expect(await source.load(7)).toEqual(INVENTORY);
  });

  test('that is silent is not waited for, and does not wake up to old questions', async () => {
    const client = await NestClient.open(queue);
    cleanups.push(() => client.close());
    await client.channel.assertQueue(queue, { durable: true, autoDelete: true });
    const source = await openSource({ timeoutMs: SHORT_MS });
    await expect(source.load(7)).rejects.toMatchObject({ code: 'TIMEOUT' });
    const isEmpty = async () => (await client.channel.checkQueue(queue)).messageCount === 0;
    await vi.waitUntil(isEmpty, { timeout: 5_000 });
  });

  test('is asked once by many at a time, and once more by who comes meanwhile', async () => {
    let letGo = () => {};
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    let reservedSeats = 8;
    const peer = await openPeer(async () => {
      const body = answers.value([{ ...SEATS, reservedSeats }]);
      await held;
      return body;
    });
    const source = await openSource();
    const first = source.load(7);
    await vi.waitUntil(() => peer.requests.length === 1);
    reservedSeats = 9;
    const later = Promise.all([source.load(7), source.load(7), source.load(7)]);
    const other = source.load(8);
    letGo();
    expect(await first).toEqual(INVENTORY);
    const sold = (await later).map((inventory) => inventory?.categories[0]?.soldElsewhere);
    expect(sold).toEqual([9, 9, 9]);
    await other;
    expect(peer.requests.filter(({ data }) => data === 7)).toHaveLength(2);
  });

  test('that does not answer is spared, tried now and then, and found again', async () => {
    const peer = await openPeer(() => undefined);
    const source = await openSource({ timeoutMs: SHORT_MS });
    const attempts = [1, 2, 3, 4, 5].map((eventId) => source.load(eventId));
    const outcomes = await Promise.allSettled(attempts);
    expect(outcomes.map(({ status }) => status)).toEqual(Array(5).fill('rejected'));
    expect(source.isAnswering).toBe(false);
    await expect(source.load(1)).rejects.toMatchObject({ code: 'BREAKER_OPEN' });
    expect(peer.requests).toHaveLength(5);

    clock.advance(COOL_DOWN_MS);
    await expect(source.load(1)).rejects.toMatchObject({ code: 'TIMEOUT' });
    await expect(source.load(1)).rejects.toMatchObject({ code: 'BREAKER_OPEN' });
    expect(peer.requests).toHaveLength(6);

    clock.advance(COOL_DOWN_MS);
    peer.answer = () => answers.value([SEATS]);
    expect(await source.load(1)).toEqual(INVENTORY);
    expect(source.isAnswering).toBe(true);
    // Whoever asked in vain may ask again.
    expect(new Set(changed)).toEqual(new Set([1, 2, 3, 4, 5]));
    expect(await source.load(2)).toEqual(INVENTORY);
  });
});

describe('without the broker', () => {
  test('a question fails at once, and what was missed is told when it is there', async () => {
    await openPeer();
    const proxy = await openCuttableProxy(brokerUrl());
    cleanups.push(() => proxy.close());
    proxy.setOpen(false);
    const source = await connectSource({}, proxy.url);
    await expect(source.load(7)).rejects.toMatchObject({ code: 'DISCONNECTED' });
    expect(source.isAnswering).toBe(false);
    proxy.setOpen(true);
    await untilAnswering(source);
    expect(changed).toEqual([7]);
    expect(await source.load(7)).toEqual(INVENTORY);
  });

  test('a question that was under way fails at once', async () => {
    const peer = await openPeer(() => undefined);
    const proxy = await openCuttableProxy(brokerUrl());
    cleanups.push(() => proxy.close());
    const source = await connectSource({}, proxy.url);
    await untilAnswering(source);
    const failure = source.load(7).catch((error: unknown) => error);
    await vi.waitUntil(() => peer.requests.length === 1);
    proxy.cut();
    expect(await failure).toMatchObject({ name: 'RpcFailure', code: 'DISCONNECTED' });
    peer.answer = () => answers.value([SEATS]);
    await untilAnswering(source);
    expect(await source.load(7)).toEqual(INVENTORY);
  });
});

test.each([
  [{ queue: '' }, TypeError],
  [{ timeoutMs: 0 }, RangeError],
  [{ timeoutMs: 1.5 }, RangeError],
])('%j is misuse', (options, error) => {
  const make = () => new AmqpInventorySource({ queue, log: silentLog, ...options });
  expect(make).toThrow(error);
});

test('what is told to have changed is told to listeners, until they leave', async () => {
  const source = await openSource();
  const told: unknown[] = [];
  const leave = source.onChanged((eventId) => told.push(eventId));
  source.changed('7');
  leave();
  source.changed(8);
  source.changed(-1);
  expect(told).toEqual([7]);
  expect(changed).toEqual([7, 8]);
});
