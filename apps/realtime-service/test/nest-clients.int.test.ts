import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { brokerUrl, NestClient } from '../../../packages/amqp-adapter/test/nest-client.js';
import type { TestBuyer } from '../../../packages/socket-adapter/test/test-buyer.js';
import { endPeers, startPeer } from './nest-peer.js';
import type { NestPeer, NestVersion } from './nest-peer.js';
import { endServices, startService } from './service-process.js';
import type { ServiceProcess } from './service-process.js';
import { deleteQueuesOf } from './side-queues.js';

interface Lock {
  readonly lockId: string;
  readonly userId: number;
  readonly eventId: number;
  readonly quantity: number;
  readonly buyer: TestBuyer;
}

/** NestJS takes a while when the machine has much to do. */
const START_TIMEOUT_MS = 120_000;
const VERSIONS: readonly NestVersion[] = [10, 11, 12];
const queue = `realtime_test_${randomUUID()}`;
const peers = new Map<NestVersion, NestPeer>();
/** Locked at the beginning and left alone, so that all of them expire while the tests run. */
const forgotten = new Map<NestVersion, Lock>();
let service: ServiceProcess;
let nextUserId = 1;

beforeAll(async () => {
  const url = brokerUrl();
  // Nest 10 declares the queue before the service does, 11 and 12 after it.
  peers.set(10, await startPeer({ version: 10, role: 'client', url, queue }));
  service = await startService({
    RABBITMQ_URL: url,
    REALTIME_QUEUE: queue,
    LOCK_DURATION_SECONDS: '5',
  });
  for (const version of [11, 12] as const) {
    peers.set(version, await startPeer({ version, role: 'client', url, queue }));
  }
  for (const version of VERSIONS) forgotten.set(version, await lockTickets());
}, START_TIMEOUT_MS);

afterAll(async () => {
  await Promise.all([endPeers(), endServices()]);
  const broker = await NestClient.open(queue);
  await deleteQueuesOf(broker.channel, queue);
  await broker.close();
});

async function lockTickets(quantity = 1): Promise<Lock> {
  const userId = nextUserId++;
  const buyer = await service.buyer(userId);
  const eventId = 1 + (userId % 20);
  const answer = await buyer.ask('lock-tickets', { eventId, categoryId: 1, quantity });
  expect(answer).toMatchObject({ success: true });
  return { lockId: String(answer['lockId']), userId, eventId, quantity, buyer };
}

