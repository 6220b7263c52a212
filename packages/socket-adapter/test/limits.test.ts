import { describe, expect, test } from 'vitest';

import { ConnectionPlaces } from '../src/connection-places.js';
import { RateLimiter } from '../src/rate-limiter.js';
import { RequestGate } from '../src/request-gate.js';
import type { GateRequest } from '../src/request-gate.js';
import { DEFAULT_SOCKET_LIMITS, resolveLimits } from '../src/socket-limits.js';

const NO_LIMITS = resolveLimits(
  Object.fromEntries(Object.keys(DEFAULT_SOCKET_LIMITS).map((name) => [name, 0])),
);

describe('a rate limiter', () => {
  test('gives so many in a window, and says when the next one begins', () => {
    const limiter = new RateLimiter({ max: 2, windowMs: 1000 });
    expect(limiter.take('a', 100)).toBe(0);
    expect(limiter.take('a', 1099)).toBe(0);
    expect(limiter.take('a', 1099)).toBe(1);
    expect(limiter.take('b', 1099)).toBe(0);
    expect(limiter.take('a', 1100)).toBe(0);
    expect(limiter.take('a', 1100)).toBe(0);
    expect(limiter.take('a', 1600)).toBe(500);
  });

  test('forgets windows that are over', () => {
    const limiter = new RateLimiter({ max: 1, windowMs: 10 });
    for (let nowMs = 0; nowMs < 10_000; nowMs += 1) limiter.take(nowMs, nowMs);
    expect(limiter.size).toBeLessThanOrEqual(11);
  });

  test('of 0 is off', () => {
    const limiter = new RateLimiter({ max: 0, windowMs: 1000 });
    for (let index = 0; index < 1000; index += 1) expect(limiter.take('a', 0)).toBe(0);
    expect(limiter.size).toBe(0);
  });
});

describe('places for connections', () => {
  test('are counted in all, by address and by user', () => {
    const places = new ConnectionPlaces({
      ...NO_LIMITS,
      connectionsMax: 3,
      connectionsPerIpMax: 2,
      connectionsPerUserMax: 1,
    });
    const first = places.take('a', 0);
    const second = places.take('a', 0);
    expect([first.ok, second.ok, places.take('a', 0).ok]).toEqual([true, true, false]);
    expect([places.take('b', 0).ok, places.take('c', 0).ok]).toEqual([true, false]);
    if (!first.ok || !second.ok) return;
    expect(first.place.takeForUser(1)).toBe(0);
    expect(second.place.takeForUser(1)).toBeGreaterThan(0);
    expect(places.userCount).toBe(1);
    first.place.giveBack();
    first.place.giveBack();
    expect(places.userCount).toBe(0);
    expect([places.take('a', 0).ok, places.take('a', 0).ok]).toEqual([true, false]);
  });

  test('that are given back while the token is looked at stay free', () => {
    const places = new ConnectionPlaces(NO_LIMITS);
    const taken = places.take('a', 0);
    if (!taken.ok) throw new Error('there was no place');
    taken.place.giveBack();
    taken.place.takeForUser(1);
    expect(places.userCount).toBe(0);
  });

  test('are given only so fast', () => {
    const places = new ConnectionPlaces({ ...NO_LIMITS, handshakesPerIpPerSecond: 2 });
    expect([places.take('a', 0).ok, places.take('a', 0).ok]).toEqual([true, true]);
    expect(places.take('a', 400)).toEqual({ ok: false, retryAfterMs: 600 });
    expect(places.take('a', 1000).ok).toBe(true);
  });
});

describe('the gate', () => {
  const request: GateRequest = {
    event: 'lock-tickets',
    nowMs: 0,
    socketId: 's',
    ip: 'a',
    userId: 1,
    claimedUserId: undefined,
    hasTokenEnded: false,
  };

  test('answers the earliest code where several apply', () => {
    const gate = new RequestGate({ ...NO_LIMITS, messagesPerSocketPerSecond: 1 });
    const wrong = { ...request, claimedUserId: 2, hasTokenEnded: true };
    gate.refuse(request);
    expect(gate.refuse(wrong)?.code).toBe('UNAUTHORIZED');
    expect(gate.refuse({ ...wrong, event: 'heartbeat' })?.code).toBe('FORBIDDEN');
    expect(gate.refuse({ ...wrong, hasTokenEnded: false })?.code).toBe('FORBIDDEN');
    expect(gate.refuse(request)).toEqual({ code: 'RATE_LIMITED', retryAfterMs: 1000 });
  });

  test('limits lock requests by user and by address, and nothing else by them', () => {
    const perUser = new RequestGate({ ...NO_LIMITS, lockRequestsPerUserPerMinute: 1 });
    expect(perUser.refuse(request)).toBeUndefined();
    expect(perUser.refuse({ ...request, socketId: 'other', nowMs: 59_999 })).toEqual({
      code: 'RATE_LIMITED',
      retryAfterMs: 1,
    });
    expect(perUser.refuse({ ...request, event: 'unlock-tickets' })).toBeUndefined();
    expect(perUser.refuse({ ...request, userId: 2 })).toBeUndefined();
    const perIp = new RequestGate({ ...NO_LIMITS, lockRequestsPerIpPerMinute: 1 });
    expect(perIp.refuse(request)).toBeUndefined();
    expect(perIp.refuse({ ...request, userId: 2 })?.code).toBe('RATE_LIMITED');
    expect(perIp.refuse({ ...request, ip: 'b' })).toBeUndefined();
  });

  test('lets a thousand buyers behind one address in by default', () => {
    const gate = new RequestGate(DEFAULT_SOCKET_LIMITS);
    const places = new ConnectionPlaces(DEFAULT_SOCKET_LIMITS);
    for (let userId = 0; userId < 1000; userId += 1) {
      expect(places.take('a', 0).ok).toBe(true);
      expect(gate.refuse({ ...request, userId, socketId: String(userId) })).toBeUndefined();
    }
  });
});

test('a limit that is none is refused', () => {
  expect(() => resolveLimits({ connectionsMax: -1 })).toThrow('limits.connectionsMax must be');
  expect(() => resolveLimits({ connectionsMax: Number.NaN })).toThrow('got NaN');
});
