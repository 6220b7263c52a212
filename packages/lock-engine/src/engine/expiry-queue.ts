import type { CategoryRecord } from './category-record.js';
import type { LockRecord } from './lock-record.js';

/** Locks in the order in which they end. */
export class ExpiryRun {
  first: LockRecord | undefined = undefined;
  last: LockRecord | undefined = undefined;
  /** Every lock before this one was reported as expiring, or is not to be. */
  unnoticed: LockRecord | undefined = undefined;
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
  #runs: ExpiryRun[] = [];

  insert(lock: LockRecord): void {
    const run = this.#runFor(lock);
    let after = run.last;
    while (after !== undefined && isBefore(lock, after)) after = after.prev;
    this.#linkAfter(run, after, lock);
  }

  remove(lock: LockRecord): void {
    const { run, prev, next } = lock;
    if (run === undefined) return;
    if (prev === undefined) run.first = next;
    else prev.next = next;
    if (next === undefined) run.last = prev;
    else next.prev = prev;
    if (run.unnoticed === lock) run.unnoticed = next;
    lock.run = undefined;
    lock.prev = undefined;
    lock.next = undefined;
    if (run.first === undefined) this.#runs.splice(this.#runs.indexOf(run), 1);
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
    for (const run of this.#runs) {
      for (let lock = run.first; lock !== undefined && lock.expiresAtMs <= nowMs; lock = lock.next)
        if (lock.category === category) tickets += lock.quantity;
    }
    return tickets;
  }

  #earliest(headOf: (run: ExpiryRun) => LockRecord | undefined): LockRecord | undefined {
    let earliest: LockRecord | undefined;
    for (const run of this.#runs) {
      const head = headOf(run);
      if (head !== undefined && (earliest === undefined || isBefore(head, earliest)))
        earliest = head;
    }
    return earliest;
  }

  /** The run that stays sorted with the lock at its end and whose last lock is nearest to it. */
  #runFor(lock: LockRecord): ExpiryRun {
    let best: ExpiryRun | undefined;
    for (const run of this.#runs) {
      const isSorted = run.last !== undefined && !isBefore(lock, run.last);
      const isNearer =
        best?.last === undefined || (run.last !== undefined && isBefore(best.last, run.last));
      if (isSorted && isNearer) best = run;
    }
    if (best !== undefined) return best;
    const last = this.#runs.at(-1);
    if (last !== undefined && this.#runs.length >= RUNS_MAX) return last;
    const opened = new ExpiryRun();
    this.#runs.push(opened);
    return opened;
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
