/** What the buyers of one category really got, counted on their side of the counter. */
export interface RushCounts {
  readonly attempts: number;
  readonly grants: number;
  readonly refusals: number;
  /** Buyers who found no place to come in. */
  readonly turnedAway: number;
  readonly drops: number;
  readonly leaves: number;
  readonly returns: number;
  /** Tickets that were paid for and confirmed. */
  readonly sold: number;
  /** Tickets that are surely locked for somebody right now. */
  readonly held: number;
  /** By how much more was promised at once than there is, at the worst moment. */
  readonly oversoldBy: number;
}

interface HeldGrant {
  readonly quantity: number;
  readonly endsAtMs: number;
}

/**
 * Counts against the capacity, without asking the store.
 *
 * A grant counts until it is sold, its time is over, or its buyer begins to do what may give it
 * back: from then on nothing is sure. So what is counted as oversold was oversold, and no message
 * that is late makes it so. `oversoldBy` is the largest value of `sold + held - capacity`, never
 * below 0.
 */
export class RushTally {
  readonly capacity: number;
  readonly #held = new Map<string, HeldGrant>();
  readonly #counts = {
    attempts: 0,
    grants: 0,
    refusals: 0,
    turnedAway: 0,
    drops: 0,
    leaves: 0,
    returns: 0,
  };
  #sold: number;
  #oversoldBy = 0;

  /** `soldBefore`: tickets that earlier rushes bought, and nobody gave back. */
  constructor(capacity: number, soldBefore = 0) {
    this.capacity = capacity;
    this.#sold = soldBefore;
  }

  count(what: 'attempts' | 'refusals' | 'turnedAway' | 'drops' | 'leaves' | 'returns'): void {
    this.#counts[what] += 1;
  }

  granted(lockId: string, grant: HeldGrant, nowMs: number): void {
    this.#counts.grants += 1;
    this.#held.set(lockId, grant);
    this.#judge(nowMs);
  }

  /** From here on the lock may be gone: called before whatever may end it is begun. */
  unsure(lockId: string): void {
    this.#held.delete(lockId);
  }

  bought(lockId: string, quantity: number, nowMs: number): void {
    this.#held.delete(lockId);
    this.#sold += quantity;
    this.#judge(nowMs);
  }

  counts(nowMs: number): RushCounts {
    const held = this.#heldAt(nowMs);
    return { ...this.#counts, sold: this.#sold, held, oversoldBy: this.#oversoldBy };
  }

  #judge(nowMs: number): void {
    const promised = this.#sold + this.#heldAt(nowMs);
    this.#oversoldBy = Math.max(this.#oversoldBy, promised - this.capacity);
  }

  #heldAt(nowMs: number): number {
    let held = 0;
    for (const { quantity, endsAtMs } of this.#held.values()) {
      if (nowMs < endsAtMs) held += quantity;
    }
    return held;
  }
}
