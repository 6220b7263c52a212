import type { LockChange } from '../engine/lock-change.js';
import type { LockSnapshot } from '../engine/lock-snapshot.js';

/** What a ledger holds: the newest snapshot and every change after it, in the order of `seq`. */
export interface LedgerContents {
  readonly snapshot: LockSnapshot | undefined;
  readonly changes: readonly LockChange[];
  /** The key of resume tokens: made with the ledger, the same ever after. */
  readonly tokenKey: string;
}

/**
 * The durable record of one engine's changes. It decides nothing and understands little: it keeps
 * changes in order.
 *
 * Life: `load` once, then `append`, then `close` once. Every call may reject; after a rejected
 * `append` it is not known whether the changes are kept, and the ledger takes no more: the owner
 * stops, and asks `load` after the restart. A ledger keeps its record short by itself: it folds old
 * changes into the snapshot that `load` answers, without asking the owner for one, which would have
 * to stand still to make it.
 */
export interface LockLedger {
  /**
   * Opens the ledger for this process alone. Rejects when it is open elsewhere, unreadable or
   * damaged before its end.
   */
  load(): Promise<LedgerContents>;
  /**
   * Resolves when the changes are durable, in the order of the calls. The changes of one call are
   * kept all or not at all. Calls may overlap: what arrives while a flush runs goes into the next
   * one.
   */
  append(changes: readonly LockChange[]): Promise<void>;
  /** Waits for what was appended, then lets go. */
  close(): Promise<void>;
}
