import type { Id, LockChange } from '@ticket-locks/lock-engine';

/** So many locks that expire one after the other, with nothing bought in between, are hoarding. */
const EXPIRIES_MAX = 3;

interface Expiries {
  count: number;
  lastAtMs: number;
}

/**
 * Keeps users for a while from locking again who let their locks expire again and again.
 *
 * Each expiry starts the pause anew from the third on; buying something clears the user, and so
 * does a pause without an expiry. A lock whose payment lapsed does not count: its user had decided.
 * Locks that are alive are not touched.
 */
export class HoardingWatch {
  readonly #cooldownMs: number;
  /** The longest without an expiry first. */
  readonly #expiries = new Map<Id, Expiries>();

  /** `cooldownMs`: 0 is off. */
  constructor(cooldownMs: number) {
    this.#cooldownMs = cooldownMs;
  }

  onChange(change: LockChange): void {
    if (this.#cooldownMs === 0) return;
    if (change.type === 'confirmed') this.#expiries.delete(change.userId);
    if (change.type !== 'expired' || change.orderId !== undefined) return;
    this.#forgetPaused(change.atMs);
    const count = (this.#expiries.get(change.userId)?.count ?? 0) + 1;
    this.#expiries.delete(change.userId);
    this.#expiries.set(change.userId, { count, lastAtMs: change.atMs });
  }

  /** For how many milliseconds the user has to wait; 0 when he may lock. */
  waitMs(userId: Id, nowMs: number): number {
    const expiries = this.#expiries.get(userId);
    if (expiries === undefined || expiries.count < EXPIRIES_MAX) return 0;
    return Math.max(0, Math.ceil(expiries.lastAtMs + this.#cooldownMs - nowMs));
  }

  #forgetPaused(nowMs: number): void {
    for (const [userId, { lastAtMs }] of this.#expiries) {
      if (nowMs < lastAtMs + this.#cooldownMs) return;
      this.#expiries.delete(userId);
    }
  }
}
