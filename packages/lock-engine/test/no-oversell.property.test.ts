// A book kept by somebody who hears nothing but the news: it must always add up.
import { describe, expect, test } from 'vitest';

import type { CategoryAvailability, LockChange } from '../src/index.js';
import type { LockCall } from '../src/testing/lock-call.js';
import { episodes } from './random-episodes.js';
import { testSeed } from './seed.js';

const seed = testSeed();

interface Entry {
  readonly category: string;
  quantity: number;
  expiresAtMs: number;
  state: 'locked' | 'sold' | 'back';
}

/** What the news says of every lock and every category. */
class Book {
  readonly capacity = new Map<string, number>();
  readonly soldElsewhere = new Map<string, number>();
  readonly #entries = new Map<string, Entry>();

  hear(change: LockChange): void {
    switch (change.type) {
      case 'inventory-set':
        for (const { categoryId, capacity, soldElsewhere } of change.categories) {
          const category = keyOf(change.eventId, categoryId);
          this.capacity.set(category, capacity);
          this.soldElsewhere.set(category, soldElsewhere);
        }
        return;
      case 'locked': {
        const { lockId, eventId, categoryId, quantity, expiresAtMs } = change;
        const category = keyOf(eventId, categoryId);
        this.#entries.set(lockId, { category, quantity, expiresAtMs, state: 'locked' });
        return;
      }
      case 'quantity-changed':
        this.#entry(change.lockId).quantity = change.quantity;
        return;
      case 'extended':
      case 'payment-begun':
        this.#entry(change.lockId).expiresAtMs = change.expiresAtMs;
        return;
      case 'confirmed':
        this.#entry(change.lockId).state = 'sold';
        return;
      case 'released':
      case 'expired':
      case 'settled':
        this.#entry(change.lockId).state = 'back';
        return;
      case 'expiring':
      case 'order-completed':
      case 'refund-required':
      case 'event-cancelled':
      case 'request-remembered':
      case 'forgotten':
        return;
    }
  }

  /** Tickets of the category that are promised to somebody at an instant. */
  promised(category: string, nowMs: number): number {
    let promised = this.soldElsewhere.get(category) ?? 0;
    for (const entry of this.#entries.values()) {
      if (entry.category !== category) continue;
      const isPromised =
        entry.state === 'sold' || (entry.state === 'locked' && nowMs < entry.expiresAtMs);
      if (isPromised) promised += entry.quantity;
    }
    return promised;
  }

  #entry(lockId: string): Entry {
    const entry = this.#entries.get(lockId);
    if (entry === undefined) throw new Error(`news of ${lockId}, which was never locked`);
    return entry;
  }
}

describe(`no oversell and no lost ticket (SEED=${seed})`, () => {
  test('what is told of grants never exceeds the capacity, and what is free is told', () => {
    let grantCount = 0;
    for (const { run, next } of newsOfEpisodes()) {
      for (let call = 0; call < 80; call += 1) {
        run.news.length = 0;
        run.lockstep.run(next());
        const nowMs = Math.floor(run.lockstep.clock.nowMs());
        for (const change of run.news) run.book.hear(change);
        for (const change of run.news) {
          if (!isGrant(change)) continue;
          grantCount += 1;
          const category = keyOf(change.eventId, change.categoryId);
          const capacity = run.book.capacity.get(category) ?? 0;
          expect(run.book.promised(category, nowMs)).toBeLessThanOrEqual(capacity);
        }
        for (const figures of run.lockstep.sight.categories)
          expectToAddUp(figures, run.book, nowMs);
      }
    }
    expect(grantCount).toBeGreaterThan(1_000);
  });

  test('when everything is over, every ticket is sold or free', () => {
    for (const { run, next } of newsOfEpisodes()) {
      for (let call = 0; call < 60; call += 1) run.lockstep.run(next());
      run.lockstep.run({ kind: 'advance', ms: 400 * 86_400_000 });
      run.lockstep.run({ kind: 'command', name: 'expireDue', input: undefined });
      for (const { capacity, sold, available, locked } of run.lockstep.sight.categories) {
        expect(locked).toBe(0);
        expect(available).toBe(Math.max(0, capacity - sold));
      }
    }
  });
});

/** Time does not go back where the clock does. */
function* newsOfEpisodes() {
  const news: LockChange[] = [];
  const onChanges = (changes: readonly LockChange[]) => news.push(...changes);
  for (const { run, next } of episodes(seed, 200, { onChanges })) {
    news.length = 0;
    yield { run: { lockstep: run, book: new Book(), news }, next: () => withoutDrift(next()) };
  }
}

function withoutDrift(call: LockCall): LockCall {
  return call.kind === 'drift' ? { kind: 'advance', ms: 1 } : call;
}

type LockNews = Extract<LockChange, { type: 'locked' | 'quantity-changed' | 'confirmed' }>;

function isGrant(change: LockChange): change is LockNews {
  return (
    change.type === 'locked' ||
    (change.type === 'quantity-changed' && change.quantity > change.previousQuantity) ||
    (change.type === 'confirmed' && change.late === true)
  );
}

function expectToAddUp(figures: CategoryAvailability, book: Book, nowMs: number): void {
  const { eventId, categoryId, capacity, available, deficit } = figures;
  const promised = book.promised(keyOf(eventId, categoryId), nowMs);
  const isRight =
    available === Math.max(0, capacity - promised) && deficit === Math.max(0, promised - capacity);
  const rule = `${promised} are promised, but it says ${JSON.stringify(figures)}`;
  if (!isRight) throw new Error(rule);
}

function keyOf(...ids: readonly (number | string)[]): string {
  return JSON.stringify(ids);
}
