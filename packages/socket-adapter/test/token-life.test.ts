import { ManualClock } from '@ticket-locks/lock-engine/testing';
import { beforeEach, describe, expect, test } from 'vitest';

import { TokenLife } from '../src/token-life.js';

const DAY_MS = 86_400_000;
let clock: ManualClock;
let told: string[];

beforeEach(() => {
  clock = new ManualClock(0);
  told = [];
});

const lifeUntil = (expiresAtMs: number) =>
  new TokenLife({
    clock,
    timers: clock,
    expiresAtMs,
    onEnded: () => told.push(`ended at ${clock.nowMs()}`),
    onOver: () => told.push(`over at ${clock.nowMs()}`),
  });

describe('a token', () => {
  test('ends at its instant, and is over 30 s later', () => {
    const life = lifeUntil(1000);
    clock.advance(999);
    expect([life.hasEnded(999), life.hasEnded(1000)]).toEqual([false, true]);
    expect(told).toEqual([]);
    clock.advance(100_000);
    expect(told).toEqual(['ended at 1000', 'over at 31000']);
    expect(clock.timerCount).toBe(0);
  });

  test('that is renewed in time goes on', () => {
    const life = lifeUntil(1000);
    clock.advance(30_999);
    life.renew(50_000);
    expect(life.hasEnded(49_999)).toBe(false);
    clock.advance(19_001);
    expect(told).toEqual(['ended at 1000', 'ended at 50000']);
    life.stop();
    clock.advance(100_000);
    expect(told).toHaveLength(2);
  });

  test('may be good for longer than a timer runs', () => {
    lifeUntil(100 * DAY_MS);
    clock.advance(100 * DAY_MS - 1);
    expect(told).toEqual([]);
    clock.advance(1);
    expect(told).toEqual([`ended at ${100 * DAY_MS}`]);
  });
});
