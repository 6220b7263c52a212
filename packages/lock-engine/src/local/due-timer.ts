import type { Clock, Timers } from '../ports/clock.js';

/** The longest delay asked of a timer; a later instant is approached in steps. */
const DELAY_MS_MAX = 3_600_000;

export interface DueTimerOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  /** The next instant at which there is something to do. */
  readonly nextDueAtMs: () => number | undefined;
  /** Does a part of what is due; it is called again while something is left. */
  readonly onDue: () => void;
}

/**
 * One timer for the next instant at which something is due. OFF -> `arm` -> ARMED -> due, then
 * armed anew -> `stop` -> OFF.
 */
export class DueTimer {
  readonly #options: DueTimerOptions;
  #dueAtMs: number | undefined;
  #cancel: (() => void) | undefined;

  constructor(options: DueTimerOptions) {
    this.#options = options;
  }

  /** Looks at what is due next; cheap when that has not changed. */
  arm(): void {
    const { clock, timers, nextDueAtMs } = this.#options;
    const dueAtMs = nextDueAtMs();
    if (dueAtMs === this.#dueAtMs) return;
    this.stop();
    if (dueAtMs === undefined) return;
    this.#dueAtMs = dueAtMs;
    const delayMs = Math.max(1, Math.ceil(dueAtMs - clock.nowMs()));
    this.#cancel = timers.after(Math.min(delayMs, DELAY_MS_MAX), () => this.#onTimer());
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#dueAtMs = undefined;
  }

  #onTimer(): void {
    this.#cancel = undefined;
    this.#dueAtMs = undefined;
    this.#options.onDue();
    this.arm();
  }
}
