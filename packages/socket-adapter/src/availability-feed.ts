import type {
  Clock,
  EventAvailability,
  Id,
  LockChange,
  Outcome,
  StaleNews,
  TicketLocks,
  Timers,
} from '@ticket-locks/lock-engine';

import { availabilityUpdate } from './answers.js';
import type { AvailabilityUpdate } from './protocol.js';

export interface AvailabilityFeedOptions {
  readonly locks: Pick<TicketLocks, 'availability'>;
  readonly clock: Clock;
  readonly timers: Timers;
  /** How long changes of an event are gathered before its room hears of them. */
  readonly intervalMs: number;
  /** Whether anybody is in the event's room. */
  readonly hasWatchers: (eventId: Id) => boolean;
  /** Sends one category's figures to the event's room. */
  readonly publish: (update: AvailabilityUpdate) => void;
  readonly onError: (error: unknown) => void;
}

/** The figures of one category: the newest that are known, and what the room was told. */
interface Figures {
  latest: AvailabilityUpdate;
  told: AvailabilityUpdate;
}

/** Changes that move nothing in the figures. */
const WITHOUT_FIGURES = new Set<LockChange['type']>([
  'extended',
  'expiring',
  'forgotten',
  'payment-begun',
  'request-remembered',
]);
/** When a store that could not tell the figures is asked again. */
const RETRY_MS = 1000;
/** How often the store is asked about what is watched, so that it knows that somebody does. */
const WATCHED_MS = 60_000;

/**
 * The figures of events that somebody watches, at most one message for each category in every
 * interval, latest wins.
 *
 * An event is QUIET until a change makes it DIRTY; at the end of the interval the store is asked
 * once, what differs from what the room was told is published, and it is QUIET again; so it is once
 * a minute. `version` never goes back: whoever comes in between is given the newest figures of all
 * that were seen.
 */
export class AvailabilityFeed {
  readonly #options: AvailabilityFeedOptions;
  readonly #events = new Map<Id, Map<Id, Figures>>();
  readonly #dirty = new Set<Id>();
  #cancelTimer: (() => void) | undefined;
  #cancelWatching: (() => void) | undefined;
  #isStopped = false;

  constructor(options: AvailabilityFeedOptions) {
    this.#options = options;
  }

  onChange(change: LockChange): void {
    if (WITHOUT_FIGURES.has(change.type) || !('eventId' in change)) return;
    if (this.#options.hasWatchers(change.eventId)) this.#markDirty(change.eventId);
  }

  onStale({ eventId }: StaleNews): void {
    if (this.#options.hasWatchers(eventId)) this.#markDirty(eventId);
  }

  /**
   * The event's figures for somebody who is in its room already: nothing newer was published
   * before.
   */
  async snapshot(eventId: Id): Promise<Outcome<readonly AvailabilityUpdate[]>> {
    const outcome = await this.#options.locks.availability(eventId);
    if (!outcome.ok) return outcome;
    const figures = this.#merge(outcome.value);
    // The others in the room hear of what was learnt on this occasion.
    if (figures.some(isNews)) this.#markDirty(eventId);
    return { ok: true, value: figures.map(({ latest }) => latest) };
  }

  /** What the event's room knows or is about to be told. */
  latest(eventId: Id): readonly AvailabilityUpdate[] {
    return [...(this.#events.get(eventId)?.values() ?? [])].map(({ latest }) => latest);
  }

  /** Nobody watches the event any more. */
  forget(eventId: Id): void {
    this.#events.delete(eventId);
    this.#dirty.delete(eventId);
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#cancelWatching?.();
    this.#cancelWatching = undefined;
    this.#dirty.clear();
    this.#events.clear();
  }

  #markDirty(eventId: Id, delayMs = this.#options.intervalMs): void {
    this.#dirty.add(eventId);
    if (this.#isStopped) return;
    this.#cancelTimer ??= this.#options.timers.after(delayMs, () => {
      this.#cancelTimer = undefined;
      const dirty = [...this.#dirty];
      this.#dirty.clear();
      for (const dirtyId of dirty) void this.#tell(dirtyId);
    });
  }

  async #tell(eventId: Id): Promise<void> {
    const { locks, hasWatchers, publish, onError } = this.#options;
    try {
      if (!hasWatchers(eventId)) return;
      const outcome = await locks.availability(eventId);
      if (this.#isStopped || !hasWatchers(eventId)) return;
      if (!outcome.ok) this.#markDirty(eventId, RETRY_MS);
      const figures = outcome.ok ? this.#merge(outcome.value) : this.#markStale(eventId);
      for (const category of figures) {
        if (!isNews(category)) continue;
        category.told = category.latest;
        publish(category.latest);
      }
    } catch (error) {
      onError(error);
      this.#markDirty(eventId, RETRY_MS);
    }
  }

  /** Takes over what is not older than what is known. */
  #merge({ eventId, categories, stale }: EventAvailability): Figures[] {
    const nowMs = this.#options.clock.nowMs();
    const known = this.#events.get(eventId) ?? new Map<Id, Figures>();
    if (this.#options.hasWatchers(eventId)) {
      this.#events.set(eventId, known);
      this.#keepWatching();
    }
    return categories.map((category) => {
      const update = availabilityUpdate(category, { nowMs, stale });
      const figures = known.get(category.categoryId) ?? { latest: update, told: update };
      if (update.version >= figures.latest.version) figures.latest = update;
      known.set(category.categoryId, figures);
      return figures;
    });
  }

  #keepWatching(): void {
    if (this.#isStopped || this.#events.size === 0) return;
    this.#cancelWatching ??= this.#options.timers.after(WATCHED_MS, () => {
      this.#cancelWatching = undefined;
      for (const eventId of this.#events.keys()) this.#markDirty(eventId);
      this.#keepWatching();
    });
  }

  /** No number is invented: the last known figures, marked as such. */
  #markStale(eventId: Id): Figures[] {
    const known = [...(this.#events.get(eventId)?.values() ?? [])];
    for (const figures of known) figures.latest = { ...figures.latest, stale: true };
    return known;
  }
}

function isNews({ latest, told }: Figures): boolean {
  return latest.version > told.version || latest.stale !== told.stale;
}
