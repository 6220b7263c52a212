import type { Clock, Timers } from '@ticket-locks/lock-engine';

import { START_MS } from './box-office.js';

/** A clock that stands still, and timers that go off only when it is moved. */
export class ManualTimers implements Clock, Timers {
  #nowMs: number;
  readonly #waiting = new Set<{ readonly dueAtMs: number; readonly callback: () => void }>();

  constructor(startMs = START_MS) {
    this.#nowMs = startMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { dueAtMs: this.#nowMs + delayMs, callback };
    this.#waiting.add(timer);
    return () => this.#waiting.delete(timer);
  }

  advance(ms: number): void {
    this.#nowMs += ms;
    const due = [...this.#waiting].filter(({ dueAtMs }) => dueAtMs <= this.#nowMs);
    for (const timer of due.sort((a, b) => a.dueAtMs - b.dueAtMs)) {
      if (this.#waiting.delete(timer)) timer.callback();
    }
  }
}
