import type { LockChange } from '../engine/lock-change.js';

/** One durable change that somebody outside is to be told. */
export interface OutboxEntry {
  /** The same however often the change is told, by whomever, and of no other change. No secret. */
  readonly id: string;
  /** Where the change stands in its record: opaque, for `markPublished`. */
  readonly position: string;
  readonly change: LockChange;
}

/** Who reads an outbox, and what it is told. */
export interface OutboxReader {
  /** There may be more to read than before. */
  onMore(): void;
  /** Another publisher goes on: what was read and is not told yet, is told by that one. */
  onRevoked(): void;
}

/** How it stands with an outbox. Counts are changes. */
export interface OutboxStats {
  /** Not read yet, as far as is known without reading. */
  readonly unread: number;
  /** Given up for want of room before they were read, since `attach`. */
  readonly dropped: number;
  /** Whether this one is the publisher: of several at most one, but for a moment. */
  readonly isPublisher: boolean;
}

/**
 * The durable changes that somebody outside is still to be told, for one publisher at a time.
 *
 * DETACHED -> `attach` -> ATTACHED -> `detach` -> DETACHED. It tells nobody anything: it gives back
 * what a record has kept, in order per lock, and remembers how much of it was told. Where several
 * instances share a record one of them is the publisher, and to the others there is nothing to
 * read. Marks are written when that costs little, so after a crash older ones may stand, and a
 * little is told twice, with the same ids. What was not told yet is kept, up to a bound of the
 * record.
 */
export interface ChangeOutbox {
  /**
   * Begins to read, after what is marked as told. Rejects when the record is not open, or keeps
   * nothing for a publisher.
   */
  attach(reader: OutboxReader): Promise<void>;
  /**
   * The next entries, at most `limit`, each once; none when there are none. One call at a time. It
   * may reject, and then gives the same ones again.
   */
  read(limit: number): Promise<readonly OutboxEntry[]>;
  /**
   * The entry at this position was told. To be called for one entry after the other, in the order
   * in which they were read: it stands for those before it. A mark never goes back.
   */
  markPublished(position: string): void;
  /** Writes the marks, and lets another publisher go on; resolves also when it could not. */
  detach(): Promise<void>;
  outboxStats(): OutboxStats;
}
