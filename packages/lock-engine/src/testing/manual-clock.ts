import type { Clock, Timers } from '../ports/clock.js';

interface Timer {
  readonly dueAtMs: number;
  readonly callback: () => void;
}

/** Timers that may fire in one move of the clock: more of them are taken for an endless loop. */
const FIRINGS_MAX = 1_000_000;

/**
 * Virtual time, and timers that fire in it: nothing happens until a test moves the clock.
 *
 * Moving forward fires every timer on the way in the order of their instants, each at its own.
 * Virtual time never goes back; what the clock reads may, by a negative `driftMs`.
 */
export class ManualClock implements Clock, Timers {
  /**
   * What a reading adds to virtual time: negative for a wall clock that was set back. Timers do not
   * follow it.
   */
  driftMs = 0;
  #nowMs: number;
  #timers: Timer[] = [];

  /**
   * Starts at `startMs`, milliseconds since 1970; default 1,000. Throws `RangeError` when it is no
   * instant.
   */
  constructor(startMs = 1_000) {
    if (!Number.isFinite(startMs)) throw new RangeError(`startMs must be finite, got ${startMs}`);
    this.#nowMs = startMs;
  }

  nowMs(): number {
    return this.#nowMs + this.driftMs;
  }

  /** Timers that wait: 0 when nothing was leaked. */
  get timerCount(): number {
    return this.#timers.length;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer: Timer = { dueAtMs: this.#nowMs + Math.max(0, delayMs), callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Moves `ms` milliseconds forward. Throws `RangeError` when that is not forward. */
  advance(ms: number): void {
    this.set(this.#nowMs + forward(ms));
  }

  /** Moves to an instant. Throws `RangeError` when it is past. */
  set(instantMs: number): void {
    const targetMs = this.#notPast(instantMs);
    for (let fired = 0; this.#fireNext(targetMs); fired += 1) assertEnds(fired);
    this.#nowMs = targetMs;
  }

  /**
   * Moves `ms` milliseconds forward, and lets promises settle before, between and after the timers.
   */
  async advanceAsync(ms: number): Promise<void> {
    const targetMs = this.#notPast(this.#nowMs + forward(ms));
    await settled();
    for (let fired = 0; this.#fireNext(targetMs); fired += 1) {
      assertEnds(fired);
      await settled();
    }
    this.#nowMs = targetMs;
    await settled();
  }

  #notPast(instantMs: number): number {
    if (instantMs >= this.#nowMs && instantMs < Infinity) return instantMs;
    throw new RangeError(`time does not go back from ${this.#nowMs} to ${instantMs}`);
  }

  /**
   * Fires the earliest timer that is due at `targetMs`, the one that was set first among equals.
   */
  #fireNext(targetMs: number): boolean {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueAtMs <= targetMs && (next === undefined || timer.dueAtMs < next.dueAtMs)) {
        next = timer;
      }
    }
    if (next === undefined) return false;
    this.#timers = this.#timers.filter((timer) => timer !== next);
    this.#nowMs = Math.max(this.#nowMs, next.dueAtMs);
    next.callback();
    return true;
  }
}

/** Resolves when everything that was ready to run has run. */
export async function settled(): Promise<void> {
  await new Promise<void>((resolve) => {
    setImmediate(resolve);
  });
}

function forward(ms: number): number {
  if (ms >= 0 && ms < Infinity) return ms;
  throw new RangeError(`a clock moves forward by a finite number of milliseconds, not by ${ms}`);
}

function assertEnds(fired: number): void {
  if (fired >= FIRINGS_MAX) throw new Error(`${fired} timers fired in one move of the clock`);
}
