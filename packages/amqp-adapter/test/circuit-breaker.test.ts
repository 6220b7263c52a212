import { ManualClock } from '@ticket-locks/lock-engine/testing';
import { beforeEach, expect, test } from 'vitest';

import { CircuitBreaker } from '../src/circuit-breaker.js';

const COOL_DOWN_MS = 2_000;

let clock: ManualClock;
let told: boolean[];
let breaker: CircuitBreaker;

beforeEach(() => {
  clock = new ManualClock();
  told = [];
  breaker = new CircuitBreaker({
    clock,
    failuresMax: 3,
    coolDownMs: COOL_DOWN_MS,
    onChange: (isOpen) => told.push(isOpen),
  });
});

function failTimes(count: number): void {
  for (let failure = 0; failure < count; failure += 1) breaker.failed();
}

test('opens after so many failures in a row, and says so once', () => {
  failTimes(2);
  expect(breaker.mayPass()).toBe(true);
  failTimes(2);
  expect(breaker.mayPass()).toBe(false);
  expect(breaker.isOpen).toBe(true);
  expect(told).toEqual([true]);
});

test('does not count failures with a success between them', () => {
  failTimes(2);
  breaker.succeeded();
  failTimes(2);
  expect(breaker.isOpen).toBe(false);
  expect(told).toEqual([]);
});

test('lets one through after a while, and closes when it succeeds', () => {
  failTimes(3);
  clock.advance(COOL_DOWN_MS - 1);
  expect(breaker.mayPass()).toBe(false);
  clock.advance(1);
  expect(breaker.mayPass()).toBe(true);
  expect(breaker.mayPass()).toBe(false);
  expect(breaker.isOpen).toBe(true);
  breaker.succeeded();
  expect(breaker.mayPass()).toBe(true);
  expect(told).toEqual([true, false]);
});

test('stays open for as long again when the probe fails, or never comes back', () => {
  failTimes(3);
  clock.advance(COOL_DOWN_MS);
  expect(breaker.mayPass()).toBe(true);
  breaker.failed();
  clock.advance(COOL_DOWN_MS - 1);
  expect(breaker.mayPass()).toBe(false);
  clock.advance(1);
  expect(breaker.mayPass()).toBe(true);
  clock.advance(COOL_DOWN_MS);
  expect(breaker.mayPass()).toBe(true);
  expect(told).toEqual([true]);
});

test('begins anew without a word when it is reset', () => {
  failTimes(3);
  breaker.reset();
  expect(breaker.mayPass()).toBe(true);
  failTimes(2);
  expect(breaker.isOpen).toBe(false);
  expect(told).toEqual([true]);
});
