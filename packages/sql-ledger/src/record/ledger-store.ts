import type { ChangeBlock } from './change-block.js';
import type { Fold, FoldNeeds, FoldRows } from './fold.js';
import type { LedgerHead, LockRow, SnapshotRow } from './snapshot-rows.js';

type Awaitable<Value> = Value | Promise<Value>;
export type Pages<Row> = Iterable<readonly Row[]> | AsyncIterable<readonly Row[]>;

/**
 * Where the record lies: one database, written by one process at a time.
 *
 * It gives back what it was given, and checks nothing of it but that it is there. Calls may throw
 * or reject; after a failed `write` or `writeFold` nobody calls it again but to close it. Never two
 * calls at a time.
 */
export interface LedgerStore extends LedgerReader {
  /**
   * Opens the database for this process alone and brings its tables up to date; answers the key of
   * the resume tokens.
   *
   * `onLost` is called when it turns out later that the database is out of reach, or no longer this
   * process's alone. Rejects with `LEDGER_IN_USE`, `LEDGER_FORMAT`, `LEDGER_DAMAGED` or
   * `LEDGER_FAILED`.
   */
  open(onLost: (cause: Error) => void): Awaitable<{ readonly tokenKey: string }>;
  /** Makes the blocks durable, all or none. */
  write(blocks: readonly ChangeBlock[]): Awaitable<void>;
  /** Reads the part of the snapshot that a fold needs. */
  readFor(needs: FoldNeeds): Awaitable<FoldRows>;
  /** Up to where the publisher has told everything; `undefined` when there never was one. */
  publishedSeq(): Awaitable<number | undefined>;
  /** Makes the publisher's mark durable. */
  markPublished(seq: number): Awaitable<void>;
  /** Where the block begins that holds the change, or an earlier one if none does. */
  blockBegin(seq: number): Awaitable<number | undefined>;
  /** Makes the fold durable, all or nothing. */
  writeFold(fold: Fold): Awaitable<void>;
  /**
   * Forgets some blocks that are folded in and end before the instant; returns whether more are
   * left.
   */
  prune(before: { readonly seq: number; readonly instantMs: number }): Awaitable<boolean>;
  close(): Awaitable<void>;
}

/** What reads the record and changes nothing. */
export interface LedgerReader {
  head(): Awaitable<LedgerHead>;
  /** The newest change that was ever told to be durable, where that is known; else 0. */
  acknowledgedSeq(): Awaitable<number>;
  /** By their order. */
  events(): Pages<SnapshotRow>;
  /** In no particular order. */
  locks(): Pages<LockRow>;
  /** By their order. */
  requests(): Pages<SnapshotRow>;
  /** Blocks that begin after the change, by their order, a few at a time. */
  blocksAfter(seq: number): Pages<ChangeBlock>;
}

/** A ledger as it is at one instant, while its service may go on. */
export interface OpenedRecord {
  readonly place: string;
  readonly reader: LedgerReader;
  /** What the database itself finds wrong with its file. */
  problems(): Promise<readonly string[]>;
  /** On the disk, in bytes. */
  size(): Promise<number>;
  close(): Promise<void>;
}
