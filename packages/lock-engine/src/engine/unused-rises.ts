/**
 * Where a rise lies on the axis of all rises of a category: it began at `from` and ended at `to`.
 */
export interface Rise {
  readonly from: number;
  readonly to: number;
}

/**
 * The rises of a category's `soldElsewhere` that no settlement has used yet.
 *
 * The source of truth counts a sale some time after it was confirmed here, and sells on its own
 * besides. So each ticket by which its count rises may settle one confirmed ticket, once, and only
 * one that was confirmed before the rise was seen. Rises lie on an axis that only grows; a fall
 * takes the newest unused ones away. Settlements use the oldest that they may, which leaves the
 * newer ones to later confirms.
 */
export class UnusedRises {
  /** Tickets by which the count has ever risen: the present end of the axis. */
  risen = 0;
  #mark = 0;
  #rises: { from: number; to: number }[] = [];

  /**
   * Marks the present end of the axis, and returns it: what comes later is told apart from what is
   * there.
   */
  mark(): number {
    this.#mark = this.risen;
    return this.#mark;
  }

  /** Records that the count moved by `delta`. */
  note(delta: number): void {
    if (delta > 0) this.#append(delta);
    else this.#removeNewest(-delta);
  }

  /** Tells whether `quantity` tickets rose after `since` and are unused. */
  has(since: number, quantity: number): boolean {
    let unused = 0;
    for (const rise of this.#rises) if (rise.from >= since) unused += rise.to - rise.from;
    return unused >= quantity;
  }

  /** Uses up to `quantity` tickets that rose after `since`, the oldest first. */
  use(since: number, quantity: number): void {
    let missing = quantity;
    for (const rise of this.#rises) {
      if (missing === 0) break;
      if (rise.from < since) continue;
      const used = Math.min(missing, rise.to - rise.from);
      rise.from += used;
      missing -= used;
    }
    this.#rises = this.#rises.filter((rise) => rise.to > rise.from);
  }

  /** Forgets rises that are older than `since`: nobody may use them any more. */
  forgetBefore(since: number): void {
    const [oldest] = this.#rises;
    if (oldest === undefined || oldest.from >= since) return;
    this.#rises = this.#rises.filter((rise) => rise.from >= since);
  }

  snapshot(): { risen: number; mark: number; rises: readonly Rise[] } {
    return { risen: this.risen, mark: this.#mark, rises: this.#rises.map((rise) => ({ ...rise })) };
  }

  restore(state: { risen: number; mark: number; rises: readonly Rise[] }): void {
    this.risen = state.risen;
    this.#mark = state.mark;
    this.#rises = state.rises.map((rise) => ({ ...rise }));
  }

  #append(rise: number): void {
    const newest = this.#rises.at(-1);
    const from = this.risen;
    this.risen += rise;
    if (newest !== undefined && newest.to === from && newest.from >= this.#mark) newest.to += rise;
    else this.#rises.push({ from, to: this.risen });
  }

  #removeNewest(fall: number): void {
    let missing = fall;
    while (missing > 0) {
      const newest = this.#rises.at(-1);
      if (newest === undefined) return;
      const removed = Math.min(missing, newest.to - newest.from);
      newest.to -= removed;
      missing -= removed;
      if (newest.to === newest.from) this.#rises.pop();
    }
  }
}
