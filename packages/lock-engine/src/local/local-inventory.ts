import type { Id } from '../engine/id.js';
import type { Clock } from '../ports/clock.js';
import type { EventInventory, InventorySource } from '../ports/inventory-source.js';

/** How long it is remembered that an event does not exist, and of how many events. */
const UNKNOWN_FOR_MS = 5_000;
const UNKNOWN_MAX = 10_000;

export type InventoryState = 'known' | 'unknown' | 'unavailable';

export interface LocalInventoryOptions {
  readonly source: InventorySource;
  readonly clock: Clock;
  /**
   * Takes over figures, and tells whether they made sense; `fetchedAtMs` is when their fetch began.
   */
  readonly onLoaded: (eventId: Id, inventory: EventInventory, fetchedAtMs: number) => boolean;
  /**
   * Whether figures of the event are known from before, so that it can go on while its source is
   * silent.
   */
  readonly isKnown: (eventId: Id) => boolean;
}

/**
 * Asks the source for each event on first need, once however many wait for it, and remembers what
 * does not exist.
 */
export class LocalInventory {
  readonly #options: LocalInventoryOptions;
  readonly #loaded = new Set<Id>();
  readonly #stale = new Set<Id>();
  readonly #loading = new Map<Id, Promise<InventoryState>>();
  /** Until when each event is taken not to exist, the earliest first. */
  readonly #unknownUntilMs = new Map<Id, number>();
  #unsubscribe: (() => void) | undefined;

  constructor(options: LocalInventoryOptions) {
    this.#options = options;
  }

  start(): void {
    this.#unsubscribe = this.#options.source.onChanged?.((eventId) => {
      this.#unknownUntilMs.delete(eventId);
      if (this.#loaded.has(eventId)) void this.#load(eventId);
    });
  }

  stop(): void {
    this.#unsubscribe?.();
  }

  /** Whether the event was loaded by this process: nothing to wait for. */
  isLoaded(eventId: Id): boolean {
    return this.#loaded.has(eventId);
  }

  /** Whether the last attempt to ask the source failed. */
  isStale(eventId: Id): boolean {
    return this.#stale.has(eventId);
  }

  /** Makes sure that the event's figures are there, if there is such an event. Never rejects. */
  async ensure(eventId: Id): Promise<InventoryState> {
    if (this.#loaded.has(eventId)) return 'known';
    const untilMs = this.#unknownUntilMs.get(eventId);
    if (untilMs !== undefined && this.#options.clock.nowMs() < untilMs) return 'unknown';
    return this.#loading.get(eventId) ?? this.#load(eventId);
  }

  #load(eventId: Id): Promise<InventoryState> {
    const loading = this.#ask(eventId).finally(() => {
      if (this.#loading.get(eventId) === loading) this.#loading.delete(eventId);
    });
    this.#loading.set(eventId, loading);
    return loading;
  }

  async #ask(eventId: Id): Promise<InventoryState> {
    const { source, clock, onLoaded, isKnown } = this.#options;
    const fetchedAtMs = Math.floor(clock.nowMs());
    try {
      const inventory = await source.load(eventId);
      if (inventory === undefined) {
        this.#stale.delete(eventId);
        return this.#rememberUnknown(eventId);
      }
      if (onLoaded(eventId, inventory, fetchedAtMs)) {
        this.#stale.delete(eventId);
        this.#loaded.add(eventId);
        return 'known';
      }
    } catch {
      // As with figures that make no sense: what is known goes on, what is not cannot be had.
    }
    if (!isKnown(eventId)) return 'unavailable';
    this.#stale.add(eventId);
    return 'known';
  }

  #rememberUnknown(eventId: Id): InventoryState {
    const [oldest] = this.#unknownUntilMs.keys();
    if (oldest !== undefined && this.#unknownUntilMs.size >= UNKNOWN_MAX)
      this.#unknownUntilMs.delete(oldest);
    this.#unknownUntilMs.delete(eventId);
    this.#unknownUntilMs.set(eventId, this.#options.clock.nowMs() + UNKNOWN_FOR_MS);
    return this.#options.isKnown(eventId) ? 'known' : 'unknown';
  }
}
