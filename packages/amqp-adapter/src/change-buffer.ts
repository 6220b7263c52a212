import type { ChangeOutbox, LockChange, OutboxEntry, Timers } from '@ticket-locks/lock-engine';

import type { AdapterLog } from './adapter-log.js';
import { isPublished, orderKeyOf } from './change-message.js';

/** A change on its way out. */
export interface WaitingChange {
  readonly id: string;
  readonly change: LockChange;
  readonly orderKey: string;
  /** Only with an outbox. */
  readonly position?: string | undefined;
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
  /** There may be more than before, or nothing any more. */
  readonly onMore: () => void;
  /** All that was held is somebody else's to tell. */
  readonly onCleared: () => void;
}

const READ_MAX = 500;
const READ_RETRY_MS = 1000;

/**
 * The changes that are still to be told, in their order, in bounded memory.
 *
 * NEW -> `open` -> OPEN -> `close` -> CLOSED. With an outbox it reads from that as soon as half of
 * the room is free. Without one it takes what it is offered, drops the oldest when there is no
 * room, counts that, and says so.
 */
export class ChangeBuffer {
  readonly #options: ChangeBufferOptions;
  #entries: WaitingChange[] = [];
  /** With an outbox: there may be more to read. */
  #isBehind = false;
  #isReading = false;
  /** Counts how often all was let go of: what was being read meanwhile goes, too. */
  #turn = 0;
  #isClosed = false;
  #closing: Promise<void> | undefined;
  #isDropping = false;
  #droppedCount = 0;
  #toldDroppedCount = 0;
  #cancelRetry: (() => void) | undefined;

  constructor(options: ChangeBufferOptions) {
    this.#options = options;
  }

  /** Rejects when the outbox does. */
  async open(): Promise<void> {
    this.#isBehind = this.#options.outbox !== undefined;
    await this.#options.outbox?.attach({
      onMore: () => this.lookAgain(),
      onRevoked: () => this.#clear(),
    });
  }

  /** Takes one change as it happens. Only without an outbox. */
  offer(change: LockChange): void {
    const { runId, changesMax, onMore } = this.#options;
    if (this.#isClosed || !isPublished(change)) return;
    const id = `${runId}-${change.seq}`;
    this.#entries.push({ id, change, orderKey: orderKeyOf(change), state: 'waiting' });
    if (this.#entries.length > changesMax) this.#dropOldest();
    onMore();
  }

  /** There may be more in the outbox. */
  lookAgain(): void {
    if (this.#isClosed || this.#options.outbox === undefined) return;
    this.#isBehind = true;
    this.#options.onMore();
  }

  /** Reads on from the outbox, if there may be more and there is room. */
  refill(): void {
    const { outbox, changesMax, log } = this.#options;
    const hasRoom = this.#entries.length <= changesMax / 2;
    if (outbox === undefined || !this.#isBehind || !hasRoom) return;
    if (this.#isReading || this.#isClosed) return;
    this.#isReading = true;
    this.#isBehind = false;
    const turn = this.#turn;
    outbox.read(Math.min(READ_MAX, changesMax - this.#entries.length)).then(
      (entries) => this.#onRead(turn === this.#turn ? entries : []),
      (error: unknown) => {
        log.error({ err: error }, 'cannot read the changes that are to be told');
        this.#isBehind = true;
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
    for (; this.#entries[count]?.state === 'confirmed'; count += 1) {
      const { position } = this.#entries[count] ?? {};
      if (position !== undefined) this.#options.outbox?.markPublished(position);
    }
    if (count > 0) this.#entries.splice(0, count);
    if (this.#entries.length === 0) this.#isDropping = false;
    return count;
  }

  /** What was sent and not confirmed is to be sent again. */
  rewind(): void {
    for (const entry of this.#entries) if (entry.state === 'sent') entry.state = 'waiting';
  }

  /** Lets another publisher go on, where there is an outbox. */
  close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelRetry?.();
    this.#closing ??= this.#options.outbox?.detach() ?? Promise.resolve();
    return this.#closing;
  }

  /** Whether everything that was heard of is told. */
  get isEmpty(): boolean {
    return this.#entries.length === 0 && !this.#isBehind && !this.#isReading;
  }

  /** Changes that are not told yet; those that are only in the outbox are counted roughly. */
  get waitingCount(): number {
    return this.#entries.length + (this.#options.outbox?.outboxStats().unread ?? 0);
  }

  /** Changes that were given up. */
  get droppedCount(): number {
    return this.#droppedCount + (this.#options.outbox?.outboxStats().dropped ?? 0);
  }

  #onRead(entries: readonly OutboxEntry[]): void {
    this.#isReading = false;
    if (this.#isClosed) return;
    for (const { id, position, change } of entries) {
      // Facts of our own book-keeping are told to nobody; they only move the mark.
      const state = isPublished(change) ? 'waiting' : 'confirmed';
      this.#entries.push({ id, position, change, orderKey: orderKeyOf(change), state });
    }
    if (entries.length > 0) this.#isBehind = true;
    if (this.#entries[0]?.state === 'confirmed') this.settle();
    this.#tellGap();
    this.#options.onMore();
  }

  #readLater(): void {
    if (this.#isClosed) return;
    this.#cancelRetry = this.#options.timers.after(READ_RETRY_MS, () => {
      this.#isReading = false;
      this.refill();
    });
  }

  #clear(): void {
    this.#turn += 1;
    this.#entries = [];
    this.#isBehind = false;
    this.#options.onCleared();
    this.#options.onMore();
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

  #tellGap(): void {
    const count = this.droppedCount - this.#toldDroppedCount;
    if (count === 0) return;
    this.#toldDroppedCount += count;
    this.#options.log.error({ count }, 'changes were given up by the ledger before they were told');
  }
}
