import type { Channel, ConsumeMessage } from 'amqplib';
import { describe, expect, test } from 'vitest';

import { Delivery } from '../src/delivery.js';
import { silentLog } from './silent-log.js';

function deliver(properties: object, redelivered = false): Delivery {
  const fields = { redelivered, exchange: 'shop', routingKey: 'orders' };
  const message = { content: Buffer.from('{}'), fields, properties };
  // Nothing is settled here.
  return new Delivery({} as Channel, message as unknown as ConsumeMessage, silentLog);
}

describe('a message that came before', () => {
  test.each([
    ['by the flag of the broker', {}, true, true],
    ['by the count of a quorum queue', { headers: { 'x-delivery-count': 1 } }, false, true],
    ['not when the count is 0', { headers: { 'x-delivery-count': 0 } }, false, false],
    ['not without either', { headers: undefined }, false, false],
  ])('is known %s', (_how, properties, flag, expected) => {
    expect(deliver(properties, flag).isRedelivered).toBe(expected);
  });
});

describe('a copy of a message', () => {
  const copy = deliver({
    headers: { kept: 1, CC: ['a'], BCC: ['b'] },
    replyTo: 'caller',
    messageId: 'm-1',
    userId: 'orders',
    expiration: '10',
    priority: 7,
    contentType: '',
  }).copyOptions({ 'x-why': 'broken' });

  test('is persistent, and says where it came from and why it is there', () => {
    expect(copy).toEqual({
      persistent: true,
      messageId: 'm-1',
      headers: {
        kept: 1,
        'x-original-exchange': 'shop',
        'x-original-routing-key': 'orders',
        'x-original-reply-to': 'caller',
        'x-why': 'broken',
      },
    });
  });

  test('has no property that routes, expires, or vouches for somebody else', () => {
    for (const name of ['replyTo', 'userId', 'expiration', 'CC', 'BCC']) {
      expect(copy).not.toHaveProperty(name);
    }
  });

  test('of headers that are too long has only ours', () => {
    const long = { headers: { long: 'a'.repeat(40_000) } };
    const headers = deliver(long).copyOptions({}).headers as object;
    expect(Object.keys(headers)).toEqual(['x-original-exchange', 'x-original-routing-key']);
  });
});
