import { invariant } from './invariant.js';

/** A rise of the count, or several between which nothing was confirmed. Tickets. */
export interface Rise {
  /** Where it began on the axis of all rises. */
  readonly since: number;
  /** Tickets that no settlement has used. */
  readonly unused: number;
  /** Tickets that settled a sale. */
  readonly used: number;
}

export interface RisesSnapshot {
  readonly risen: number;
  readonly mark: number;
  readonly rises: readonly Rise[];
}

/** Rises that are told apart while a sale waits to be settled. */
const RISES_MAX = 1000;

type Writable<Value> = { -readonly [Name in keyof Value]: Value[Name] };

/**
 * The rises of a category's `soldElsewhere`, and how much of each has settled a sale.
 *
 * The source of truth counts a sale some time after it was confirmed here, and its count may fall
 * and come back. So a sale is settled when the count, all falls deducted, has risen since its
 * confirm by its tickets beyond what settled other sales since then. Rises lie on an axis that only
 * grows, so that those after a confirm are told from those before it. A settlement uses the oldest
 * that it may, which leaves the newer ones to later confirms.
 */
export class Rises {
  /** Tickets by which the count has ever risen: the present end of the axis. */
  risen = 0;
  #mark = 0;
  #rises: Writable<Rise>[] = [];

  /**
   * Marks the present end of the axis, and returns it: what comes later is told apart from what is
   * there.
   */
  mark(): number {
    this.#mark = this.risen;
    return this.#mark;
  }

  /** Records that the count rose. */
  add(quantity: number): void {
    const newest = this.#rises.at(-1);
    if (newest !== undefined && newest.since >= this.#mark) newest.unused += quantity;
    else this.#rises.push({ since: this.risen, unused: quantity, used: 0 });
    this.risen += quantity;
    if (this.#rises.length > RISES_MAX) this.#mergeOldest();
  }

  /** Tickets of the rises after `mark` that settled a sale. */
  usedSince(mark: number): number {
    let used = 0;
    for (const rise of this.#rises) if (rise.since >= mark) used += rise.used;
    return used;
  }

  /** Uses up to `quantity` tickets that rose after `mark`, the oldest first. */
  use(mark: number, quantity: number): void {
    let missing = quantity;
    for (const rise of this.#rises) {
      if (rise.since < mark) continue;
      const used = Math.min(missing, rise.unused);
      rise.unused -= used;
      rise.used += used;
      missing -= used;
    }
  }

  /** Forgets rises that are older than `mark`: nobody asks for them any more. */
  forgetBefore(mark: number): void {
    const [oldest] = this.#rises;
    if (oldest === undefined || oldest.since >= mark) return;
    this.#rises = this.#rises.filter((rise) => rise.since >= mark);
  }

  snapshot(): RisesSnapshot {
    return { risen: this.risen, mark: this.#mark, rises: this.#rises.map((rise) => ({ ...rise })) };
  }

  restore({ risen, mark, rises }: RisesSnapshot): void {
    this.risen = risen;
    this.#mark = mark;
    this.#rises = rises.map((rise) => ({ ...rise }));
  }

  /**
   * Makes one of the two oldest. It begins where the newer one did: a sale that was confirmed
   * between them then waits for more than it must, and none is settled too early.
   */
  #mergeOldest(): void {
    const [oldest, next] = this.#rises;
    invariant(oldest !== undefined && next !== undefined, 'two rises are there to be merged');
    next.unused += oldest.unused;
    next.used += oldest.used;
    this.#rises.shift();
  }
}
