import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

import { brokerUrl, NestClient } from '../../../packages/amqp-adapter/test/nest-client.js';
import type { TestBuyer } from '../../../packages/socket-adapter/test/test-buyer.js';
import { endExamples, ExampleProcess } from './example-process.js';
import { endServices, startService } from './service-process.js';
import type { ServiceProcess } from './service-process.js';
import { deleteQueuesOf } from './side-queues.js';

// The events that the example has from its beginning.
const STALLS = { eventId: 1, categoryId: 1 };
const STANDING = { eventId: 2, categoryId: 3 };
/** NestJS takes a while when the machine has much to do. */
const START_TIMEOUT_MS = 120_000;
const PATIENCE = { timeout: 30_000, interval: 50 };

const run = randomUUID();
const queues = {
  REALTIME_QUEUE: `realtime_test_${run}`,
  EVENTS_QUEUE: `events_test_${run}`,
  LOCK_NEWS_QUEUE: `orders_lock_news_test_${run}`,
};
const folder = mkdtempSync(join(tmpdir(), 'ticket-locks-nest-'));
const shared = { RABBITMQ_URL: brokerUrl(), ...queues };
const serviceEnvironment = {
  ...shared,
  INVENTORY_FILE: '',
  DATA_DIR: join(folder, 'locks'),
  LOCK_DURATION_SECONDS: '4',
  INVENTORY_REFRESH_SECONDS: '1',
  EXPIRING_NOTICE_SECONDS: '2',
};
let service: ServiceProcess;
let events: NestClient;
let realtime: NestClient;
let nextUserId = 1;

beforeAll(async () => {
  events = await NestClient.open(queues.EVENTS_QUEUE);
  realtime = await NestClient.open(queues.REALTIME_QUEUE);
  const databaseFile = join(folder, 'events.db');
  const example = new ExampleProcess('events-service', { ...shared, DATABASE_FILE: databaseFile });
  await example.listening();
  service = await startService(serviceEnvironment);
  // The service starts without the broker, and asks the events service when it is connected.
  const buyer = await service.buyer(nextUserId++);
  const hasEntered = async () => {
    const { success } = await buyer.ask('join-event-room', { eventId: STALLS.eventId });
    return success === true;
  };
  await vi.waitUntil(hasEntered, PATIENCE);
}, START_TIMEOUT_MS);

afterAll(async () => {
  await Promise.all([endExamples(), endServices()]);
  for (const queue of Object.values(queues)) await deleteQueuesOf(events.channel, queue);
  await Promise.all([events.close(), realtime.close()]);
  rmSync(folder, { recursive: true });
});

interface Shop {
  readonly orders: ExampleProcess;
  readonly url: string;
}

async function openShop(environment: Record<string, string>): Promise<Shop> {
  const orders = new ExampleProcess('orders-service', {
    ...shared,
    PORT: '0',
    ...environment,
  });
  return { orders, url: await orders.listening() };
}

async function lock(line: { eventId: number; categoryId: number }, quantity: number) {
  const userId = nextUserId++;
  const buyer = await service.buyer(userId);
  const answer = await buyer.ask('lock-tickets', { ...line, quantity });
  expect(answer).toMatchObject({ success: true });
  return { buyer, wish: { ...line, userId, quantity, lockId: String(answer['lockId']) } };
}

