import type { LockRecord } from './lock-record.js';

/** Locks in the order in which they were appended, linked through themselves: a lock is in one. */
export class LockQueue {
  first: LockRecord | undefined = undefined;
  #last: LockRecord | undefined = undefined;
  size = 0;

  append(lock: LockRecord): void {
    lock.prev = this.#last;
    if (this.#last === undefined) this.first = lock;
    else this.#last.next = lock;
    this.#last = lock;
    this.size += 1;
  }

  remove(lock: LockRecord): void {
    const { prev, next } = lock;
    if (prev === undefined) this.first = next;
    else prev.next = next;
    if (next === undefined) this.#last = prev;
    else next.prev = prev;
    lock.prev = undefined;
    lock.next = undefined;
    this.size -= 1;
  }

  /** The lock that was just given may be removed meanwhile. */
  *[Symbol.iterator](): Generator<LockRecord> {
    let next = this.first;
    while (next !== undefined) {
      const lock = next;
      next = lock.next;
      yield lock;
    }
  }
}
