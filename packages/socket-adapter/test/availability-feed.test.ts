import type {
  CategoryAvailability,
  EventAvailability,
  Id,
  LockChange,
  Outcome,
} from '@ticket-locks/lock-engine';
import { ManualClock } from '@ticket-locks/lock-engine/testing';
import { beforeEach, describe, expect, test } from 'vitest';

import { AvailabilityFeed } from '../src/availability-feed.js';
import type { AvailabilityUpdate } from '../src/protocol.js';

let clock: ManualClock;
let store: FakeAvailability;
let published: AvailabilityUpdate[];
let watched: Set<Id>;
let feed: AvailabilityFeed;

/** The figures of event 1, which tests change, and how often they were asked for. */
class FakeAvailability {
  readonly categories = new Map<Id, CategoryAvailability>();
  askedCount = 0;
  stale = false;
  isDown = false;
  /** Answers that are held back until the test lets them go. */
  held: (() => void)[] | undefined;

  set(categoryId: Id, available: number): void {
    const version = (this.categories.get(categoryId)?.version ?? 0) + 1;
    const figures = { eventId: 1, categoryId, capacity: 10, available, locked: 10 - available };
    const rest = { sold: 0, deficit: 0, confirmed: 0, soldElsewhere: 0, version };
    this.categories.set(categoryId, { ...figures, ...rest });
  }

  async availability(): Promise<Outcome<EventAvailability>> {
    this.askedCount += 1;
    const value = { eventId: 1, categories: [...this.categories.values()], stale: this.stale };
    const outcome: Outcome<EventAvailability> = this.isDown
      ? { ok: false, error: { code: 'UNAVAILABLE' } }
      : { ok: true, value };
    if (this.held !== undefined) {
      await new Promise<void>((resolve) => this.held?.push(resolve));
    }
    return outcome;
  }
}

const changed = (type: 'locked' | 'extended' = 'locked', eventId: Id = 1) =>
  feed.onChange({ type, eventId, categoryId: 1 } as LockChange);
const figures = () =>
  published.map((update) => [update.categoryId, update.availableTickets, update.version]);

beforeEach(() => {
  clock = new ManualClock();
  store = new FakeAvailability();
  store.set(1, 10);
  store.set(2, 10);
  published = [];
  watched = new Set<Id>([1]);
  feed = new AvailabilityFeed({
    locks: store,
    clock,
    timers: clock,
    intervalMs: 50,
    hasWatchers: (eventId) => watched.has(eventId),
    publish: (update) => published.push(update),
    onError: () => {},
  });
});

describe('changes', () => {
  test('of one interval are one question and one message for each category', async () => {
    await feed.snapshot(1);
    for (let available = 9; available >= 0; available -= 1) {
      store.set(1, available);
      changed();
    }
    await clock.advanceAsync(49);
    expect(published).toEqual([]);
    await clock.advanceAsync(1);
    expect(figures()).toEqual([[1, 0, 11]]);
    expect(store.askedCount).toBe(2);
  });

  test('after the interval are told in the next one', async () => {
    await feed.snapshot(1);
    store.set(1, 9);
    changed();
    await clock.advanceAsync(50);
    store.set(1, 8);
    store.set(2, 5);
    changed();
    await clock.advanceAsync(50);
    expect(figures()).toEqual([
      [1, 9, 2],
      [1, 8, 3],
      [2, 5, 2],
    ]);
    // Only the look at what is watched.
    expect(clock.timerCount).toBe(1);
  });

  test('that move no figures are nothing to tell', async () => {
    changed('extended');
    await clock.advanceAsync(1000);
    expect(store.askedCount).toBe(0);
  });

  test('that nobody watches cost nothing', async () => {
    changed('locked', 2);
    await clock.advanceAsync(1000);
    expect(store.askedCount).toBe(0);
    changed();
    watched.clear();
    await clock.advanceAsync(1000);
    expect(store.askedCount).toBe(0);
  });
});

describe('the version', () => {
  test('never goes back, however late an older answer comes', async () => {
    await feed.snapshot(1);
    store.held = [];
    changed();
    await clock.advanceAsync(50);
    const [letOlderGo] = store.held;
    store.held = undefined;
    store.set(1, 3);
    changed();
    await clock.advanceAsync(50);
    expect(figures()).toEqual([[1, 3, 2]]);
    letOlderGo?.();
    await clock.advanceAsync(0);
    expect(figures()).toEqual([[1, 3, 2]]);
  });

  test('of a snapshot is the newest that anybody was told', async () => {
    await feed.snapshot(1);
    store.held = [];
    const joining = feed.snapshot(1);
    const [letGo] = store.held;
    store.held = undefined;
    store.set(1, 3);
    changed();
    await clock.advanceAsync(50);
    letGo?.();
    expect(await joining).toMatchObject({ value: [{ availableTickets: 3, version: 2 }, {}] });
  });

  test('that a newcomer learnt first is told to the others', async () => {
    await feed.snapshot(1);
    store.set(2, 1);
    await feed.snapshot(1);
    await clock.advanceAsync(50);
    expect(figures()).toEqual([[2, 1, 2]]);
  });
});

describe('a source that is silent', () => {
  test('makes the last known figures stale, and is asked again', async () => {
    await feed.snapshot(1);
    store.isDown = true;
    changed();
    await clock.advanceAsync(50);
    expect(published.map(({ stale, availableTickets }) => [stale, availableTickets])).toEqual([
      [true, 10],
      [true, 10],
    ]);
    store.isDown = false;
    await clock.advanceAsync(1000);
    expect(published.slice(2).map(({ stale }) => stale)).toEqual([undefined, undefined]);
    // Only the look at what is watched.
    expect(clock.timerCount).toBe(1);
  });

  test('is told of by the store itself as well', async () => {
    await feed.snapshot(1);
    store.stale = true;
    changed();
    await clock.advanceAsync(50);
    expect(published).toMatchObject([{ stale: true }, { stale: true }]);
  });
});

test('nothing is left running after a stop', async () => {
  changed();
  feed.stop();
  changed();
  expect(clock.timerCount).toBe(0);
});

describe('a watched event', () => {
  test('whose figures go stale, or come back, is told of within the interval', async () => {
    await feed.snapshot(1);
    store.stale = true;
    feed.onStale({ eventId: 1, stale: true });
    await clock.advanceAsync(50);
    expect(published.map(({ categoryId, stale }) => [categoryId, stale])).toEqual([
      [1, true],
      [2, true],
    ]);
    store.stale = false;
    feed.onStale({ eventId: 1, stale: false });
    await clock.advanceAsync(50);
    expect(published.slice(2).map(({ categoryId, stale }) => [categoryId, stale])).toEqual([
      [1, undefined],
      [2, undefined],
    ]);
  });

  test('that nobody watches is not asked for when it goes stale', async () => {
    feed.onStale({ eventId: 7, stale: true });
    await clock.advanceAsync(50);
    expect(store.askedCount).toBe(0);
  });

  test('is asked for once a minute, as long as somebody watches it', async () => {
    await feed.snapshot(1);
    await clock.advanceAsync(59_999);
    expect(store.askedCount).toBe(1);
    await clock.advanceAsync(51);
    expect(store.askedCount).toBe(2);
    await clock.advanceAsync(60_000);
    expect(store.askedCount).toBe(3);
    expect(published).toEqual([]);
    feed.forget(1);
    await clock.advanceAsync(600_000);
    expect(store.askedCount).toBe(3);
    expect(clock.timerCount).toBe(0);
  });
});
