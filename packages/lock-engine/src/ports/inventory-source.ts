import type { Id } from '../engine/id.js';

/**
 * What the source of truth says of one event. Counts are tickets. A category that it does not list
 * any more gives no new locks; those that exist are honoured.
 */
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
   * True when figures change without a word, so that whoever works with an event asks again and
   * again. Default: an answer holds until `onChanged` says otherwise.
   */
  readonly isPolled?: boolean;
  /**
   * All categories of the event as they are after this call began, or `undefined` when there surely
   * is no such event. Rejects when the truth is not known now.
   */
  load(eventId: Id): Promise<EventInventory | undefined>;
  /**
   * Calls back when an event's figures may have changed. Returns what takes the subscription back.
   */
  onChanged?(listener: (eventId: Id) => void): () => void;
}
