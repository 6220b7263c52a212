import type { LockChange } from '@ticket-locks/lock-engine';

import { keyOf } from '../record/snapshot-rows.js';
import type { LockRecordSnapshot } from '../record/snapshot-rows.js';

interface CountedLock {
  readonly category: string;
  quantity: number;
  state: 'active' | 'unsettled' | 'over';
  expiresAtMs: number;
}

/**
 * Counts tickets as one would by hand, from what is written of each lock and by no rule of the
 * engine: a lock holds its tickets until it ends, and sells them until it is settled or returned.
 */
export class Recount {
  readonly #locks = new Map<string, CountedLock>();

  addLock(lock: LockRecordSnapshot): void {
    const { status, sale, quantity, expiresAtMs } = lock;
    const isUnsettled = status === 'CONFIRMED' && sale?.settled === false;
    const state = status === 'ACTIVE' ? 'active' : isUnsettled ? 'unsettled' : 'over';
    const category = keyOf([lock.eventId, lock.categoryId]);
    this.#locks.set(lock.lockId, { category, quantity, state, expiresAtMs });
  }

  addChange(change: LockChange): void {
    if (change.type === 'locked') {
      const { quantity, expiresAtMs } = change;
      const category = keyOf([change.eventId, change.categoryId]);
      this.#locks.set(change.lockId, { category, quantity, state: 'active', expiresAtMs });
      return;
    }
    const lock = 'lockId' in change ? this.#locks.get(change.lockId) : undefined;
    if (lock === undefined) return;
    if (change.type === 'quantity-changed') lock.quantity = change.quantity;
    if (change.type === 'extended' || change.type === 'payment-begun')
      lock.expiresAtMs = change.expiresAtMs;
    if (change.type === 'confirmed') lock.state = 'unsettled';
    if (ENDS.has(change.type)) lock.state = 'over';
  }

  /**
   * Tickets under locks and under unsettled sales, by category; locks that are over at the instant
   * hold none.
   */
  at(instantMs: number): Map<string, { locked: number; confirmed: number }> {
    const sums = new Map<string, { locked: number; confirmed: number }>();
    for (const { category, quantity, state, expiresAtMs } of this.#locks.values()) {
      const sum = sums.get(category) ?? { locked: 0, confirmed: 0 };
      if (state === 'active' && expiresAtMs > instantMs) sum.locked += quantity;
      if (state === 'unsettled') sum.confirmed += quantity;
      sums.set(category, sum);
    }
    return sums;
  }
}

const ENDS: ReadonlySet<LockChange['type']> = new Set(['released', 'expired', 'settled']);
