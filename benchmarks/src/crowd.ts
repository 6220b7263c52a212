import { randomIds } from '@ticket-locks/lock-engine';

import type { BenchmarkClock, Kernel, KernelOptions, Visitor } from './kernel.js';

const CATEGORY_COUNT = 64;
const LOCKS_PER_VISITOR = 4;
const TICKETS_PER_LOCK = 2;
const CAPACITY = 1_000_000_000;
const STARTED_AT_MS = 1_700_000_000_000;

/**
 * Buyers with a session and four active locks each, in different categories of one event.
 *
 * Lock number `slot` is the lock of visitor `slot / 4` in category `slot % 64`. A lock that ends is
 * replaced by a new one of the same visitor in the same category, so the number of active locks
 * stands. One lock was made in every millisecond, and a lock lives as many milliseconds as there
 * are locks: when all are there, one falls due with every millisecond.
 */
export class Crowd {
  readonly clock: BenchmarkClock = { nowMs: STARTED_AT_MS };
  readonly #lockIds: string[];
  readonly #visitors: Writable<Visitor>[];
  /** State of a xorshift generator: the same slots in every run. */
  #random = 88_675_123;

  /** Reserves what the crowd itself needs, so that all that `enter` allocates is the kernel's. */
  constructor(readonly size: number) {
    this.#lockIds = Array.from({ length: size }, () => '');
    const visitorCount = size / LOCKS_PER_VISITOR;
    this.#visitors = Array.from({ length: visitorCount }, (_, userId) => visitor(userId));
  }

  kernelOptions(): KernelOptions {
    const ids = randomIds();
    const categoryIds = Array.from({ length: CATEGORY_COUNT }, (_, index) => index);
    const { clock, size: ttlMs } = this;
    return { clock, newLockId: () => ids.lockId(), categoryIds, capacity: CAPACITY, ttlMs };
  }

  /** Locks for everyone, one lock a millisecond. The session ids are made on the way. */
  enter(kernel: Kernel, onLocked: () => void = () => undefined): void {
    const ids = randomIds();
    for (let slot = 0; slot < this.size; slot += 1) {
      if (slot % LOCKS_PER_VISITOR === 0) this.#visitorOf(slot).sessionId = ids.sessionId();
      this.clock.nowMs += 1;
      this.relock(kernel, slot);
      onLocked();
    }
  }

  relock(kernel: Kernel, slot: number): void {
    const categoryId = slot % CATEGORY_COUNT;
    this.#lockIds[slot] = kernel.lock(this.#visitorOf(slot), categoryId, TICKETS_PER_LOCK);
  }

  randomSlot(): number {
    let x = this.#random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#random = x;
    return (x >>> 0) % this.size;
  }

  lockId(slot: number): string {
    return this.#lockIds[slot] ?? '';
  }

  #visitorOf(slot: number): Writable<Visitor> {
    return this.#visitors[Math.floor(slot / LOCKS_PER_VISITOR)] ?? NOBODY;
  }
}

type Writable<Value> = { -readonly [Field in keyof Value]: Value[Field] };

function visitor(userId: number): Writable<Visitor> {
  return { userId, sessionId: '' };
}

const NOBODY = visitor(0);
