import { randomBytes } from 'node:crypto';

import { systemTimers } from '@ticket-locks/lock-engine';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { brokerUrl, NestClient } from '../../../packages/amqp-adapter/test/nest-client.js';
import { RabbitOrdersDesk } from '../src/rabbit-orders-desk.js';

const order = { orderId: 'demo-0123456789abcdef', lockIds: ['lock-1', 'lock-2'] };

let peer: NestClient;
let desk: RabbitOrdersDesk;
let queue: string;

beforeEach(async () => {
  queue = `desk_${randomBytes(8).toString('hex')}`;
  peer = await NestClient.open(queue);
  desk = deskAt(brokerUrl());
  await expect.poll(() => desk.isOpen).toBe(true);
});
afterEach(async () => {
  await desk.close();
  await peer.channel.deleteQueue(queue);
  await peer.close();
});

function deskAt(url: string): RabbitOrdersDesk {
  const log = { debug: silent, info: silent, warn: silent, error: silent };
  return new RabbitOrdersDesk({ url, queue, timeoutMs: 500, log, timers: systemTimers() });
}

function silent(): void {}

/** Answers every request with the same body, and writes down what was asked. */
async function answerWith(body: object): Promise<{ pattern: string; data: unknown }[]> {
  const asked: { pattern: string; data: unknown }[] = [];
  await peer.channel.assertQueue(queue, { durable: false });
  await peer.channel.consume(
    queue,
    (message) => {
      if (message === null) return;
      const packet = JSON.parse(String(message.content)) as { pattern: string; data: unknown };
      asked.push({ pattern: packet.pattern, data: packet.data });
      const replyTo = String(message.properties.replyTo);
      const correlationId = String(message.properties.correlationId);
      const content = Buffer.from(JSON.stringify({ ...body, isDisposed: true }));
      peer.channel.sendToQueue(replyTo, content, { correlationId });
    },
    { noAck: true },
  );
  return asked;
}

describe('a desk over RabbitMQ', () => {
  test('asks what an orders service asks', async () => {
    const asked = await answerWith({ response: { success: true, locks: [{ late: true }] } });
    expect(await desk.confirm(order)).toEqual({ ok: true, late: true });
    await desk.release(order);
    await desk.beginPayment(order);
    const { orderId, lockIds } = order;
    expect(asked).toEqual([
      { pattern: 'confirm-ticket-locks', data: { orderId, lockIds } },
      { pattern: 'release-ticket-locks', data: { orderId, lockIds } },
      { pattern: 'begin-ticket-payment', data: { orderId, lockId: 'lock-1' } },
      { pattern: 'begin-ticket-payment', data: { orderId, lockId: 'lock-2' } },
    ]);
  });

  test('gives a refusal on with its facts, and begins no payment after it', async () => {
    const err = { status: 'error', code: 'LOCK_EXPIRED', message: 'over', lockId: 'lock-1' };
    const asked = await answerWith({ err });
    expect(await desk.beginPayment(order)).toEqual({
      ok: false,
      error: { code: 'LOCK_EXPIRED', lockId: 'lock-1' },
    });
    expect(asked).toHaveLength(1);
  });

  test('takes an error without a code for no answer about the locks', async () => {
    await answerWith({
      err: 'There is no matching message handler defined in the remote service.',
    });
    expect(await desk.confirm(order)).toEqual({ ok: false, error: { code: 'OUTCOME_UNKNOWN' } });
  });

  test('does not know what became of a request that nobody answers', async () => {
    await peer.channel.assertQueue(queue, { durable: false });
    expect(await desk.confirm(order)).toEqual({ ok: false, error: { code: 'OUTCOME_UNKNOWN' } });
  });

  test('knows that nothing was done where there is no queue, or no broker', async () => {
    const unavailable = { ok: false, error: { code: 'UNAVAILABLE' } };
    expect(await desk.confirm(order)).toEqual(unavailable);
    const lonely = deskAt('amqp://127.0.0.1:1');
    expect(await lonely.confirm(order)).toEqual(unavailable);
    await lonely.close();
  });
});
