import type { ChangeOutbox, LockChange, Timers } from '@ticket-locks/lock-engine';

import type { AdapterLog } from './adapter-log.js';
import { isPublished, orderKeyOf } from './change-message.js';

/** A change on its way out. */
export interface WaitingChange {
  readonly change: LockChange;
  readonly orderKey: string;
  state: 'waiting' | 'sent' | 'confirmed';
}

export interface ChangeBufferOptions {
  /** Without one, what the buffer cannot hold is lost. */
  readonly outbox?: ChangeOutbox | undefined;
  /** What the ids of the messages begin with when there is no outbox. */
  readonly runId: string;
  /** Most changes in memory. */
  readonly changesMax: number;
  readonly log: AdapterLog;
  readonly timers: Timers;
  /** There is more than before. */
  readonly onMore: () => void;
}

const READ_MAX = 500;
const READ_RETRY_MS = 1000;

/**
 * The changes that are still to be told, in their order, in bounded memory.
 *
 * NEW -> `open` -> OPEN -> `close` -> CLOSED. With an outbox it takes what is told live as long as
 * nothing is missing before it and there is room; else it is behind, and reads on from the outbox
 * as soon as half of the room is free. Without one it drops the oldest, counts that, and says so.
 */
export class ChangeBuffer {
  readonly #options: ChangeBufferOptions;
  readonly #entries: WaitingChange[] = [];
  #idPrefix: string;
  /** With an outbox: the first change that was not taken in. */
  #nextSeq = 0;
  /** The newest change that was told live. */
  #heardSeq = 0;
  #isBehind = false;
  #isReading = false;
  #isClosed = false;
  #isDropping = false;
  #droppedCount = 0;
  #cancelRetry: (() => void) | undefined;

  constructor(options: ChangeBufferOptions) {
    this.#options = options;
    this.#idPrefix = options.runId;
  }

  /** Rejects when the outbox does. */
  async open(): Promise<void> {
    const { outbox } = this.#options;
    if (outbox === undefined) return;
    const { outboxId, publishedSeq } = await outbox.position();
    this.#idPrefix = outboxId;
    this.#nextSeq = publishedSeq + 1;
    this.#isBehind = true;
  }

  /** Takes one change as it happens, in the order of `seq`. */
  offer(change: LockChange): void {
    if (this.#isClosed) return;
    const { outbox, changesMax, onMore } = this.#options;
    this.#heardSeq = Math.max(this.#heardSeq, change.seq);
    if (outbox === undefined) {
      this.#take(change);
      if (this.#entries.length > changesMax) this.#dropOldest();
    } else if (change.seq === this.#nextSeq && this.#entries.length < changesMax) {
      this.#take(change);
    } else if (change.seq >= this.#nextSeq) {
      this.#isBehind = true;
    }
    onMore();
  }

  /** Reads on from the outbox, if something is missing and there is room. */
  refill(): void {
    const { outbox, changesMax } = this.#options;
    const hasRoom = this.#entries.length <= changesMax / 2;
    if (outbox === undefined || !this.#isBehind || !hasRoom) return;
    if (this.#isReading || this.#isClosed) return;
    this.#isReading = true;
    outbox.changesAfter(this.#nextSeq - 1, READ_MAX).then(
      (changes) => this.#onRead(changes),
      (error: unknown) => {
        this.#options.log.error({ err: error }, 'cannot read the changes that are to be told');
        this.#readLater();
      },
    );
  }

  /** The change at a place, counted from the oldest one. */
  at(index: number): WaitingChange | undefined {
    return this.#entries[index];
  }

  /** Lets go of what is confirmed at the front, and returns how many that were. */
  settle(): number {
    let count = 0;
    while (this.#entries[count]?.state === 'confirmed') count += 1;
    if (count > 0) this.#entries.splice(0, count);
    if (this.#entries.length === 0) this.#isDropping = false;
    this.#mark();
    return count;
  }

  /** Everything that was sent and not confirmed is to be sent again. */
  rewind(): void {
    for (const entry of this.#entries) if (entry.state === 'sent') entry.state = 'waiting';
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelRetry?.();
  }

  /** What the ids of the messages begin with. */
  get idPrefix(): string {
    return this.#idPrefix;
  }

  /** Whether everything that was heard of is told. */
  get isEmpty(): boolean {
    return this.#entries.length === 0 && !this.#isBehind;
  }

  /** Changes that are not told yet; those that are only in the outbox are counted roughly. */
  get waitingCount(): number {
    const unread = this.#isBehind ? Math.max(0, this.#heardSeq - this.#nextSeq + 1) : 0;
    return this.#entries.length + unread;
  }

  /** Changes that were given up. */
  get droppedCount(): number {
    return this.#droppedCount;
  }

  #onRead(changes: readonly LockChange[]): void {
    if (this.#isClosed) return;
    const fromSeq = this.#nextSeq;
    for (const change of changes) {
      // It was told live meanwhile.
      if (change.seq < this.#nextSeq) continue;
      if (change.seq > this.#nextSeq) this.#noteGap(change.seq - this.#nextSeq);
      this.#take(change);
    }
    if (changes.length < READ_MAX && this.#heardSeq < this.#nextSeq) this.#isBehind = false;
    if (this.#isBehind && this.#nextSeq === fromSeq) return this.#readLater();
    this.#isReading = false;
    this.#options.onMore();
  }

  #readLater(): void {
    if (this.#isClosed) return;
    this.#cancelRetry = this.#options.timers.after(READ_RETRY_MS, () => {
      this.#isReading = false;
      this.refill();
    });
  }

  #take(change: LockChange): void {
    this.#nextSeq = change.seq + 1;
    if (isPublished(change)) {
      this.#entries.push({ change, orderKey: orderKeyOf(change), state: 'waiting' });
    } else {
      this.#mark();
    }
  }

  #mark(): void {
    const oldestSeq = this.#entries[0]?.change.seq ?? this.#nextSeq;
    this.#options.outbox?.markPublished(oldestSeq - 1);
  }

  /** Without an outbox: what is under way stays, and so does what is about money. */
  #dropOldest(): void {
    const index = this.#entries.findIndex(
      ({ state, change }) => state === 'waiting' && change.type !== 'refund-required',
    );
    if (index === -1) return;
    this.#entries.splice(index, 1);
    this.#droppedCount += 1;
    if (this.#isDropping) return;
    this.#isDropping = true;
    const { log, changesMax } = this.#options;
    log.error({ changesMax }, 'too many changes wait for RabbitMQ: the oldest are dropped');
  }

  #noteGap(count: number): void {
    this.#droppedCount += count;
    this.#options.log.error({ count }, 'changes were given up by the ledger before they were told');
  }
}
