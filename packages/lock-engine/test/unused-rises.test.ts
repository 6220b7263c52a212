import { expect, it } from 'vitest';

import { UnusedRises } from '../src/engine/unused-rises.js';

it('gives the oldest rises that came after a confirm, and leaves the rest', () => {
  const rises = new UnusedRises();
  rises.note(2);
  const first = rises.mark();
  rises.note(3);
  rises.note(1);
  const second = rises.mark();
  rises.note(2);
  expect([rises.has(0, 8), rises.has(first, 6), rises.has(first, 7)]).toEqual([true, true, false]);
  rises.use(first, 2);
  expect([rises.has(first, 4), rises.has(first, 5), rises.has(second, 2)]).toEqual([
    true,
    false,
    true,
  ]);
  rises.use(first, 4);
  expect([rises.has(0, 2), rises.has(first, 1)]).toEqual([true, false]);
});

it('loses the newest rises by a fall, in part, over several and to the last', () => {
  const rises = new UnusedRises();
  rises.note(2);
  const later = rises.mark();
  rises.note(3);
  rises.note(-1);
  expect([rises.has(later, 2), rises.has(later, 3)]).toEqual([true, false]);
  rises.note(1);
  rises.note(-4);
  expect([rises.has(0, 1), rises.has(0, 2), rises.has(later, 1)]).toEqual([true, false, false]);
  rises.note(-9);
  expect(rises.has(0, 1)).toBe(false);
});

it('forgets what nobody may use any more', () => {
  const rises = new UnusedRises();
  rises.forgetBefore(0);
  rises.note(2);
  const later = rises.mark();
  rises.note(3);
  rises.forgetBefore(0);
  expect(rises.has(0, 5)).toBe(true);
  rises.forgetBefore(later);
  expect([rises.has(0, 3), rises.has(0, 4)]).toEqual([true, false]);
});
