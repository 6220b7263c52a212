import type { LockRecord } from './lock-record.js';

/**
 * The locks that are over for good or settled, in the order of their ends, linked through
 * themselves.
 */
export class EndedQueue {
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
}
