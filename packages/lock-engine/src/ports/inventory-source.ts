import type { Id } from '../engine/id.js';

/** What the source of truth says of one event. Counts are tickets. */
export interface EventInventory {
  readonly categories: readonly {
    readonly categoryId: Id;
    readonly capacity: number;
    /** Sold by anybody, as the source counts; without it the own ledger is the truth. */
    readonly soldElsewhere?: number;
  }[];
}

/**
 * Where events and their capacities come from. It knows nothing of locks, and keeps no promise
 * about who calls how often: the caller makes one call at a time per event and remembers the
 * answers.
 */
export interface InventorySource {
  /**
   * The event's categories, or `undefined` when there is no such event. Rejects when the truth is
   * not known now.
   */
  load(eventId: Id): Promise<EventInventory | undefined>;
  /**
   * Calls back when an event's figures may have changed. Returns what takes the subscription back.
   */
  onChanged?(listener: (eventId: Id) => void): () => void;
}
