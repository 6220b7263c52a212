import type { Id } from './id.js';
import { LockQueue } from './lock-queue.js';
import { Rises } from './rises.js';
import type { CategoryAvailability } from './ticket-lock.js';

/** An event and its categories. Only `LockState.apply` writes it. */
export class EventRecord {
  readonly categories = new Map<Id, CategoryRecord>();
  /** Takes no locks any more. Never taken back. */
  cancelled = false;
  /** When the fetch of the present figures began; -1 before the first. */
  fetchedAtMs = -1;
  /** Completed orders by `completionKey`, so that each settles once. */
  readonly completed = new Set<string>();

  constructor(readonly eventId: Id) {}
}

/** The accounting of one category. `sold = soldElsewhere + confirmed`; all counts are tickets. */
export class CategoryRecord {
  /**
   * An instant near those of the category's locks, which keep theirs as distances from it: a small
   * integer is stored in place, an instant since 1970 in a piece of memory of its own.
   */
  readonly epochMs: number;
  capacity = 0;
  soldElsewhere = 0;
  /** The tickets of `unsettled`. */
  confirmed = 0;
  /** The tickets of the category's active locks. */
  locked = 0;
  readonly unsettled = new LockQueue();
  readonly rises = new Rises();

  /**
   * Starts at the microsecond of its creation and grows by one with every change, so that it does
   * not go back either when a service without a ledger starts anew.
   */
  constructor(
    readonly event: EventRecord,
    readonly categoryId: Id,
    public version: number,
  ) {
    this.epochMs = Math.floor(version / 1000);
  }

  get sold(): number {
    return this.soldElsewhere + this.confirmed;
  }

  get available(): number {
    return Math.max(0, this.capacity - this.sold - this.locked);
  }

  get isOverfull(): boolean {
    return this.sold + this.locked > this.capacity;
  }

  /** Tickets that are free when `due` of the locked ones are under locks that are over. */
  availableWith(due: number): number {
    return Math.max(0, this.capacity - this.sold - this.locked + due);
  }

  /**
   * The figures as outsiders see them; `due` tickets are under locks that are over but not swept.
   */
  view(due: number): CategoryAvailability {
    const locked = this.locked - due;
    const free = this.capacity - this.sold - locked;
    return {
      eventId: this.event.eventId,
      categoryId: this.categoryId,
      capacity: this.capacity,
      available: Math.max(0, free),
      locked,
      sold: this.sold,
      deficit: Math.max(0, -free),
      confirmed: this.confirmed,
      soldElsewhere: this.soldElsewhere,
      version: this.version,
    };
  }
}

/** One order settles once per category. */
export function completionKey(orderId: Id, categoryId: Id): string {
  return JSON.stringify([orderId, categoryId]);
}
