import type { Clock } from '@ticket-locks/lock-engine';

export interface CircuitBreakerOptions {
  readonly clock: Clock;
  /** After so many failures in a row nothing is tried for a while. */
  readonly failuresMax: number;
  /** How long nothing is tried then, in milliseconds. */
  readonly coolDownMs: number;
  readonly onChange: (isOpen: boolean) => void;
}

/**
 * Spares a service that does not answer, and whoever would wait for it.
 *
 * CLOSED (everything is tried) -> `failuresMax` failures in a row -> OPEN (nothing is) -> after
 * `coolDownMs` HALF-OPEN (one call is let through, the probe) -> CLOSED when it succeeds, else OPEN
 * again. A success closes it from anywhere.
 */
export class CircuitBreaker {
  readonly #options: CircuitBreakerOptions;
  #failureCount = 0;
  /** Unset while it is closed. */
  #probeAtMs: number | undefined;

  constructor(options: CircuitBreakerOptions) {
    this.#options = options;
  }

  /** Open or half-open. */
  get isOpen(): boolean {
    return this.#probeAtMs !== undefined;
  }

  /** Whether a call may be made now. Its outcome is to be told by `succeeded` or `failed`. */
  mayPass(): boolean {
    if (this.#probeAtMs === undefined) return true;
    const nowMs = this.#options.clock.nowMs();
    if (nowMs < this.#probeAtMs) return false;
    // Others wait for the probe, and for as long again if it never comes back.
    this.#probeAtMs = nowMs + this.#options.coolDownMs;
    return true;
  }

  succeeded(): void {
    this.#failureCount = 0;
    if (!this.isOpen) return;
    this.#probeAtMs = undefined;
    this.#options.onChange(false);
  }

  /** Begins anew without a word: what was learnt does not hold any more. */
  reset(): void {
    this.#failureCount = 0;
    this.#probeAtMs = undefined;
  }

  failed(): void {
    const { clock, failuresMax, coolDownMs, onChange } = this.#options;
    this.#failureCount += 1;
    if (this.#failureCount < failuresMax) return;
    const wasOpen = this.isOpen;
    this.#probeAtMs = clock.nowMs() + coolDownMs;
    if (!wasOpen) onChange(true);
  }
}
