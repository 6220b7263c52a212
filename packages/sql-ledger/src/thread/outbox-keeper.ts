import type { LockChange } from '@ticket-locks/lock-engine';

import { assertBlock, changesIn } from '../record/change-block.js';
import type { LedgerStore } from '../record/ledger-store.js';

export interface OutboxOptions {
  /**
   * Default false. Whether there is a publisher, for which changes are kept until it has told them.
   */
  readonly outbox?: boolean | undefined;
  /** Default 1,000,000. So many changes at most are kept for it alone; the oldest go first. */
  readonly unpublishedMax?: number | undefined;
}

const UNPUBLISHED_MAX = 1_000_000;
/** So many changes may be told and not be marked as such, while the ledger is never quiet. */
const UNMARKED_MAX = 1000;

/**
 * The part of the writing side that serves a publisher: what it reads, how far it has come, and
 * what must be kept for it.
 *
 * OFF, or NEW -> `open` -> OPEN. A mark comes in by `note` and is written by `writeMark` when the
 * ledger is quiet, when it closes, or when too many changes have passed. A publisher that is new to
 * a record begins with what is written from then on.
 */
export class OutboxKeeper {
  readonly #store: LedgerStore;
  readonly #isOn: boolean;
  readonly #unpublishedMax: number;
  #notedSeq = 0;
  #writtenSeq = 0;

  constructor(store: LedgerStore, options: OutboxOptions) {
    this.#store = store;
    this.#isOn = options.outbox ?? false;
    this.#unpublishedMax = options.unpublishedMax ?? UNPUBLISHED_MAX;
  }

  /** Returns the mark, or `undefined` when there is no publisher. */
  async open(lastSeq: number): Promise<number | undefined> {
    if (!this.#isOn) return undefined;
    const writtenSeq = await this.#store.publishedSeq();
    if (writtenSeq === undefined) await this.#store.markPublished(lastSeq);
    this.#writtenSeq = writtenSeq ?? lastSeq;
    this.#notedSeq = this.#writtenSeq;
    return this.#writtenSeq;
  }

  note(seq: number): void {
    this.#notedSeq = Math.max(this.#notedSeq, seq);
  }

  get hasMark(): boolean {
    return this.#notedSeq > this.#writtenSeq;
  }

  get isMarkOverdue(): boolean {
    return this.#notedSeq - this.#writtenSeq >= UNMARKED_MAX;
  }

  async writeMark(): Promise<void> {
    if (!this.hasMark) return;
    const seq = this.#notedSeq;
    await this.#store.markPublished(seq);
    this.#writtenSeq = seq;
  }

  /** Up to which change nobody needs the record any more, when the snapshot stands at `headSeq`. */
  forgettableSeq(headSeq: number, lastSeq: number): number {
    if (!this.#isOn) return headSeq;
    return Math.min(headSeq, Math.max(this.#writtenSeq, lastSeq - this.#unpublishedMax));
  }

  /** Whether changes that were not told are old enough to be given up. */
  isBeyondBound(lastSeq: number): boolean {
    return this.#isOn && lastSeq - this.#writtenSeq > this.#unpublishedMax;
  }

  async read(afterSeq: number, limit: number): Promise<LockChange[]> {
    const changes: LockChange[] = [];
    const beginSeq = (await this.#store.blockBegin(afterSeq + 1)) ?? afterSeq + 1;
    for await (const blocks of this.#store.blocksAfter(beginSeq - 1)) {
      for (const block of blocks) {
        assertBlock(block, undefined);
        for (const change of changesIn(block)) {
          if (change.seq > afterSeq && changes.length < limit) changes.push(change);
        }
        if (changes.length >= limit) return changes;
      }
    }
    return changes;
  }
}
