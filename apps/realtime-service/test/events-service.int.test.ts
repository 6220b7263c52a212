import { randomUUID } from 'node:crypto';

import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { openCuttableProxy } from '../../../packages/amqp-adapter/test/cuttable-proxy.js';
import { brokerUrl, NestClient } from '../../../packages/amqp-adapter/test/nest-client.js';
import { answers, PeerService } from '../../../packages/amqp-adapter/test/peer-service.js';
import { endServices, startService } from './service-process.js';
import type { ServiceProcess } from './service-process.js';

const PATIENCE = { timeout: 15_000 };
const EVENT_ID = 5;
const wish = { eventId: EVENT_ID, categoryId: 2, quantity: 2 };

let queue: string;
let eventsQueue: string;
/** What the events service counts. */
let seats: { totalSeats: string; reservedSeats: number; isActive: boolean };
let orders: NestClient;
/** Undone after the test, the latest first. */
let cleanups: (() => Promise<unknown>)[];

beforeEach(async () => {
  queue = `realtime_test_${randomUUID()}`;
  eventsQueue = `events_test_${randomUUID()}`;
  seats = { totalSeats: '10', reservedSeats: 0, isActive: true };
  orders = await NestClient.open(queue);
  cleanups = [() => orders.close(), () => deleteQueues(), endServices];
});

afterEach(async () => {
  for (const cleanup of cleanups.toReversed()) await cleanup();
});

async function deleteQueues(): Promise<void> {
  for (const suffix of ['', '.dlq', '.refunds']) await orders.channel.deleteQueue(queue + suffix);
}

async function openEventsService(): Promise<PeerService> {
  const peer = await PeerService.open(eventsQueue, ({ data }) =>
    data === EVENT_ID
      ? answers.value([
          { id: 2, eventId: EVENT_ID, categoryName: 'Seats', price: '9.90', ...seats },
        ])
      : answers.error({ status: 'error', message: 'Event not found' }),
  );
  cleanups.push(() => peer.close());
  return peer;
}

async function open(environment: Record<string, string> = {}): Promise<ServiceProcess> {
  return startService({
    RABBITMQ_URL: brokerUrl(),
    REALTIME_QUEUE: queue,
    EVENTS_QUEUE: eventsQueue,
    INVENTORY_REFRESH_SECONDS: '1',
    ...environment,
  });
}

/** Asking the events service is possible only when the broker is there. */
async function openConnected(environment: Record<string, string> = {}): Promise<ServiceProcess> {
  const service = await open(environment);
  await untilWhole(service);
  return service;
}

async function untilWhole(service: ServiceProcess): Promise<void> {
  await vi.waitFor(async () => expect(await degraded(service)).toEqual([]), PATIENCE);
}

async function figures(): Promise<Record<string, unknown>> {
  const { body } = await orders.request('get-event-availability', { eventId: EVENT_ID });
  const { categories } = body['response'] as { categories: Record<string, unknown>[] };
  const { availableTickets, lockedTickets, soldTickets, totalTickets } = categories[0]!;
  return { availableTickets, lockedTickets, soldTickets, totalTickets };
}

async function until(expected: object): Promise<void> {
  await vi.waitFor(async () => expect(await figures()).toMatchObject(expected), PATIENCE);
}

async function degraded(service: ServiceProcess): Promise<unknown> {
  return (await service.get('/health/ready')).body['degraded'];
}

