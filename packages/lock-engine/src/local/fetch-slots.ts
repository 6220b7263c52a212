/** Fetches that run at a time; more would only wait at the source. */
const SLOTS = 8;

/**
 * Lets a few fetches run at a time: those that somebody waits for first, refreshes after them, each
 * kind in the order in which it came.
 */
export class FetchSlots {
  readonly #urgent: (() => void)[] = [];
  readonly #refreshes: (() => void)[] = [];
  #runningCount = 0;

  /** Runs the fetch when a slot is free, and resolves or rejects as it does. */
  async run<Value>(kind: 'urgent' | 'refresh', fetch: () => Promise<Value>): Promise<Value> {
    if (this.#runningCount < SLOTS) this.#runningCount += 1;
    else await this.#handedOver(kind);
    try {
      return await fetch();
    } finally {
      const next = this.#urgent.shift() ?? this.#refreshes.shift();
      if (next === undefined) this.#runningCount -= 1;
      else next();
    }
  }

  /** Resolves when a fetch that ends leaves its slot to this one. */
  #handedOver(kind: 'urgent' | 'refresh'): Promise<void> {
    return new Promise((resolve) => {
      (kind === 'urgent' ? this.#urgent : this.#refreshes).push(resolve);
    });
  }
}
