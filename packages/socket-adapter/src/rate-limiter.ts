interface Window {
  count: number;
  endsAtMs: number;
}

/**
 * At most `max` in each window of `windowMs`, for every key by itself; a window begins with the
 * key's first take.
 *
 * Without a timer and without waiting: the answer is there at once, so that commands reach the
 * store in the order in which they came. Windows are forgotten as they end, while others are taken.
 */
export class RateLimiter {
  readonly #max: number;
  readonly #windowMs: number;
  /** The earliest end first: all windows are equally long. */
  readonly #windows = new Map<unknown, Window>();

  /** `max`: 0 is off. */
  constructor({ max, windowMs }: { readonly max: number; readonly windowMs: number }) {
    this.#max = max;
    this.#windowMs = windowMs;
  }

  /**
   * Takes one. Returns 0, or for how many milliseconds the key has to wait when it has had all of
   * its window.
   */
  take(key: unknown, nowMs: number): number {
    if (this.#max === 0) return 0;
    const window = this.#windows.get(key);
    if (window !== undefined && nowMs < window.endsAtMs) {
      if (window.count >= this.#max) return Math.ceil(window.endsAtMs - nowMs);
      window.count += 1;
      return 0;
    }
    this.#forgetEnded(nowMs);
    this.#windows.delete(key);
    this.#windows.set(key, { count: 1, endsAtMs: nowMs + this.#windowMs });
    return 0;
  }

  /** Counts what was taken elsewhere. */
  note(key: unknown, count: number, nowMs: number): void {
    for (let taken = 0; taken < count && this.take(key, nowMs) === 0; taken += 1);
  }

  /** Keys that are remembered. */
  get size(): number {
    return this.#windows.size;
  }

  #forgetEnded(nowMs: number): void {
    for (const [key, window] of this.#windows) {
      if (nowMs < window.endsAtMs) return;
      this.#windows.delete(key);
    }
  }
}