async function order({ url }: Shop, wish: object): Promise<Record<string, unknown>> {
  const response = await fetch(`${url}/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(wish),
  });
  return (await response.json()) as Record<string, unknown>;
}

async function statusOf(lockId: string): Promise<unknown> {
  const { body } = await realtime.request('get-ticket-lock', { lockId });
  return (body['response'] as Record<string, unknown>)['status'];
}

async function reservedSeats(eventId: number): Promise<unknown> {
  const { body } = await events.request('get-ticket-categories', eventId);
  return (body['response'] as Record<string, unknown>[])[0]?.['reservedSeats'];
}

async function availability(eventId: number): Promise<Record<string, unknown> | undefined> {
  const { body } = await realtime.request('get-event-availability', { eventId });
  const { categories } = body['response'] as { categories: Record<string, unknown>[] };
  return categories[0];
}

async function watch(eventId: number): Promise<TestBuyer> {
  const watcher = await service.buyer(nextUserId++);
  await watcher.ask('join-event-room', { eventId });
  return watcher;
}

describe('the example services in NestJS, with the realtime service between them', () => {
  let shop: Shop;

  beforeAll(async () => {
    // Whoever pays after one second is late.
    const payment = { PAYMENT_SECONDS: '1', SLOW_PAYMENT_MS: '5000' };
    shop = await openShop({ ...payment, DATABASE_FILE: join(folder, 'orders.db') });
  }, START_TIMEOUT_MS);

  test('sell tickets, and never show a sold one as free until the sale is counted', async () => {
    const watcher = await watch(STALLS.eventId);
    const { wish } = await lock(STALLS, 2);
    await watcher.hears('availability-update', (news) => news.lockedTickets === 2);
    const heardBefore = watcher.allHeard('availability-update').length;

    const done = await order(shop, { ...wish, paymentMethod: 'card' });
    expect(done).toMatchObject({ state: 'completed', lockId: wish.lockId });
    expect(await statusOf(wish.lockId)).toBe('confirmed');
    await expect.poll(() => reservedSeats(STALLS.eventId), PATIENCE).toBe('2');
    const settled = { soldTickets: 2, lockedTickets: 0, availableTickets: 48 };
    await expect.poll(() => availability(STALLS.eventId), PATIENCE).toMatchObject(settled);
    const stalls = watcher
      .allHeard('availability-update')
      .slice(heardBefore)
      .filter(({ categoryId }) => categoryId === STALLS.categoryId);
    expect(Math.max(...stalls.map(({ availableTickets }) => availableTickets))).toBe(48);

    // Asked once more for the same lock there is the same order, and nothing is sold again.
    const again = await order(shop, { ...wish, paymentMethod: 'card' });
    expect(again).toEqual(done);
    expect(await reservedSeats(STALLS.eventId)).toBe('2');
  });

  test('give the tickets back when the payment fails', async () => {
    const { wish } = await lock(STANDING, 3);
    const done = await order(shop, { ...wish, paymentMethod: 'declined' });
    expect(done).toMatchObject({ state: 'failed' });
    expect(await statusOf(wish.lockId)).toBe('released');
  });

  test('stop a payment when its lock ends, and give money back that comes too late', async () => {
    const wallet = await lock(STANDING, 1);
    const transfer = await lock(STANDING, 1);
    const [stopped, late] = await Promise.all([
      order(shop, { ...wallet.wish, paymentMethod: 'wallet' }),
      order(shop, { ...transfer.wish, paymentMethod: 'transfer' }),
    ]);
    expect(stopped).toMatchObject({ state: 'failed' });
    expect(late).toMatchObject({ state: 'refunded' });
    expect(await statusOf(transfer.wish.lockId)).toBe('expired');
    expect(shop.orders.output).toContain(`lock ${transfer.wish.lockId} ends`);
  });

  test('refuse an order for a lock that is not as it says', async () => {
    const { wish } = await lock(STANDING, 2);
    const done = await order(shop, { ...wish, quantity: 4, paymentMethod: 'card' });
    expect(done).toMatchObject({ state: 'refunded' });
    expect(await statusOf(wish.lockId)).toBe('released');
  });

  test('follow the organiser', async () => {
    const watcher = await watch(STANDING.eventId);
    await events.request('change-capacity', { categoryId: STANDING.categoryId, totalSeats: 60 });
    await watcher.hears('availability-update', (news) => news.totalTickets === 60);
    const { buyer, wish } = await lock(STANDING, 1);
    await events.request('cancel-event', { eventId: STANDING.eventId });
    await buyer.hears('lock-released', (news) => news.lockId === wish.lockId);
    expect(await statusOf(wish.lockId)).toBe('released');
  });
});

test(
  'an orders service that crashed goes on with its orders where they were',
  async () => {
    const environment = { DATABASE_FILE: join(folder, 'crash.db'), SLOW_PAYMENT_MS: '1500' };
    const first = await openShop(environment);
    const soldBefore = Number(await reservedSeats(STALLS.eventId));
    const { wish } = await lock(STALLS, 1);
    const payment = order(first, { ...wish, paymentMethod: 'transfer' });
    const outcome = payment.then(
      () => 'answered',
      () => 'lost',
    );
    const begun = async () => {
      const { body } = await realtime.request('get-ticket-lock', { lockId: wish.lockId });
      return (body['response'] as Record<string, unknown>)['orderId'];
    };
    await expect.poll(begun, PATIENCE).toBeDefined();
    await first.orders.kill();
    expect(await outcome).toBe('lost');

    await openShop(environment);
    await expect.poll(() => statusOf(wish.lockId), PATIENCE).toBe('confirmed');
    await expect.poll(() => reservedSeats(STALLS.eventId), PATIENCE).toBe(String(soldBefore + 1));
  },
  START_TIMEOUT_MS,
);

test(
  'orders under way go on when the realtime service is killed, and each is sold once',
  async () => {
    const shop = await openShop({ DATABASE_FILE: join(folder, 'killed.db') });
    const soldBefore = Number(await reservedSeats(STALLS.eventId));
    const locked = await Promise.all(Array.from({ length: 12 }, () => lock(STALLS, 2)));
    const ended = locked.map(({ wish }) => order(shop, { ...wish, paymentMethod: 'card' }));
    await Promise.race(ended);
    service.kill('SIGKILL');
    await service.exitCode();
    const port = String(service.port);
    service = await startService({ ...serviceEnvironment, WEBSOCKET_PORT: port });

    // A lock may have expired before its order began to pay.
    const states = (await Promise.all(ended)).map(({ state }) => state);
    const completed = states.filter((state) => state === 'completed');
    const failed = states.filter((state) => state === 'failed');
    expect(completed.length).toBeGreaterThan(0);
    expect(completed.length + failed.length).toBe(states.length);
    const sold = soldBefore + 2 * completed.length;
    await expect.poll(() => reservedSeats(STALLS.eventId), PATIENCE).toBe(String(sold));
    const settled = { soldTickets: sold, lockedTickets: 0, availableTickets: 50 - sold };
    await expect.poll(() => availability(STALLS.eventId), PATIENCE).toMatchObject(settled);
  },
  START_TIMEOUT_MS,
);
