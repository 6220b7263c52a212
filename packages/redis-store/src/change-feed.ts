import type { LockChange, Timers } from '@ticket-locks/lock-engine';

import { changesOf, headOf } from './change-text.js';
import type { ChangeBatch } from './change-text.js';
import { eventTag } from './event-key.js';
import { LINE } from './wire-text.js';

export interface ChangeFeedOptions {
  readonly timers: Timers;
  readonly onChange: (tag: string, change: LockChange, epoch: number) => void;
  /** The changes of an event after `seq` as the stream kept them, the oldest first. */
  readonly readAfter: (tag: string, seq: number) => Promise<readonly string[]>;
}

/** How long a gap is waited for before the stream is asked. */
const GAP_MS = 200;

interface EventFeed {
  epoch: number;
  /** The newest change that was told. */
  toldSeq: number;
  /** What came too early, by its first `seq`. */
  readonly early: Map<number, ChangeBatch>;
  cancelGap: (() => void) | undefined;
}

/**
 * Tells the changes of every instance, those of an event in their order and each once.
 *
 * They come twice: with the reply to whoever made them, and as news to everybody. What is missing
 * in between is read from the event's stream.
 */
export class ChangeFeed {
  readonly #options: ChangeFeedOptions;
  readonly #feeds = new Map<string, EventFeed>();
  #isStopped = false;

  constructor(options: ChangeFeedOptions) {
    this.#options = options;
  }

  /** Takes what a function told; '' is nothing. */
  take(text: string): void {
    if (text === '' || this.#isStopped || this.#isTold(text)) return;
    const batch = changesOf(text);
    const [first] = batch.changes;
    if (first === undefined) return;
    const tag = eventTag(batch.eventId);
    const feed = this.#feedOf(tag, batch, first.seq);
    if (feed === undefined || first.seq <= feed.toldSeq) return;
    feed.early.set(first.seq, batch);
    this.#tell(tag, feed);
  }

  /** Mostly the reply was here before the news of it, which need not be read in full. */
  #isTold(text: string): boolean {
    const { eventId, epoch, firstSeq } = headOf(text.split(LINE, 3));
    const feed = this.#feeds.get(eventTag(eventId));
    return feed !== undefined && feed.epoch === epoch && firstSeq <= feed.toldSeq;
  }

  /** Asks the streams for what was missed, as after a lost connection. */
  catchUp(): void {
    for (const [tag, feed] of this.#feeds) void this.#fill(tag, feed);
  }

  stop(): void {
    this.#isStopped = true;
    for (const feed of this.#feeds.values()) feed.cancelGap?.();
  }

  /** The feed of the batch's epoch; `undefined` when that is over: its numbers mean nothing now. */
  #feedOf(tag: string, { epoch }: ChangeBatch, firstSeq: number): EventFeed | undefined {
    const known = this.#feeds.get(tag);
    if (known?.epoch === epoch) return known;
    if (known !== undefined && known.epoch > epoch) return undefined;
    if (known !== undefined) this.#finish(tag, known);
    // The first that is heard of an event, or of its new epoch: what was before is not told.
    const feed = { epoch, toldSeq: firstSeq - 1, early: new Map(), cancelGap: undefined };
    this.#feeds.set(tag, feed);
    return feed;
  }

  /** What waits for an earlier change waits in vain when the epoch is over: it is told as it is. */
  #finish(tag: string, feed: EventFeed): void {
    feed.cancelGap?.();
    const waiting = [...feed.early].toSorted(([a], [b]) => a - b);
    for (const [, { changes }] of waiting) {
      for (const change of changes) this.#options.onChange(tag, change, feed.epoch);
    }
    feed.early.clear();
  }

  #tell(tag: string, feed: EventFeed): void {
    for (
      let batch = feed.early.get(feed.toldSeq + 1);
      batch !== undefined;
      batch = feed.early.get(feed.toldSeq + 1)
    ) {
      feed.early.delete(feed.toldSeq + 1);
      feed.toldSeq += batch.changes.length;
      for (const change of batch.changes) this.#options.onChange(tag, change, feed.epoch);
    }
    if (feed.early.size === 0) {
      feed.cancelGap?.();
      feed.cancelGap = undefined;
      return;
    }
    feed.cancelGap ??= this.#options.timers.after(GAP_MS, () => {
      feed.cancelGap = undefined;
      void this.#fill(tag, feed);
    });
  }

  async #fill(tag: string, feed: EventFeed): Promise<void> {
    let texts: readonly string[];
    try {
      texts = await this.#options.readAfter(tag, feed.toldSeq);
    } catch {
      // The connection is gone again: the next one asks anew.
      return;
    }
    if (this.#feeds.get(tag) !== feed) return;
    const [firstKept] = texts;
    const keptFrom = firstKept === undefined ? undefined : changesOf(firstKept).changes[0]?.seq;
    // The stream was cut short meanwhile: what it does not keep is not told.
    if (keptFrom !== undefined && keptFrom > feed.toldSeq + 1) feed.toldSeq = keptFrom - 1;
    for (const text of texts) this.take(text);
    this.#dropOld(feed);
    this.#tell(tag, feed);
  }

  #dropOld(feed: EventFeed): void {
    for (const seq of feed.early.keys()) if (seq <= feed.toldSeq) feed.early.delete(seq);
  }
}
