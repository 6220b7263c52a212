import type { LockChange } from '@ticket-locks/lock-engine';
import { expect, it } from 'vitest';

import { HoardingWatch } from '../src/hoarding-watch.js';

const COOLDOWN_MS = 60_000;

function change(type: 'expired' | 'confirmed', atMs: number, more: object = {}): LockChange {
  return { seq: 1, type, atMs, lockId: 'L', userId: 7, ...more } as LockChange;
}

it('pauses a user after the third lock in a row that expired', () => {
  const watch = new HoardingWatch(COOLDOWN_MS);
  watch.onChange(change('expired', 1_000));
  watch.onChange(change('expired', 2_000));
  expect(watch.waitMs(7, 2_000)).toBe(0);
  watch.onChange(change('expired', 3_000));
  expect(watch.waitMs(7, 3_001)).toBe(59_999);
  expect(watch.waitMs(8, 3_001)).toBe(0);
  expect(watch.waitMs(7, 63_000)).toBe(0);
});

it('begins to count anew after a purchase, and after a pause without an expiry', () => {
  const watch = new HoardingWatch(COOLDOWN_MS);
  for (const atMs of [1, 2]) watch.onChange(change('expired', atMs));
  watch.onChange(change('confirmed', 3));
  watch.onChange(change('expired', 4));
  watch.onChange(change('expired', 4 + COOLDOWN_MS));
  watch.onChange(change('expired', 5 + COOLDOWN_MS));
  expect(watch.waitMs(7, 5 + COOLDOWN_MS)).toBe(0);
  watch.onChange(change('expired', 6 + COOLDOWN_MS));
  expect(watch.waitMs(7, 6 + COOLDOWN_MS)).toBe(COOLDOWN_MS);
});

it('does not count a payment that lapsed, and nothing when it is off', () => {
  const watch = new HoardingWatch(COOLDOWN_MS);
  const off = new HoardingWatch(0);
  for (const atMs of [1, 2, 3, 4]) {
    watch.onChange(change('expired', atMs, { orderId: 9 }));
    off.onChange(change('expired', atMs));
  }
  expect([watch.waitMs(7, 4), off.waitMs(7, 4)]).toEqual([0, 0]);
});
