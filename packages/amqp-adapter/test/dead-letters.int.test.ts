import type { LockError } from '@ticket-locks/lock-engine';
import type { Message } from 'amqplib';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import type { AdapterLog, AmqpAdapterOptions } from '../src/index.js';
import { AdapterUnderTest, PATIENCE_MS, STATS } from './adapter-under-test.js';
import { EVENT_ID } from './box-office.js';
import { silentLog } from './silent-log.js';

type Stats = AmqpAdapterOptions['stats'];

const BUG = () => Promise.reject(new Error('a bug'));
const someText = expect.any(String) as string;
const instant = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string;

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

let made: AdapterUnderTest;

beforeEach(async () => {
  made = await AdapterUnderTest.open();
});

afterEach(() => made.end());

const takeDead = () => made.take(`${made.queue}.dlq`);
const headersOf = (message: Message) => message.properties.headers as object;
const messageCount = async (queue: string) =>
  (await made.client.channel.checkQueue(queue)).messageCount;

/** Lets `cancelEvent` answer so until it is let go. */
function refusingStore(error: LockError) {
  const cancelEvent = made.office.locks.cancelEvent.bind(made.office.locks);
  let isRefusing = true;
  const cancelled = vi
    .spyOn(made.office.locks, 'cancelEvent')
    .mockImplementation(async (command) =>
      isRefusing ? { ok: false, error } : cancelEvent(command),
    );
  return { cancelled, letGo: () => (isRefusing = false) };
}

describe('what fails by our fault', () => {
  test('is tried once more, then answered as an error and dead, with the reason', async () => {
    const stats = vi.fn<Stats>(BUG);
    const adapter = await made.startServing({ stats });
    const { body } = await made.client.request('get-realtime-stats', { a: 1 });
    expect(body['err']).toEqual({
      status: 'error',
      code: 'OUTCOME_UNKNOWN',
      message: 'Internal server error',
    });
    const dead = await takeDead();
    expect(stats).toHaveBeenCalledTimes(2);
    expect(JSON.parse(String(dead.content))).toMatchObject({ data: { a: 1 } });
    expect(dead.properties).toMatchObject({ deliveryMode: 2, correlationId: someText });
    expect(dead.properties.replyTo).toBeUndefined();
    expect(headersOf(dead)).toMatchObject({
      'x-dead-letter-reason': 'failed',
      'x-dead-letter-detail': 'Error: a bug',
      'x-dead-letter-pattern': '"get-realtime-stats"',
      'x-dead-letter-at': instant,
      'x-first-failure-at': instant,
      'x-original-routing-key': made.queue,
      'x-original-reply-to': expect.stringContaining('amq.rabbitmq.reply-to.') as string,
    });
    await vi.waitUntil(() => adapter.messageStats().deadLettered === 1);
    expect(adapter.messageStats()).toMatchObject({ retried: 1, deadLettered: 1 });
  });

  test('once only is answered at the second attempt, and nobody notices', async () => {
    const stats = vi.fn<Stats>(BUG).mockImplementationOnce(BUG).mockResolvedValue(STATS);
    await made.startServing({ stats });
    const { body } = await made.client.request('get-realtime-stats', {});
    expect(body).toEqual({ response: STATS, isDisposed: true });
    expect(await messageCount(made.queue)).toBe(0);
  });
});

describe('what cannot be read', () => {
  test('is answered where there is an address, and dead at once with its content', async () => {
    await made.startServing();
    const { body } = await made.client.requestRaw('c-1', '{"pattern":');
    expect(body).toMatchObject({ err: { code: 'INVALID_REQUEST' } });
    const dead = await takeDead();
    expect(String(dead.content)).toBe('{"pattern":');
    expect(headersOf(dead)).toMatchObject({
      'x-dead-letter-reason': 'unreadable',
      'x-dead-letter-detail': '11 bytes',
    });
  });

  test('a hundred times among a thousand good ones disturbs none of them', async () => {
    const adapter = await made.startServing();
    const { lockId } = await made.office.lock('bo', 2);
    const replies = Array.from({ length: 1000 }, (_, index) => {
      const poison = index % 10 === 0;
      if (poison) made.client.sendRaw(`poison ${index}`);
      return made.client.request('confirm-ticket-lock', { lockId, orderId: 7 });
    });
    for (const { body } of await Promise.all(replies)) {
      expect(body['response']).toMatchObject({ lockId });
    }
    const dead = () => adapter.messageStats().deadLettered;
    await vi.waitUntil(() => dead() === 100, { timeout: PATIENCE_MS });
    expect(await messageCount(`${made.queue}.dlq`)).toBe(100);
  });

  test('carries nobody else along: headers by which the broker would copy it are dropped', async () => {
    await made.startServing();
    const other = `${made.queue}.listener`;
    await made.client.channel.assertQueue(other);
    made.client.sendRaw('poison', { headers: { BCC: [other], kept: 'yes' }, expiration: '60000' });
    const dead = await takeDead();
    expect(headersOf(dead)).toMatchObject({ kept: 'yes' });
    expect(dead.properties.expiration).toBeUndefined();
    // The one copy that its sender asked for.
    expect(await messageCount(other)).toBe(1);
  });
});

