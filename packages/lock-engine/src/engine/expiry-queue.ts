import type { CategoryRecord } from './category-record.js';
import { invariant } from './invariant.js';
import type { LockRecord } from './lock-record.js';

/** Locks in the order in which they end. */
export class ExpiryRun {
  first: LockRecord | undefined = undefined;
  last: LockRecord | undefined = undefined;
  /** Every lock before this one was reported as expiring, or is not to be. */
  unnoticed: LockRecord | undefined = undefined;
  /** The run that was opened before this one. */
  older: ExpiryRun | undefined = undefined;
}

/** Beyond this many runs a lock is put into its place in the last one. */
const RUNS_MAX = 16;

/**
 * The active locks by their end: a few sorted runs of locks linked through themselves.
 *
 * Locks of one life end in the order in which they were made, so they are one run, to which a lock
 * is appended and from which it is taken in constant time. A longer life (a payment) or a shorter
 * one (an end cut off at the greatest age) opens another run; as many runs are needed as there are
 * lives in use, a handful. No heap, no timer per lock.
 */
export class ExpiryQueue {
  #newest: ExpiryRun | undefined = undefined;
  #runCount = 0;

  insert(lock: LockRecord): void {
    const run = this.#runFor(lock);
    let after = run.last;
    while (after !== undefined && isBefore(lock, after)) after = after.prev;
    this.#linkAfter(run, after, lock);
  }

  remove(lock: LockRecord): void {
    const { run, prev, next } = lock;
    invariant(run !== undefined, 'an active lock is in a run');
    if (prev === undefined) run.first = next;
    else prev.next = next;
    if (next === undefined) run.last = prev;
    else next.prev = prev;
    if (run.unnoticed === lock) run.unnoticed = next;
    lock.run = undefined;
    lock.prev = undefined;
    lock.next = undefined;
    if (run.first === undefined) this.#close(run);
  }

  /** The lock that ends first; of equal ends the one whose end was set first. */
  peek(): LockRecord | undefined {
    return this.#earliest((run) => run.first);
  }

  /** The first lock to end that `expiring` has not been reported of. */
  peekUnnoticed(): LockRecord | undefined {
    return this.#earliest((run) => {
      while (run.unnoticed?.noticed === true) run.unnoticed = run.unnoticed.next;
      return run.unnoticed;
    });
  }

  /**
   * Tickets of the category under locks that end at or before `nowMs`. Costs as much as there are
   * such locks.
   */
  ticketsDue(category: CategoryRecord, nowMs: number): number {
    let tickets = 0;
    for (let run = this.#newest; run !== undefined; run = run.older) {
      for (let lock = run.first; lock !== undefined && lock.expiresAtMs <= nowMs; lock = lock.next)
        if (lock.category === category) tickets += lock.quantity;
    }
    return tickets;
  }

  #earliest(headOf: (run: ExpiryRun) => LockRecord | undefined): LockRecord | undefined {
    let earliest: LockRecord | undefined;
    for (let run = this.#newest; run !== undefined; run = run.older) {
      const head = headOf(run);
      if (head !== undefined && (earliest === undefined || isBefore(head, earliest)))
        earliest = head;
    }
    return earliest;
  }

  /** The run that stays sorted with the lock at its end and whose last lock is nearest to it. */
  #runFor(lock: LockRecord): ExpiryRun {
    let best: ExpiryRun | undefined;
    for (let run = this.#newest; run !== undefined; run = run.older) {
      if (run.last === undefined || isBefore(lock, run.last)) continue;
      if (best?.last === undefined || isBefore(best.last, run.last)) best = run;
    }
    return best ?? this.#open();
  }

  #open(): ExpiryRun {
    if (this.#newest !== undefined && this.#runCount >= RUNS_MAX) return this.#newest;
    const opened = new ExpiryRun();
    opened.older = this.#newest;
    this.#newest = opened;
    this.#runCount += 1;
    return opened;
  }

  #close(closed: ExpiryRun): void {
    this.#runCount -= 1;
    if (this.#newest === closed) {
      this.#newest = closed.older;
      return;
    }
    let run = this.#newest;
    while (run !== undefined && run.older !== closed) run = run.older;
    invariant(run !== undefined, 'an open run is listed');
    run.older = closed.older;
  }

  #linkAfter(run: ExpiryRun, after: LockRecord | undefined, lock: LockRecord): void {
    const next = after === undefined ? run.first : after.next;
    lock.run = run;
    lock.prev = after;
    lock.next = next;
    if (after === undefined) run.first = lock;
    else after.next = lock;
    if (next === undefined) run.last = lock;
    else next.prev = lock;
    if (lock.noticed) return;
    if (run.unnoticed === undefined || isBefore(lock, run.unnoticed)) run.unnoticed = lock;
  }
}

function isBefore(a: LockRecord, b: LockRecord): boolean {
  return (
    a.expiresAtMs < b.expiresAtMs || (a.expiresAtMs === b.expiresAtMs && a.placedSeq < b.placedSeq)
  );
}
