import type { Clock } from '../ports/clock.js';

/**
 * The given clock, put forward for good when it stands behind what was recorded before a restart.
 *
 * Waiting until it has caught up would freeze every end meanwhile, and take each answer of the
 * inventory source for an older one than is known.
 */
export class RestartedClock implements Clock {
  readonly #clock: Clock;
  #aheadMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  nowMs(): number {
    return this.#clock.nowMs() + this.#aheadMs;
  }

  /**
   * Goes on from the instant, if it is later than now. Returns by how many milliseconds the clock
   * was put forward.
   */
  continueFrom(instantMs: number): number {
    const behindMs = Math.max(0, instantMs - this.nowMs());
    this.#aheadMs += behindMs;
    return behindMs;
  }
}