describe('an event', () => {
  test('that nobody handles is acknowledged, and said in the debug log', async () => {
    const debug = vi.fn<AdapterLog['debug']>();
    await made.startServing({ log: { ...silentLog, debug } });
    made.client.emit('order-teleported', {});
    await vi.waitUntil(() => debug.mock.calls.some(([, text]) => text.includes('nobody handles')));
    await made.client.request('get-realtime-stats', {});
    expect(await messageCount(made.queue)).toBe(0);
  });

  test('that is not well formed is dead at once', async () => {
    await made.startServing();
    made.client.emit('event-cancelled', { eventId: { no: 'id' } });
    expect(headersOf(await takeDead())).toMatchObject({
      'x-dead-letter-reason': 'refused',
      'x-dead-letter-detail': 'INVALID_REQUEST',
      'x-dead-letter-pattern': '"event-cancelled"',
    });
  });

  test('that cannot be applied now is applied in the end, as if it had come later', async () => {
    const { lockId } = await made.office.lock('bo', 2);
    const adapter = await made.startServing();
    const { cancelled, letGo } = refusingStore({ code: 'UNAVAILABLE' });
    made.client.emit('event-cancelled', { eventId: EVENT_ID });
    await vi.waitUntil(() => cancelled.mock.calls.length >= 3, { timeout: PATIENCE_MS });
    expect((await made.office.locks.lockById(lockId))?.status).toBe('ACTIVE');
    letGo();
    const isReleased = async () =>
      (await made.office.locks.lockById(lockId))?.status === 'RELEASED';
    await vi.waitUntil(isReleased, { timeout: PATIENCE_MS });
    expect(adapter.messageStats()).toMatchObject({ deadLettered: 0 });
  });

  test('or a hundred of them: requests go on, and all are applied in the end', async () => {
    const adapter = await made.startServing();
    const { cancelled, letGo } = refusingStore({ code: 'OUTCOME_UNKNOWN' });
    for (let eventId = 1; eventId <= 100; eventId += 1) {
      made.client.emit('event-cancelled', { eventId });
    }
    await vi.waitUntil(() => cancelled.mock.calls.length >= 100, { timeout: PATIENCE_MS });
    expect((await made.client.request('get-realtime-stats', {})).body['response']).toEqual(STATS);
    // Most of them have been moved out of the way.
    const parked = () => messageCount(`${made.queue}.retry`);
    await vi.waitUntil(async () => (await parked()) >= 60, { timeout: PATIENCE_MS });
    letGo();
    cancelled.mockClear();
    const applied = () => new Set(cancelled.mock.calls.map(([command]) => command.eventId)).size;
    await vi.waitUntil(() => applied() === 100, { timeout: PATIENCE_MS });
    await vi.waitUntil(async () => (await parked()) === 0, { timeout: PATIENCE_MS });
    expect(adapter.messageStats()).toMatchObject({ deadLettered: 0 });
  });

  test('that waits when the adapter stops comes to the next one', async () => {
    const adapter = await made.startServing();
    const { cancelled, letGo } = refusingStore({ code: 'UNAVAILABLE' });
    made.client.emit('event-cancelled', { eventId: EVENT_ID });
    await vi.waitUntil(() => cancelled.mock.calls.length >= 2, { timeout: PATIENCE_MS });
    await adapter.stop();
    letGo();
    cancelled.mockClear();
    await made.startServing();
    await vi.waitUntil(() => cancelled.mock.calls.length === 1, { timeout: PATIENCE_MS });
  });
});

describe('the dead letters', () => {
  test('are made again when they were deleted', async () => {
    await made.startServing();
    made.client.sendRaw('first');
    await takeDead();
    await made.client.channel.deleteQueue(`${made.queue}.dlq`);
    made.client.sendRaw('second');
    expect(String((await takeDead()).content)).toBe('second');
  });

  test('that cannot be made lose nothing: the message stays in its queue', async () => {
    const error = vi.fn<AdapterLog['error']>();
    // Somebody else's, for himself alone.
    await made.client.channel.assertQueue(`${made.queue}.dlq`, { exclusive: true });
    const adapter = await made.start({ log: { ...silentLog, error } });
    await vi.waitUntil(() => adapter.isConnected, { timeout: PATIENCE_MS });
    made.client.sendRaw('poison');
    const complained = () =>
      error.mock.calls.filter(([, text]) => text.includes('could not move')).length;
    await vi.waitUntil(() => complained() >= 2, { timeout: PATIENCE_MS });
    expect((await made.client.request('get-realtime-stats', {})).body['response']).toEqual(STATS);
    await made.client.channel.deleteQueue(`${made.queue}.dlq`);
    expect(String((await takeDead()).content)).toBe('poison');
  });
});
