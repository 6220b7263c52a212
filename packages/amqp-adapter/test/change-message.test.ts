import type { LockChange } from '@ticket-locks/lock-engine';
import { recordedCalls } from '@ticket-locks/lock-engine/testing';
import { describe, expect, test } from 'vitest';

import { changeMessage, isPublished, orderKeyOf } from '../src/change-message.js';

const lock = { lockId: 'a', eventId: 1, categoryId: 2, userId: 'bo', quantity: 3 };
const header = { seq: 7, atMs: Date.UTC(2030, 0, 1), ...lock };
const dataOf = (change: LockChange) =>
  (JSON.parse(String(changeMessage(change, 'x-7').content)) as { data: object }).data;

describe('a change as a message', () => {
  test('carries its id where NestJS and where the broker look for one', () => {
    const change: LockChange = { type: 'settled', ...header, orderId: 9 };
    const { options, routingKey, content } = changeMessage(change, 'x-7');
    expect(options.messageId).toBe('x-7');
    expect(routingKey).toBe('lock.settled');
    expect(changeMessage(change, 'x-7').content).toEqual(content);
    expect(dataOf(change)).toEqual({
      id: 'x-7',
      seq: 7,
      at: '2030-01-01T00:00:00.000Z',
      ...lock,
      orderId: 9,
    });
  });

  test('carries what it is about: the end, the reason, what it was before', () => {
    const expiresAtMs = header.atMs + 500;
    const expiresAt = '2030-01-01T00:00:00.500Z';
    expect(dataOf({ type: 'extended', ...header, expiresAtMs })).toMatchObject({ expiresAt });
    expect(dataOf({ type: 'expiring', ...header, expiresAtMs })).toMatchObject({ expiresAt });
    expect(dataOf({ type: 'released', ...header, reason: 'unlocked' })).toMatchObject({
      reason: 'unlocked',
    });
    expect(dataOf({ type: 'quantity-changed', ...header, previousQuantity: 5 })).toMatchObject({
      quantity: 3,
      previousQuantity: 5,
    });
    expect(dataOf({ type: 'confirmed', ...header, late: true })).toMatchObject({ late: true });
  });

  test('never carries a session, and a key of the frame that NestJS takes for a request', () => {
    const change: LockChange = { type: 'locked', ...header, sessionId: 's', expiresAtMs: 1 };
    const { content } = changeMessage(change, 'x-7');
    expect(Object.keys(JSON.parse(String(content)) as object)).toEqual(['pattern', 'data']);
    expect(dataOf(change)).not.toHaveProperty('sessionId');
  });

  test('of a cancelled event names the event', () => {
    const change: LockChange = { type: 'event-cancelled', seq: 7, atMs: 0, eventId: 1 };
    expect(changeMessage(change, 'x-7').routingKey).toBe('event.cancelled');
    expect(dataOf(change)).toMatchObject({ eventId: 1 });
    expect(orderKeyOf(change)).toBe('');
  });

  test('is made of every kind of change of a run, or of none of the kind', () => {
    const changes = recordedCalls().flat();
    const told = new Set(changes.filter(isPublished).map(({ type }) => type));
    expect(told).toContain('locked');
    expect(told).toContain('released');
    for (const type of ['request-remembered', 'forgotten', 'inventory-set'] as const) {
      expect(told).not.toContain(type);
    }
    for (const change of changes.filter(isPublished)) {
      expect(changeMessage(change, 'x-7').routingKey).toMatch(/^(?:lock|event)\.[a-z-]+$/);
      expect(orderKeyOf(change)).toBe('lockId' in change ? change.lockId : '');
    }
  });
});
