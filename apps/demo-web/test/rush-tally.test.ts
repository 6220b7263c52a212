import { describe, expect, test } from 'vitest';

import { RushTally } from '../src/stage/rush-tally.js';

const forever = Infinity;

describe('a tally on the side of the buyers', () => {
  test('adds what was sold and what is held', () => {
    const tally = new RushTally(10);
    tally.granted('a', { quantity: 4, endsAtMs: forever }, 0);
    tally.granted('b', { quantity: 6, endsAtMs: forever }, 0);
    tally.bought('a', 4, 1);
    expect(tally.counts(1)).toMatchObject({ grants: 2, sold: 4, held: 6, oversoldBy: 0 });
  });

  test('finds the ticket that two have', () => {
    const tally = new RushTally(10);
    tally.granted('a', { quantity: 6, endsAtMs: forever }, 0);
    tally.granted('b', { quantity: 5, endsAtMs: forever }, 0);
    expect(tally.counts(0).oversoldBy).toBe(1);
  });

  test('never forgets it', () => {
    const tally = new RushTally(1);
    tally.granted('a', { quantity: 3, endsAtMs: 5 }, 0);
    expect(tally.counts(9)).toMatchObject({ held: 0, oversoldBy: 2 });
  });

  test('does not blame the store for a lock that may be over', () => {
    const tally = new RushTally(4);
    tally.granted('a', { quantity: 4, endsAtMs: 100 }, 0);
    tally.granted('b', { quantity: 4, endsAtMs: 200 }, 100);
    tally.unsure('b');
    tally.granted('c', { quantity: 4, endsAtMs: 300 }, 101);
    expect(tally.counts(101)).toMatchObject({ held: 4, oversoldBy: 0 });
    // A control: the same a moment earlier.
    const early = new RushTally(4);
    early.granted('a', { quantity: 4, endsAtMs: 100 }, 0);
    early.granted('b', { quantity: 4, endsAtMs: 200 }, 99);
    expect(early.counts(99).oversoldBy).toBe(4);
  });

  test('counts a lock whose quantity was changed once', () => {
    const tally = new RushTally(4);
    tally.granted('a', { quantity: 4, endsAtMs: forever }, 0);
    tally.granted('a', { quantity: 3, endsAtMs: forever }, 0);
    expect(tally.counts(0)).toMatchObject({ held: 3, oversoldBy: 0 });
  });

  test('remembers what earlier rushes bought', () => {
    const tally = new RushTally(4, 3);
    tally.granted('a', { quantity: 2, endsAtMs: forever }, 0);
    expect(tally.counts(0).oversoldBy).toBe(1);
  });
});
