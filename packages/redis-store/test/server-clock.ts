import type { Clock, Timers } from '@ticket-locks/lock-engine';
import { settled } from '@ticket-locks/lock-engine/testing';
import type { Redis } from 'ioredis';

import { clockKey } from './redis-server.js';

interface Timer {
  readonly owner: string;
  readonly dueAtMs: number;
  readonly callback: () => void;
}

/** Looks in a row at which nothing may be under way. */
const QUIET_LOOKS = 3;
/** How time passes for whoever waits, and for how long at most. */
const STEP_MS = 10;
const STEPS_MAX = 1_000;

/**
 * Virtual time of a store and its server: a move sets the clock of the functions, fires the timers
 * on the way in their order, and waits after each until nothing is under way.
 */
export class ServerClock implements Clock, Timers {
  readonly #redis: Redis;
  readonly #prefix: string;
  #nowMs: number;
  #timers: Timer[] = [];
  readonly #heldUp = new Set<string>();
  /** Calls that are under way; set with the store. */
  inFlight: () => number = () => 0;
  /** What the clock of the server is ahead of that of the store: it may step. */
  serverAheadMs = 0;

  constructor(redis: Redis, prefix: string, startMs = 1_000_000) {
    this.#redis = redis;
    this.#prefix = prefix;
    this.#nowMs = startMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    return this.#after('', delayMs, callback);
  }

  /** The timers of one instance, which may be held up alone. */
  timersOf(owner: string): Timers {
    return { after: (delayMs, callback) => this.#after(owner, delayMs, callback) };
  }

  /** The timers of an instance do not fire any more: it is stopped, or dead. */
  holdUp(owner: string): void {
    this.#heldUp.add(owner);
  }

  /** They fire again; those that are overdue with the next move. */
  letGo(owner: string): void {
    this.#heldUp.delete(owner);
  }

  #after(owner: string, delayMs: number, callback: () => void): () => void {
    const timer = { owner, dueAtMs: this.#nowMs + Math.max(0, delayMs), callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  async advanceAsync(ms: number): Promise<void> {
    const targetMs = this.#nowMs + ms;
    await this.quiet();
    for (let timer = this.#next(targetMs); timer !== undefined; timer = this.#next(targetMs)) {
      const due = timer;
      this.#timers = this.#timers.filter((other) => other !== due);
      await this.set(Math.max(this.#nowMs, due.dueAtMs));
      due.callback();
      await this.quiet();
    }
    // Somebody else may have moved it further.
    await this.set(Math.max(this.#nowMs, targetMs));
    await this.quiet();
  }

  /** Lets time pass until something is done that may wait for it. Rejects as that does. */
  async until<Value>(done: Promise<Value>): Promise<Value> {
    const waiting = new Set<unknown>([done]);
    const end = () => waiting.clear();
    done.then(end, end);
    for (let steps = 0; waiting.size > 0 && steps < STEPS_MAX; steps += 1) {
      await this.advanceAsync(STEP_MS);
    }
    return done;
  }

  /** Sets the clock of the functions. */
  async set(nowMs: number): Promise<void> {
    this.#nowMs = nowMs;
    await this.#redis.set(clockKey(this.#prefix), nowMs + this.serverAheadMs);
  }

  /** Resolves when nothing is under way. */
  async quiet(): Promise<void> {
    for (let looks = 0; looks < QUIET_LOOKS;) {
      await settled();
      looks = this.inFlight() === 0 ? looks + 1 : 0;
    }
  }

  #next(targetMs: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      const isDue = timer.dueAtMs <= targetMs && !this.#heldUp.has(timer.owner);
      if (isDue && (next === undefined || timer.dueAtMs < next.dueAtMs)) next = timer;
    }
    return next;
  }
}
