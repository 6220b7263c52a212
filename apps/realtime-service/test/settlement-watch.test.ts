import type { LockChange } from '@ticket-locks/lock-engine';
import { ManualClock } from '@ticket-locks/lock-engine/testing';
import { beforeEach, expect, test } from 'vitest';

import { SettlementWatch } from '../src/settlement-watch.js';

let clock: ManualClock;
let warned: unknown[];
let tell: (change: Partial<LockChange>) => void;
let watch: SettlementWatch;

beforeEach(() => {
  clock = new ManualClock();
  warned = [];
  tell = () => undefined;
  watch = new SettlementWatch({
    locks: {
      on(_name: string, listener: unknown) {
        const onChange = listener as (change: LockChange) => void;
        tell = (change) => onChange({ atMs: clock.nowMs(), ...change } as LockChange);
      },
    },
    clock,
    timers: clock,
    log: { warn: (facts: { lockId: string }) => warned.push(facts.lockId) } as never,
  });
  watch.start();
});

test('an order that is not counted is told once, after a minute', () => {
  tell({ type: 'order-completed', lockId: 'a' });
  clock.advance(59_999);
  expect(warned).toEqual([]);
  expect(watch.oldestSeconds()).toBeCloseTo(60, 1);
  clock.advance(600_000);
  expect(warned).toEqual(['a']);
  watch.stop();
  expect(clock.timerCount).toBe(0);
});

test('an order that is counted, or whose tickets are back, is not told', () => {
  tell({ type: 'order-completed', lockId: 'a' });
  clock.advance(10_000);
  tell({ type: 'order-completed', lockId: 'b' });
  tell({ type: 'settled', lockId: 'a' });
  expect(watch.oldestSeconds()).toBe(0);
  clock.advance(10_000);
  expect(watch.oldestSeconds()).toBe(10);
  tell({ type: 'released', lockId: 'b' });
  clock.advance(600_000);
  expect(warned).toEqual([]);
  expect(watch.oldestSeconds()).toBe(0);
});
