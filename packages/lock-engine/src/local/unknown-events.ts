import type { Id } from '../engine/id.js';
import type { Clock } from '../ports/clock.js';

/** How long it is remembered that an event does not exist, and of how many events. */
const UNKNOWN_FOR_MS = 5_000;
const UNKNOWN_MAX = 10_000;

/** Events that do not exist, for a moment, so that not everybody's mistake is asked about. */
export class UnknownEvents {
  readonly #clock: Clock;
  /** Until when each event is taken not to exist, the earliest first. */
  readonly #untilMs = new Map<Id, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  has(eventId: Id): boolean {
    const untilMs = this.#untilMs.get(eventId);
    return untilMs !== undefined && this.#clock.nowMs() < untilMs;
  }

  add(eventId: Id): void {
    const [oldest] = this.#untilMs.keys();
    if (oldest !== undefined && this.#untilMs.size >= UNKNOWN_MAX) this.#untilMs.delete(oldest);
    this.#untilMs.delete(eventId);
    this.#untilMs.set(eventId, this.#clock.nowMs() + UNKNOWN_FOR_MS);
  }

  delete(eventId: Id): void {
    this.#untilMs.delete(eventId);
  }
}
