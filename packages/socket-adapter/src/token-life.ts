import type { Clock, Timers } from '@ticket-locks/lock-engine';

export interface TokenLifeOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly expiresAtMs: number;
  /** The token has ended; a new one is waited for. */
  readonly onEnded: () => void;
  /** None came. */
  readonly onOver: () => void;
}

/** How long after the token's end a new one is waited for. */
const REFRESH_GRACE_MS = 30_000;
/** The longest delay asked of a timer; a later instant is approached in steps. */
const DELAY_MS_MAX = 86_400_000;

/**
 * How long a socket's token is good. GOOD -> its end -> ENDED -> `renew` (GOOD again), or after 30
 * s OVER.
 */
export class TokenLife {
  readonly #options: TokenLifeOptions;
  #expiresAtMs: number;
  #wasTold = false;
  #cancelTimer: (() => void) | undefined;

  constructor(options: TokenLifeOptions) {
    this.#options = options;
    this.#expiresAtMs = options.expiresAtMs;
    this.#arm();
  }

  /** By comparison: a late timer lets nobody in. */
  hasEnded(nowMs: number): boolean {
    return nowMs >= this.#expiresAtMs;
  }

  renew(expiresAtMs: number): void {
    this.#expiresAtMs = expiresAtMs;
    this.#wasTold = false;
    this.#arm();
  }

  stop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #arm(): void {
    this.stop();
    const { clock, timers } = this.#options;
    const dueAtMs = this.#expiresAtMs + (this.#wasTold ? REFRESH_GRACE_MS : 0);
    const delayMs = Math.max(1, Math.ceil(dueAtMs - clock.nowMs()));
    this.#cancelTimer = timers.after(Math.min(delayMs, DELAY_MS_MAX), () => this.#onTimer());
  }

  #onTimer(): void {
    const nowMs = this.#options.clock.nowMs();
    if (nowMs >= this.#expiresAtMs + REFRESH_GRACE_MS) return this.#options.onOver();
    if (this.hasEnded(nowMs) && !this.#wasTold) {
      this.#wasTold = true;
      this.#options.onEnded();
    }
    this.#arm();
  }
}