describe.each(VERSIONS)('an unmodified NestJS %i client', (version) => {
  const send = (pattern: unknown, data: unknown) => peers.get(version)!.send(pattern, data);
  const refusal = (code: string) => ({
    isError: false,
    error: { status: 'error', code, message: expect.any(String) as unknown },
  });

  test('confirms a lock, and hears the same when it asks again', async () => {
    const { lockId, userId, eventId } = await lockTickets(2);
    const confirm = { lockId, orderId: `o-${lockId}`, userId, eventId, categoryId: 1, quantity: 2 };
    const first = await send('confirm-ticket-lock', confirm);
    expect(first).toMatchObject({ value: { success: true, lockId, status: 'confirmed' } });
    expect(await send('confirm-ticket-lock', confirm)).toEqual(first);
  });

  test.each([
    ['a string', 'confirm-ticket-lock'],
    ['{ cmd }', { cmd: 'confirm-ticket-lock' }],
  ])('names the pattern as %s', async (_form, pattern) => {
    const { lockId } = await lockTickets();
    expect(await send(pattern, { lockId })).toMatchObject({ value: { status: 'confirmed' } });
  });

  test('releases a lock, and hears that again', async () => {
    const { lockId } = await lockTickets();
    const released = { value: { success: true, lockId, status: 'released' } };
    expect(await send('release-ticket-lock', { lockId })).toMatchObject(released);
    expect(await send('release-ticket-lock', { lockId })).toMatchObject(released);
    expect(await send('confirm-ticket-lock', { lockId })).toMatchObject(refusal('LOCK_RELEASED'));
  });

  test('begins the payment, and confirms or releases several locks at once', async () => {
    const { lockId } = await lockTickets();
    const orderId = `o-${lockId}`;
    const begun = await send('begin-ticket-payment', { lockId, orderId, ttlSeconds: 60 });
    expect(begun).toMatchObject({ value: { success: true, lockId, expiresInMs: 60_000 } });
    const many = { lockIds: [lockId], orderId };
    expect(await send('confirm-ticket-locks', many)).toMatchObject({ value: { success: true } });
    expect(await send('release-ticket-locks', many)).toMatchObject({ value: { success: true } });
    const record = { value: { lockId, status: 'released', orderId } };
    expect(await send('get-ticket-lock', { lockId })).toMatchObject(record);
  });

  test('is refused with code and message, so that its await rejects', async () => {
    const own = await lockTickets();
    const { lockId } = own;
    const confirm = (claims: object) => send('confirm-ticket-lock', { lockId, ...claims });
    expect(await send('confirm-ticket-lock', { lockId: 'none' })).toMatchObject(
      refusal('LOCK_NOT_FOUND'),
    );
    expect(await confirm({ userId: 999_999 })).toMatchObject(refusal('LOCK_NOT_FOUND'));
    expect(await confirm({ quantity: 7 })).toMatchObject(refusal('LOCK_MISMATCH'));
    expect(await confirm({ lockId: 5 })).toMatchObject(refusal('INVALID_REQUEST'));
    expect(await confirm({ orderId: 'first' })).toMatchObject({ value: { status: 'confirmed' } });
    expect(await confirm({ orderId: 'second' })).toMatchObject(refusal('ORDER_CONFLICT'));
  });

  test('is refused when the lock has expired', async () => {
    const { lockId, buyer } = forgotten.get(version)!;
    await buyer.hears('lock-expired', (news) => news.lockId === lockId);
    expect(await send('confirm-ticket-lock', { lockId })).toMatchObject(refusal('LOCK_EXPIRED'));
    const released = await send('release-ticket-lock', { lockId });
    expect(released).toMatchObject({ value: { success: true, status: 'expired' } });
  });

  test('hears that nobody handles a pattern', async () => {
    expect(await send('no-such-pattern', {})).toEqual({
      isError: false,
      error: 'There is no matching message handler defined in the remote service.',
    });
  });

  test('gets a bare yes or no for confirm-lock, as the orders service of today expects', async () => {
    const { lockId, userId } = await lockTickets();
    const ask = (claims: object) => send('confirm-lock', { lockId, userId, ...claims });
    expect(await ask({ userId: 999_999 })).toEqual({ value: false });
    expect(await ask({})).toEqual({ value: true });
    expect(await ask({})).toEqual({ value: true });
    expect(await ask({ lockId: 'none' })).toEqual({ value: false });
  });

  test('reads locks, availability and statistics', async () => {
    const { lockId, eventId, userId } = await lockTickets();
    const record = { value: { lockId, userId, status: 'active' } };
    expect(await send('get-ticket-lock', { lockId })).toMatchObject(record);
    const answer = await send('get-event-availability', { eventId });
    expect(answer).toMatchObject({ value: { eventId, categories: [{ totalTickets: 50 }, {}] } });
    expect(await send('get-realtime-stats', {})).toMatchObject({ value: { status: 'active' } });
  });

  test('tells of its orders with emit, and the buyer hears of it', async () => {
    const { lockId, userId, eventId, buyer } = await lockTickets(2);
    const order = { orderId: `o-${lockId}`, eventId, categoryId: 1, quantity: 2, userId, lockId };
    await send('confirm-ticket-lock', { lockId, orderId: order.orderId });
    const peer = peers.get(version)!;
    await peer.emit('order-completed', order);
    expect(await buyer.hears('order-completed')).toMatchObject({ orderId: order.orderId });
    // Without an events service, a cancelled order gives its tickets back to us.
    await peer.emit('order-cancelled', order);
    expect(await buyer.hears('order-cancelled')).toMatchObject({ orderId: order.orderId });
    const record = { value: { lockId, status: 'released' } };
    await expect
      .poll(() => send('get-ticket-lock', { lockId }), { timeout: 15_000 })
      .toMatchObject(record);
  });

  test('is still there: our queue is declared as it declares it', () => {
    expect(peers.get(version)!.isRunning).toBe(true);
    expect(peers.get(version)!.output).not.toContain('PRECONDITION');
  });
});
