import type { Id } from '../engine/id.js';

/**
 * What is decided of a lock for good, with what the record needs to stand alone. Counts are
 * tickets.
 */
export interface SaleDecision {
  readonly lockId: string;
  readonly eventId: Id;
  readonly categoryId: Id;
  readonly quantity: number;
  readonly userId: Id;
  readonly orderId?: Id;
  /** The epoch in which the lock was granted: a decision of an older one is refused. */
  readonly epoch: number;
  /** The category's capacity when the lock was granted: what was promised then is honoured. */
  readonly capacityAtGrant: number;
  readonly late?: true;
}

/** One record of the ledger. `returned` follows `sold`; the others are final. */
export interface DecisionRecord extends SaleDecision {
  readonly outcome: 'sold' | 'aborted' | 'returned';
  readonly decidedAtMs: number;
  readonly settled: boolean;
}

/**
 * How a decision came out. `decided` says whether this call wrote the record; else an earlier one
 * stands.
 */
export type DecisionResult =
  | { readonly ok: true; readonly decided: boolean; readonly record: DecisionRecord }
  | { readonly ok: false; readonly reason: 'fenced' | 'capacity' };

/**
 * The durable truth of what is sold, for stores that may lose their memory. First writer wins, for
 * every lock once.
 *
 * It keeps no active locks and no time but its own. Every call may reject; a rejected `decide`,
 * `abort` or `return` may have been written: ask again with the same lock, which answers the record
 * that stands.
 */
export interface DecisionLedger {
  /** Opens the ledger; several instances may. */
  load(): Promise<{ readonly epoch: number; readonly tokenKey: string }>;
  /**
   * Writes `sold` unless the lock has a record, the epoch has moved on (`fenced`), or `sold +
   * quantity > max(capacity, capacityAtGrant)` (`capacity`): record, guard and fence in one
   * transaction.
   */
  decide(sale: SaleDecision): Promise<DecisionResult>;
  /** Writes `aborted` unless the lock has a record: the lock can never be sold afterwards. */
  abort(sale: SaleDecision): Promise<DecisionResult>;
  /** Turns an unsettled `sold` record of the same order into `returned`. */
  return(lockId: string, orderId: Id | undefined): Promise<DecisionResult>;
  /**
   * Moves `quantity` from confirmed here to counted by the source, in one transaction with the
   * source's figures.
   */
  settle(lockIds: readonly string[], figures: InventoryFigures): Promise<void>;
  /** Begins a new epoch and answers it; only one caller gets each number. */
  nextEpoch(): Promise<number>;
  /** The records of an event that still count, the oldest first, in pages. */
  list(eventId: Id, after?: string): Promise<readonly DecisionRecord[]>;
  close(): Promise<void>;
}

/** An event's figures as the source of truth gave them. */
export interface InventoryFigures {
  readonly eventId: Id;
  readonly fetchedAtMs: number;
  readonly categories: readonly {
    readonly categoryId: Id;
    readonly capacity: number;
    readonly soldElsewhere: number;
  }[];
}
