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
 * How sales that were decided together came out. All are sold: `records` has one for each, in the
 * order in which they were given, and `decided` says whether this call wrote any of them. Or this
 * call has sold none, for what stood in the way of the lock that is named, the first in the order
 * in which they were given:
 *
 * `recorded`: its record is not a sale to this order. `fenced`: the epoch has moved on. `capacity`:
 * the tickets are not there.
 */
export type SalesResult =
  | { readonly ok: true; readonly decided: boolean; readonly records: readonly DecisionRecord[] }
  | { readonly ok: false; readonly reason: 'recorded'; readonly record: DecisionRecord }
  | { readonly ok: false; readonly reason: 'fenced' | 'capacity'; readonly lockId: string };

/**
 * How a record was turned. `decided` says whether this call wrote the record; else an earlier one
 * stands, and is answered. `unknown`: there is no record to turn.
 */
export type DecisionResult =
  | { readonly ok: true; readonly decided: boolean; readonly record: DecisionRecord }
  | { readonly ok: false; readonly reason: 'unknown' };

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
   * Writes `sold` for every lock or for none, in one transaction. A lock that is sold already stays
   * as it is, unless that was to another order than the one that is given (`recorded`); so does one
   * that is aborted or returned (`recorded`). The others need the epoch in force (`fenced`), and
   * `soldElsewhere + confirmed + quantities <= max(capacity, capacityAtGrant)` in their category
   * (`capacity`; also when its figures were never set), for each of them counted with those before
   * it. Checked in that order. The locks are of one event, and each is named once.
   */
  decide(sales: readonly SaleDecision[]): Promise<SalesResult>;
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
  /** The records of these locks, in any order; nothing for a lock without one. */
  findMany(lockIds: readonly string[]): Promise<readonly DecisionRecord[]>;
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
  /** The epoch in force. */
  epoch(): Promise<number>;
  /**
   * Whether this caller is the one who brings an event to the store in this epoch: the first who
   * asks. False for everybody else ever after, and for all when the epoch is not the one in force.
   */
  claim(eventId: Id, epoch: number): Promise<boolean>;
  /** The events whose figures were ever set. */
  events(): Promise<readonly Id[]>;
  /** The figures of an event, in the order of their ids; none for an unknown event. */
  figures(eventId: Id): Promise<readonly DecidedFigures[]>;
  /**
   * The unsettled sales of an event, the oldest first, in pages: `after` is the last lock id of the
   * page before. A sale that is settled between pages may be in one or not: whoever adds them to
   * figures reads the figures after the last page.
   */
  list(eventId: Id, after?: string): Promise<readonly DecisionRecord[]>;
  close(): Promise<void>;
}
