import type { LockChange, OutboxEntry, OutboxReader, OutboxStats } from '@ticket-locks/lock-engine';

export interface OutboxTailOptions {
  /** Begins the ids: another for every record, the same ever after. */
  readonly outboxId: string;
  /** The mark as it stands in the record. */
  readonly publishedSeq: number;
  /** The newest durable change. */
  readonly newestSeq: number;
  /** Durable changes after `seq` from the record, in their order. */
  readonly read: (seq: number, limit: number) => Promise<readonly LockChange[]>;
}

/** So many changes are kept at hand for a reader; more are read from the record. */
const TAIL_MAX = 10_000;

/**
 * What a publisher reads of a record that has one writer.
 *
 * As long as the reader keeps up it is given the newest changes from memory, and the record is not
 * read at all. Once it is too far behind it reads the record until it has caught up.
 */
export class OutboxTail {
  readonly #options: OutboxTailOptions;
  #publishedSeq: number;
  #newestSeq: number;
  /** The first change that was not read. */
  #nextSeq: number;
  /** From `nextSeq` to `newestSeq`, or empty. */
  #tail: LockChange[] = [];
  #reader: OutboxReader | undefined;
  #droppedCount = 0;

  constructor(options: OutboxTailOptions) {
    this.#options = options;
    this.#publishedSeq = options.publishedSeq;
    this.#newestSeq = options.newestSeq;
    this.#nextSeq = options.publishedSeq + 1;
  }

  get publishedSeq(): number {
    return this.#publishedSeq;
  }

  attach(reader: OutboxReader): void {
    this.detach();
    this.#reader = reader;
    this.#nextSeq = this.#publishedSeq + 1;
    this.#droppedCount = 0;
  }

  detach(): void {
    this.#reader = undefined;
    this.#tail = [];
  }

  /** Takes what is durable by now. */
  append(changes: readonly LockChange[]): void {
    const isAtHand = this.#nextSeq + this.#tail.length === this.#newestSeq + 1;
    this.#newestSeq = changes.at(-1)?.seq ?? this.#newestSeq;
    if (this.#reader === undefined) return;
    if (isAtHand && this.#tail.length + changes.length <= TAIL_MAX) {
      for (const change of changes) this.#tail.push(change);
    } else {
      this.#tail = [];
    }
    this.#reader.onMore();
  }

  async read(limit: number): Promise<readonly OutboxEntry[]> {
    const reader = this.#reader;
    if (reader === undefined) return [];
    if (this.#tail.length > 0) return this.#taken(this.#tail.splice(0, limit));
    if (this.#nextSeq > this.#newestSeq) return [];
    const changes = await this.#options.read(this.#nextSeq - 1, limit);
    return reader === this.#reader ? this.#taken(changes) : [];
  }

  /** Whether the mark has moved. */
  mark(seq: number): boolean {
    if (seq <= this.#publishedSeq) return false;
    this.#publishedSeq = seq;
    return true;
  }

  stats(): OutboxStats {
    const isPublisher = this.#reader !== undefined;
    const unread = isPublisher ? Math.max(0, this.#newestSeq - this.#nextSeq + 1) : 0;
    return { unread, dropped: this.#droppedCount, isPublisher };
  }

  #taken(changes: readonly LockChange[]): OutboxEntry[] {
    const { outboxId } = this.#options;
    const [first] = changes;
    if (first !== undefined) this.#droppedCount += first.seq - this.#nextSeq;
    this.#nextSeq = (changes.at(-1)?.seq ?? this.#nextSeq - 1) + 1;
    return changes.map((change) => ({
      id: `${outboxId}-${change.seq}`,
      position: String(change.seq),
      change,
    }));
  }
}
