import type { Clock, Timers } from '../ports/clock.js';

interface PresentSession {
  socketCount: number;
  /** Set while the session waits for a socket to come back. */
  graceEndsAtMs: number | undefined;
}

export interface LocalSessionsOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  /** How long a session without a socket keeps its locks; 0 gives them back at once. */
  readonly graceMs: number;
  /** Whether the session has something to give back; one that has not is not waited for. */
  readonly hasLocks: (sessionId: string) => boolean;
  /** Gives the session's locks back. */
  readonly onAbandoned: (sessionId: string) => void;
}

/**
 * Who is there: the sockets of each session, and the grace of those that lost their last one.
 *
 * PRESENT (one socket or more) -> `leave` of the last one -> abandoned at once (a goodbye, or no grace), else WAITING until
 * `enter` (PRESENT again) or the end of the grace (abandoned). A session that is neither is not remembered: its token is
 * enough to begin again. One timer for all: with one grace, sessions wait in the order in which they began to.
 */
export class LocalSessions {
  readonly #options: LocalSessionsOptions;
  readonly #sessions = new Map<string, PresentSession>();
  /** Sessions in grace, the earliest end first. */
  readonly #waiting = new Map<string, PresentSession>();
  #cancelTimer: (() => void) | undefined;
  #stopped = false;

  constructor(options: LocalSessionsOptions) {
    this.#options = options;
  }

  /** Adds a socket to the session. */
  enter(sessionId: string): void {
    const session = this.#sessions.get(sessionId) ?? { socketCount: 0, graceEndsAtMs: undefined };
    session.socketCount += 1;
    session.graceEndsAtMs = undefined;
    this.#sessions.set(sessionId, session);
    this.#waiting.delete(sessionId);
  }

  /** Takes a socket from the session; one that it does not have is nobody's. */
  leave(sessionId: string, how: 'goodbye' | 'lost'): void {
    const session = this.#sessions.get(sessionId);
    if (this.#stopped || session === undefined || session.socketCount === 0) return;
    session.socketCount -= 1;
    if (session.socketCount > 0) return;
    if (how === 'goodbye') this.#abandon(sessionId);
    else this.wait(sessionId);
  }

  /** Begins the grace of a session without a socket, as after a restart. */
  wait(sessionId: string): void {
    const { clock, graceMs, hasLocks } = this.#options;
    if (graceMs === 0 || !hasLocks(sessionId)) return this.#abandon(sessionId);
    const session = this.#sessions.get(sessionId) ?? { socketCount: 0, graceEndsAtMs: undefined };
    session.graceEndsAtMs = clock.nowMs() + graceMs;
    this.#sessions.set(sessionId, session);
    this.#waiting.delete(sessionId);
    this.#waiting.set(sessionId, session);
    this.#arm();
  }

  /** Lets go of every session without releasing anything. */
  stop(): void {
    this.#stopped = true;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#sessions.clear();
    this.#waiting.clear();
  }

  #abandon(sessionId: string): void {
    this.#sessions.delete(sessionId);
    this.#waiting.delete(sessionId);
    this.#options.onAbandoned(sessionId);
  }

  #arm(): void {
    if (this.#cancelTimer !== undefined) return;
    const [first] = this.#waiting.values();
    if (first?.graceEndsAtMs === undefined) return;
    const delayMs = Math.max(1, Math.ceil(first.graceEndsAtMs - this.#options.clock.nowMs()));
    this.#cancelTimer = this.#options.timers.after(delayMs, () => this.#onTimer());
  }

  #onTimer(): void {
    this.#cancelTimer = undefined;
    const nowMs = this.#options.clock.nowMs();
    for (const [sessionId, session] of this.#waiting) {
      if ((session.graceEndsAtMs ?? 0) > nowMs) break;
      this.#abandon(sessionId);
    }
    this.#arm();
  }
}
