import { LockEngine } from '@ticket-locks/lock-engine';
import type { Clock, IdSource, LockChange, LockPolicy } from '@ticket-locks/lock-engine';

export const START_MS = 1_800_000_000_000;

/** A clock that stands still until it is moved. */
export class ManualClock implements Clock {
  #nowMs = START_MS;

  nowMs(): number {
    return this.#nowMs;
  }

  advance(ms: number): void {
    this.#nowMs += ms;
  }
}

/** Ids in a row. `prefix` tells the runs of one ledger apart. */
export function countingIds(prefix = 'a'): IdSource {
  let count = 0;
  const next = (kind: string) => {
    count += 1;
    return `${kind}-${prefix}-${count}`;
  };
  return { lockId: () => next('lock'), sessionId: () => next('session') };
}

/** A small random number generator, so that a failing seed can be run again. */
export function randomIntegers(seed: number): (below: number) => number {
  let state = seed >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state % below;
  };
}

const EVENTS = [1, 2];
const CATEGORIES = [1, 2, 3];
const USERS = 12;

/** An engine under a random load of every command, and the changes that it makes. */
export class BoxOffice {
  readonly clock = new ManualClock();
  readonly engine: LockEngine;
  readonly #random: (below: number) => number;
  readonly #lockIds: string[] = [];
  readonly #orders = new Map<string, number>();
  #requestCount = 0;

  constructor(seed: number, policy: Partial<LockPolicy> = {}) {
    this.#random = randomIntegers(seed);
    this.engine = new LockEngine({
      clock: this.clock,
      ids: countingIds(),
      policy: {
        ttlMs: 10_000,
        expiringNoticeMs: 3_000,
        lateConfirm: 'if-available',
        endedLocksMax: 40,
        requestsMax: 40,
        endedLockRetentionMs: 60_000,
        ...policy,
      },
    });
  }

  /** One random command; its changes. */
  act(): readonly LockChange[] {
    const { engine } = this;
    this.clock.advance(this.#random(800));
    const eventId = this.#oneOf(EVENTS);
    const lockId = this.#oneOf(this.#lockIds) ?? 'lock-none';
    const userId = 1 + this.#random(USERS);
    const requestId = this.#random(2) === 0 ? `r-${(this.#requestCount += 1)}` : undefined;
    switch (this.#random(16)) {
      case 0:
        return this.#stock(eventId).changes;
      case 1:
        return engine.expireDue({ limit: 5 }).changes;
      case 2:
        return engine.extend({ lockId, requestId }).changes;
      case 3:
        return engine.beginPayment({ lockId, orderId: this.#orderOf(lockId), requestId }).changes;
      case 4:
      case 5:
      case 6:
        return engine.confirm({ lockId, orderId: this.#orderOf(lockId), requestId }).changes;
      case 7:
        return engine.release({ lockId, orderId: this.#orderOf(lockId), requestId }).changes;
      case 8:
        return engine.unlock({ lockId, requestId }).changes;
      case 9:
        return engine.settle({ lockId }).changes;
      case 10:
        return engine.forgetEnded().changes;
      default:
        return this.#lock(eventId, userId, requestId);
    }
  }

  #lock(eventId: number, userId: number, requestId: string | undefined): readonly LockChange[] {
    const result = this.engine.lock({
      eventId,
      categoryId: this.#oneOf(CATEGORIES),
      quantity: 1 + this.#random(3),
      userId,
      sessionId: `session-${userId}`,
      requestId,
      ...(this.#random(3) === 0 && { onExisting: 'add' as const }),
    });
    if (result.ok && !this.#lockIds.includes(result.value.lockId)) {
      this.#lockIds.push(result.value.lockId);
      if (this.#lockIds.length > 60) this.#lockIds.shift();
    }
    return result.changes;
  }

  #stock(eventId: number) {
    const unsettled = this.engine.unsettledLocks(eventId);
    const settling = unsettled.filter(() => this.#random(2) === 0);
    return this.engine.setInventory({
      eventId,
      categories: CATEGORIES.map((categoryId) => ({
        categoryId,
        capacity: 40,
        soldElsewhere: this.#random(12),
      })),
      completed: settling.map(({ lockId, categoryId, quantity, userId, orderId }) => ({
        lockId,
        categoryId,
        quantity,
        userId,
        orderId: orderId ?? this.#orderOf(lockId),
      })),
    });
  }

  #orderOf(lockId: string): number {
    const known = this.#orders.get(lockId) ?? 1000 + this.#orders.size;
    this.#orders.set(lockId, known);
    return known;
  }

  #oneOf<Value>(values: readonly Value[]): Value {
    return values[this.#random(values.length)] as Value;
  }
}
