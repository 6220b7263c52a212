import type { LockChange } from '../engine/lock-change.js';

/** Where a publisher goes on. */
export interface OutboxPosition {
  /**
   * Names the record: another for every record, the same ever after, and no secret. With `seq` it
   * makes the id of a change that is the same however often the change is told.
   */
  readonly outboxId: string;
  /** Everything up to this `seq` was told outside. */
  readonly publishedSeq: number;
}

/**
 * The durable changes that somebody outside is still to be told, for one publisher.
 *
 * It tells nobody anything: it gives back what a ledger has kept, and remembers a mark. To be used
 * while the ledger is open; every call may reject. A mark is written when that costs nothing, so
 * after a crash an older one may stand, and a little is told twice. What was not told yet is kept,
 * up to a bound of the ledger; a gap before the first of `changesAfter` is what was given up.
 */
export interface ChangeOutbox {
  /** Rejects when the ledger is not open, or keeps nothing for a publisher. */
  position(): Promise<OutboxPosition>;
  /** The first `limit` durable changes after `seq`, in their order; none when there are none. */
  changesAfter(seq: number, limit: number): Promise<readonly LockChange[]>;
  /** Everything up to `seq` was told. A lower mark than the present one changes nothing. */
  markPublished(seq: number): void;
}
