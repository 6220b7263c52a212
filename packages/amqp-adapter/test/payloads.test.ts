import { describe, expect, test } from 'vitest';

import {
  readDecision,
  readDecisionOfUser,
  readDecisionOnMany,
  readEventQuery,
  readPayment,
} from '../src/payloads.js';

const lockId = 'a'.repeat(22);
const invalid = (field: string) => ({ ok: false, error: { code: 'INVALID_REQUEST', field } });

describe('a decision', () => {
  test('is read with canonical ids, and without what the command does not know', () => {
    const payload = { lockId, orderId: '12', userId: '007', eventId: 1, quantity: 2, price: 9.5 };
    expect(readDecision(payload)).toEqual({
      ok: true,
      value: { lockId, orderId: 12, userId: '007', eventId: 1, quantity: 2 },
    });
  });

  test('takes null for not given', () => {
    expect(readDecision({ lockId, orderId: null })).toEqual({ ok: true, value: { lockId } });
  });

  test.each([undefined, null, 'text', 5, [], true])('is not %j', (payload) => {
    expect(readDecision(payload)).toMatchObject({ ok: false, error: { code: 'INVALID_REQUEST' } });
  });

  test.each([
    ['lockId', {}],
    ['lockId', { lockId: '' }],
    ['lockId', { lockId: 5 }],
    ['lockId', { lockId: 'a'.repeat(129) }],
    ['lockId', { lockId: { toString: 'a' } }],
    ['orderId', { lockId, orderId: '' }],
    ['orderId', { lockId, orderId: -1 }],
    ['orderId', { lockId, orderId: 1.5 }],
    ['orderId', { lockId, orderId: 'a\nb' }],
    ['userId', { lockId, userId: {} }],
    ['quantity', { lockId, quantity: '2' }],
    ['quantity', { lockId, quantity: 0 }],
    ['quantity', { lockId, quantity: 1e21 }],
    ['requestId', { lockId, requestId: 7 }],
  ])('with a wrong %s is refused: %j', (field, payload) => {
    expect(readDecision(payload)).toEqual(invalid(field));
  });

  test('keys of the prototype are no fields', () => {
    const payload = JSON.parse(`{"lockId":"${lockId}","__proto__":{"orderId":1}}`) as unknown;
    expect(readDecision(payload)).toEqual({ ok: true, value: { lockId } });
  });
});

test('the old confirm names its user', () => {
  expect(readDecisionOfUser({ lockId })).toEqual(invalid('userId'));
  expect(readDecisionOfUser({ lockId, userId: 'bo' })).toMatchObject({ value: { userId: 'bo' } });
});

describe('a decision on many', () => {
  test.each([
    ['lockIds', { orderId: 1 }],
    ['lockIds', { lockIds: [], orderId: 1 }],
    ['lockIds', { lockIds: [1], orderId: 1 }],
    ['lockIds', { lockIds: Array.from({ length: 1001 }, () => lockId), orderId: 1 }],
    ['orderId', { lockIds: [lockId] }],
  ])('with a wrong %s is refused', (field, payload) => {
    expect(readDecisionOnMany(payload)).toEqual(invalid(field));
  });
});

describe('a payment', () => {
  test('is told in seconds', () => {
    expect(readPayment({ lockId, orderId: 'o-1', ttlSeconds: 90 })).toEqual({
      ok: true,
      value: { lockId, orderId: 'o-1', ttlMs: 90_000 },
    });
    expect(readPayment({ lockId, orderId: 1 })).toMatchObject({ value: { ttlMs: undefined } });
  });

  test.each([0, -1, 0.5, '90', 365 * 86_400 + 1])('of %j seconds is refused', (ttlSeconds) => {
    expect(readPayment({ lockId, orderId: 1, ttlSeconds })).toEqual(invalid('ttlSeconds'));
  });

  test('names its order', () => {
    expect(readPayment({ lockId })).toEqual(invalid('orderId'));
  });
});

test('an event is asked for by its canonical id', () => {
  expect(readEventQuery({ eventId: '1' })).toEqual({ ok: true, value: { eventId: 1 } });
  expect(readEventQuery({})).toEqual(invalid('eventId'));
});
