import { expect, it } from 'vitest';

import { Rises } from '../src/engine/rises.js';

it('uses the oldest rises that came after a confirm, and leaves the rest', () => {
  const rises = new Rises();
  rises.add(2);
  const first = rises.mark();
  rises.add(3);
  rises.add(1);
  const second = rises.mark();
  rises.add(2);
  rises.use(first, 2);
  expect([0, first, second].map((mark) => rises.usedSince(mark))).toEqual([2, 2, 0]);
  rises.use(first, 3);
  expect([0, first, second].map((mark) => rises.usedSince(mark))).toEqual([5, 5, 1]);
  rises.use(0, 3);
  expect([0, first, second].map((mark) => rises.usedSince(mark))).toEqual([8, 6, 2]);
});

it('uses no more than there is', () => {
  const rises = new Rises();
  rises.use(0, 3);
  rises.add(2);
  rises.use(0, 3);
  expect(rises.usedSince(0)).toBe(2);
});

it('forgets what nobody asks for any more', () => {
  const rises = new Rises();
  rises.forgetBefore(0);
  rises.add(2);
  const later = rises.mark();
  rises.add(3);
  rises.use(0, 4);
  rises.forgetBefore(0);
  expect(rises.usedSince(0)).toBe(4);
  rises.forgetBefore(later);
  expect(rises.usedSince(0)).toBe(2);
});

it('keeps a thousand rises apart, and makes one of the oldest beyond', () => {
  const rises = new Rises();
  const marks = Array.from({ length: 1002 }, () => {
    const mark = rises.mark();
    rises.add(1);
    return mark;
  });
  rises.use(0, 1);
  expect(rises.snapshot().rises).toHaveLength(1000);
  // Whoever was confirmed between the merged ones waits rather than settles too early.
  expect([0, 1, 2, 3].map((index) => rises.usedSince(marks[index] ?? 0))).toEqual([1, 1, 1, 0]);
});