test('a sale counts from its confirm, and is left to the events service when that counts it', async () => {
  const peer = await openEventsService();
  const service = await openConnected();
  const buyer = await service.buyer('ann');
  const joined = await buyer.ask('join-event-room', { eventId: EVENT_ID });
  expect(joined).toMatchObject({ success: true });
  expect(await buyer.ask('join-event-room', { eventId: 404 })).toMatchObject({
    code: 'EVENT_NOT_FOUND',
  });
  const { lockId } = await buyer.ask('lock-tickets', wish);
  const confirm = { lockId, userId: 'ann' };
  expect((await orders.request('confirm-lock', confirm)).body).toMatchObject({ response: true });
  expect(await figures()).toMatchObject({ availableTickets: 8, soldTickets: 2, lockedTickets: 0 });
  const unsettled = await orders.request('get-unsettled-locks', { eventId: EVENT_ID });
  expect(unsettled.body['response']).toMatchObject([{ lockId, status: 'confirmed' }]);

  // As the orders service does: first the events service reserves, then everybody is told.
  seats.reservedSeats = 2;
  const told = new Promise((resolve) => buyer.socket.once('order-completed', resolve));
  orders.emit('order-completed', { orderId: 7, userId: 'ann', ...wish });
  expect(await told).toMatchObject({ orderId: 7, quantity: 2 });
  await vi.waitFor(async () => {
    const { body } = await orders.request('get-unsettled-locks', { eventId: EVENT_ID });
    expect(body['response']).toEqual([]);
  }, PATIENCE);
  expect(await figures()).toMatchObject({ availableTickets: 8, soldTickets: 2 });

  seats.totalSeats = '5';
  orders.emit('event-capacity-changed', { eventId: EVENT_ID });
  await until({ availableTickets: 3, totalTickets: 5 });
  // A sale without a lock, of which nobody tells.
  seats.reservedSeats = 3;
  await until({ availableTickets: 2, soldTickets: 3 });
  const metrics = await (await fetch(`${service.url}/metrics`)).text();
  expect(metrics).toContain('\nticket_locks_unsettled_oldest_seconds 0\n');
  expect(peer.requests.every(({ data }) => data === EVENT_ID || data === 404)).toBe(true);
  expect(await degraded(service)).toEqual([]);
});

test('the service starts before the broker and before the events service', async () => {
  const proxy = await openCuttableProxy(brokerUrl());
  cleanups.push(() => proxy.close());
  proxy.setOpen(false);
  const service = await open({ RABBITMQ_URL: proxy.url });
  const buyer = await service.buyer('ann');
  expect(await buyer.ask('lock-tickets', wish)).toMatchObject({ code: 'UNAVAILABLE' });
  expect(await degraded(service)).toEqual(['rabbitmq', 'events']);
  proxy.setOpen(true);
  await untilWhole(service);
  expect(await buyer.ask('lock-tickets', wish)).toMatchObject({ code: 'UNAVAILABLE' });

  await openEventsService();
  await vi.waitFor(async () => {
    expect(await buyer.ask('lock-tickets', wish)).toMatchObject({ success: true });
  }, PATIENCE);
  expect(await figures()).toMatchObject({ availableTickets: 8, lockedTickets: 2 });
});

test('while the events service is away its last figures go on, and are called stale', async () => {
  const peer = await openEventsService();
  const service = await openConnected({ INVENTORY_STALE_AFTER_SECONDS: '3' });
  const buyer = await service.buyer('ann');
  await buyer.ask('join-event-room', { eventId: EVENT_ID });
  const { lockId } = await buyer.ask('lock-tickets', wish);
  const stale = new Promise((resolve) => {
    buyer.socket.on('availability-update', (update: { stale?: boolean }) => {
      if (update.stale === true) resolve(update);
    });
  });
  peer.answer = () => undefined;
  expect(await stale).toMatchObject({ availableTickets: 8, stale: true });
  const ben = await service.buyer('ben');
  await vi.waitFor(async () => {
    const answer = await ben.ask('lock-tickets', { ...wish, quantity: 1 });
    expect(answer).toMatchObject({ code: 'UNAVAILABLE' });
  }, PATIENCE);
  // What is promised is kept.
  const confirmed = await orders.request('confirm-ticket-lock', { lockId, orderId: 7 });
  expect(confirmed.body['response']).toMatchObject({ status: 'confirmed' });
});

test('money that comes too late is noted before the refusal is heard', async () => {
  await openEventsService();
  const service = await openConnected({ LOCK_DURATION_SECONDS: '1' });
  const buyer = await service.buyer('ann');
  const expired = new Promise((resolve) => buyer.socket.once('lock-expired', resolve));
  const { lockId } = await buyer.ask('lock-tickets', wish);
  await expired;
  const late = { lockId, orderId: 7 };
  for (let attempt = 0; attempt < 2; attempt += 1) {
    const { body } = await orders.request('confirm-ticket-lock', late);
    expect(body['err']).toMatchObject({ code: 'LOCK_EXPIRED' });
  }
  const refund = { ...late, ...wish, userId: 'ann' };
  const all = await orders.request('get-refunds-required', {});
  const requiredAt = expect.stringMatching(/^\d{4}-.*Z$/) as string;
  expect(all.body['response']).toEqual([{ ...refund, requiredAt }]);
  const none = await orders.request('get-refunds-required', { eventId: 404 });
  expect(none.body['response']).toEqual([]);
});
