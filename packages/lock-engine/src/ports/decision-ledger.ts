import type { Id } from '../engine/id.js';
import type { RefundLedger } from './refund-ledger.js';

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
  /** The epoch in which the lock was granted: a decision of another one is refused. */
  readonly epoch: number;
  /** The category's capacity when the lock was granted: what was promised then is honoured. */
  readonly capacityAtGrant: number;
  readonly late?: true;
}

/** One record of the ledger. `returned` follows `sold`; the others are final. */
export interface DecisionRecord extends SaleDecision {
  readonly outcome: 'sold' | 'aborted' | 'returned';
  /** By the ledger's clock. */
  readonly decidedAtMs: number;
  /** The source of truth counts the sale itself by now. Only of what is sold. */
  readonly settled: boolean;
}

/**
 * How a decision came out. `decided` says whether this call wrote the record; else an earlier one
 * stands, and is answered.
 *
 * `fenced`: the epoch has moved on. `capacity`: the tickets are not there. `unknown`: there is no
 * record to turn.
 */
export type DecisionResult =
  | { readonly ok: true; readonly decided: boolean; readonly record: DecisionRecord }
  | { readonly ok: false; readonly reason: 'fenced' | 'capacity' | 'unknown' };

/** An event's figures as the source of truth gave them. */
export interface InventoryFigures {
  readonly eventId: Id;
  /** When their fetch began: figures that are older than the known ones are ignored. */
  readonly fetchedAtMs: number;
  readonly categories: readonly {
    readonly categoryId: Id;
    readonly capacity: number;
    readonly soldElsewhere: number;
  }[];
}

/** What the ledger knows of a category. `sold = soldElsewhere + confirmed`. */
export interface DecidedFigures {
  readonly categoryId: Id;
  readonly capacity: number;
  readonly soldElsewhere: number;
  /** The tickets of sold records that are not settled. */
  readonly confirmed: number;
  readonly fetchedAtMs: number;
}

/** Which epoch is in force after `nextEpoch`, and whether this caller began it. */
export interface EpochBegun {
  readonly epoch: number;
  readonly begun: boolean;
}

/**
 * The durable truth of what is sold, for stores that may lose their memory. First writer wins, for
 * every lock once.
 *
 * It keeps no active locks and no time but its own. Several instances use it at once. Every call
 * may reject; a rejected `decide`, `abort`, `return` or `settle` may have been written: ask again
 * with the same lock, which answers the record that stands. A rejection is never a refusal.
 */
export interface DecisionLedger extends RefundLedger {
  /**
   * Opens the ledger; several instances may. The key is that of the resume tokens, the same ever
   * after.
   */
  load(): Promise<{ readonly epoch: number; readonly tokenKey: string }>;
  /**
   * Writes `sold` unless the lock has a record, the epoch is not the one in force (`fenced`), or
   * `soldElsewhere + confirmed + quantity > max(capacity, capacityAtGrant)` (`capacity`; also when
   * the category's figures were never set): record, guard and fence in one transaction.
   */
  decide(sale: SaleDecision): Promise<DecisionResult>;
  /**
   * Writes `aborted` unless the lock has a record, in any epoch: the lock can never be sold
   * afterwards.
   */
  abort(sale: SaleDecision): Promise<DecisionResult>;
  /**
   * Turns an unsettled `sold` record of the same order (or of none, when none is given) into
   * `returned`: its tickets are free with the same step. `decided: false` with the record that
   * stands when it may not. Fails with `unknown`.
   */
  return(lockId: string, orderId: Id | undefined): Promise<DecisionResult>;
  /** The record of the lock, or `undefined` when nothing was decided of it. */
  find(lockId: string): Promise<DecisionRecord | undefined>;
  /**
   * Takes over figures of the source, and counts the sold locks among `lockIds` as settled, in one
   * transaction: what leaves `confirmed` is in `soldElsewhere` by then. Answers false, and changes
   * nothing, when newer figures are known.
   */
  settle(figures: InventoryFigures, lockIds: readonly string[]): Promise<boolean>;
  /**
   * Begins the epoch after `present`. Of several callers with the same `present` one begins it; the
   * others get what is in force.
   */
  nextEpoch(present: number): Promise<EpochBegun>;
  /** The events whose figures were ever set. */
  events(): Promise<readonly Id[]>;
  /** The figures of an event, in the order of their ids; none for an unknown event. */
  figures(eventId: Id): Promise<readonly DecidedFigures[]>;
  /**
   * The unsettled sales of an event, the oldest first, in pages: `after` is the last lock id of the
   * page before.
   */
  list(eventId: Id, after?: string): Promise<readonly DecisionRecord[]>;
  close(): Promise<void>;
}
