import type { Clock, Timers } from '../ports/clock.js';

export interface LocalSessionsOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  /** How long a session without a socket keeps its locks; 0 gives them back at once. */
  readonly graceMs: number;
  /** Gives the session's locks back. */
  readonly onAbandoned: (sessionId: string) => void;
}

/**
 * How long an abandoned session is remembered, and how many: what was under way when it ended comes
 * to nothing.
 */
const GONE_FOR_MS = 60_000;
const GONE_MAX = 100_000;

/**
 * Who is there: the sockets of each session, and the grace of those that lost their last one.
 *
 * PRESENT (one socket or more) -> `leave` of the last one -> GONE at once (a goodbye, or no grace),
 * else WAITING until `enter` (PRESENT again) or the end of the grace (GONE). A GONE session has
 * given its locks back and takes no new ones; its token still opens it again (PRESENT). It is
 * forgotten after a minute. One timer for all: with one grace, sessions wait in the order in which
 * they began to.
 */
export class LocalSessions {
  readonly #options: LocalSessionsOptions;
  /** Sockets of each present session. */
  readonly #socketCounts = new Map<string, number>();
  /** The end of each grace, the earliest first. */
  readonly #graceEndsAtMs = new Map<string, number>();
  /** Until when each gone session is remembered, the earliest first. */
  readonly #goneUntilMs = new Map<string, number>();
  #cancelTimer: (() => void) | undefined;
  #stopped = false;

  constructor(options: LocalSessionsOptions) {
    this.#options = options;
  }

  /** Adds a socket to the session. */
  enter(sessionId: string): void {
    this.#socketCounts.set(sessionId, (this.#socketCounts.get(sessionId) ?? 0) + 1);
    this.#graceEndsAtMs.delete(sessionId);
    this.#goneUntilMs.delete(sessionId);
  }

  /** Takes a socket from the session; of a session without one nothing is taken. */
  leave(sessionId: string, how: 'goodbye' | 'lost'): void {
    const socketCount = this.#socketCounts.get(sessionId);
    if (this.#stopped || socketCount === undefined) return;
    if (socketCount > 1) {
      this.#socketCounts.set(sessionId, socketCount - 1);
      return;
    }
    this.#socketCounts.delete(sessionId);
    if (how === 'goodbye') this.#abandon(sessionId);
    else this.wait(sessionId);
  }

  /** Begins the grace of a session without a socket, as after a restart. */
  wait(sessionId: string): void {
    const { clock, graceMs } = this.#options;
    if (graceMs === 0) return this.#abandon(sessionId);
    this.#graceEndsAtMs.delete(sessionId);
    this.#graceEndsAtMs.set(sessionId, clock.nowMs() + graceMs);
    this.#arm();
  }

  /** Whether the session ended a moment ago. */
  isGone(sessionId: string): boolean {
    const untilMs = this.#goneUntilMs.get(sessionId);
    return untilMs !== undefined && this.#options.clock.nowMs() < untilMs;
  }

  /** Lets go of every session without releasing anything. */
  stop(): void {
    this.#stopped = true;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#socketCounts.clear();
    this.#graceEndsAtMs.clear();
    this.#goneUntilMs.clear();
  }

  #abandon(sessionId: string): void {
    const nowMs = this.#options.clock.nowMs();
    this.#graceEndsAtMs.delete(sessionId);
    for (const [oldest, untilMs] of this.#goneUntilMs) {
      if (untilMs > nowMs && this.#goneUntilMs.size < GONE_MAX) break;
      this.#goneUntilMs.delete(oldest);
    }
    this.#goneUntilMs.set(sessionId, nowMs + GONE_FOR_MS);
    this.#options.onAbandoned(sessionId);
  }

  #arm(): void {
    if (this.#cancelTimer !== undefined) return;
    const [firstEndsAtMs] = this.#graceEndsAtMs.values();
    if (firstEndsAtMs === undefined) return;
    const delayMs = Math.max(1, Math.ceil(firstEndsAtMs - this.#options.clock.nowMs()));
    this.#cancelTimer = this.#options.timers.after(delayMs, () => this.#onTimer());
  }

  #onTimer(): void {
    this.#cancelTimer = undefined;
    const nowMs = this.#options.clock.nowMs();
    for (const [sessionId, endsAtMs] of this.#graceEndsAtMs) {
      if (endsAtMs > nowMs) break;
      this.#abandon(sessionId);
    }
    this.#arm();
  }
}
