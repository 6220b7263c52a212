import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { NaiveStore } from '../src/stage/naive-store.js';
import type { RushStore } from '../src/stage/rush-store.js';
import { RushTally } from '../src/stage/rush-tally.js';
import { runRush } from '../src/stage/rush.js';
import type { RushProgress } from '../src/stage/rush.js';

const CAPACITY = 20;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A made-up sequence between 0 and 1, the same in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

async function rushOf(buyerCount: number, store: RushStore, abort = new AbortController()) {
  const tally = new RushTally(CAPACITY);
  const phases: RushProgress[] = [];
  const over = runRush({
    store,
    tally,
    buyerCount,
    namePrefix: 'buyer',
    random: seeded(7),
    onProgress: (progress) => phases.push(progress),
    signal: abort.signal,
  });
  await vi.runAllTimersAsync();
  await over;
  return { counts: tally.counts(performance.now()), last: phases.at(-1) };
}

const naiveStore = () => new NaiveStore({ capacity: CAPACITY, random: seeded(9) });

describe('a rush on a store that reads, compares and then writes', () => {
  test('sells tickets twice', async () => {
    const { counts, last } = await rushOf(40, naiveStore());
    expect(counts.oversoldBy).toBeGreaterThan(0);
    expect(counts.sold).toBeGreaterThan(CAPACITY);
    expect(last).toEqual({ phase: 'over', arrived: 40, finished: 40 });
  });

  test('sells none twice to buyers who come one after another', async () => {
    const store = naiveStore();
    const tally = new RushTally(CAPACITY);
    for (let number = 0; number < 40; number += 1) {
      const work = (async () => {
        const buyer = await store.open();
        const answer = await buyer.lock(3);
        if (!answer.granted) return;
        tally.granted(answer.lockId, answer, performance.now());
        if (await buyer.buy(answer.lockId)) tally.bought(answer.lockId, 3, performance.now());
      })();
      await vi.runAllTimersAsync();
      await work;
    }
    expect(tally.counts(performance.now())).toMatchObject({ sold: 18, oversoldBy: 0 });
  });
});

describe('a rush', () => {
  test('counts who finds no place', async () => {
    const full: RushStore = { figures: undefined, open: async () => undefined, close: () => {} };
    const { counts, last } = await rushOf(5, full);
    expect(counts).toMatchObject({ turnedAway: 5, attempts: 0 });
    expect(last?.phase).toBe('over');
  });

  test('that is stopped sends its buyers away', async () => {
    const abort = new AbortController();
    abort.abort();
    const { counts, last } = await rushOf(5, naiveStore(), abort);
    expect(counts.attempts).toBe(0);
    expect(last?.phase).toBe('over');
  });
});
