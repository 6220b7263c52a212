import { hmacSha256 } from '@ticket-locks/lock-engine';
import type {
  ChangeOutbox,
  Clock,
  Id,
  LockChange,
  OutboxEntry,
  OutboxReader,
  OutboxStats,
  Timers,
} from '@ticket-locks/lock-engine';

import { changesOf } from './change-text.js';
import { eventKey, eventTag } from './event-key.js';
import type { RedisLink } from './redis-link.js';
import { textOrNone } from './wire-text.js';

export interface RedisChangeOutboxOptions {
  readonly link: RedisLink;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly prefix: string;
  /** Names this instance among the others. */
  readonly instance: string;
  /** A secret of the record, the same for all instances; '' as long as it is not open. */
  readonly recordKey: () => string;
  /** Every event that was ever brought to Redis. */
  readonly eventIds: () => Promise<readonly Id[]>;
}

/** How far something has come in the changes of an event. */
interface Place {
  readonly epoch: number;
  readonly seq: number;
}

/** The key of the turn: no tag of an event has a dot. */
const TURN = '.publisher';
/** The news that nobody has the turn. */
export const TURN_IS_FREE = 'turn';
/** For how long a publisher that says nothing keeps the turn, and how often it says something. */
const LEASE_MS = 5_000;
const BEAT_MS = 1_000;
/** Events that each beat looks at, though nothing was heard of them. */
const LOOKS = 50;
/** Events that are read at once, and entries of each. */
const EVENTS_AT_ONCE = 8;
const PAGE = 64;
/** How long what was told waits for more, to be marked together. */
const MARK_MS = 200;
/** Characters of the parts of an id that are hashes: 132 bits. */
const HASH_LENGTH = 22;

/**
 * What is to be told of all events in Redis, to one publisher at a time.
 *
 * DETACHED -> `attach` -> WAITING <-> PUBLISHER -> `detach` -> DETACHED. The turn is a lease in
 * Redis: whoever has it reads the streams behind their marks, and goes on by the news that every
 * instance hears. News is only a hint: what is read comes from the streams, and every stream is
 * looked at now and then. A publisher that says nothing for the time of the lease loses its turn.
 */
export class RedisChangeOutbox implements ChangeOutbox {
  readonly #options: RedisChangeOutboxOptions;
  #reader: OutboxReader | undefined;
  #outboxId = '';
  #isPublisher = false;
  /** By our own clock, a little early rather than late. */
  #turnEndsAtMs = 0;
  /** Events that may have more than was read. */
  readonly #behind = new Set<string>();
  /** How far each event was read. */
  readonly #read = new Map<string, Place>();
  /** The newest change that was heard of. */
  readonly #heardSeqs = new Map<string, number>();
  /** What was read and not handed out. */
  #ready: OutboxEntry[] = [];
  /** What was told and is not marked yet. */
  readonly #marks = new Map<string, Place>();
  /** Events that this round has not looked at. */
  #round: string[] = [];
  #mustLookAtAll = false;
  #droppedCount = 0;
  #cancelBeat: (() => void) | undefined;
  #cancelMark: (() => void) | undefined;

  constructor(options: RedisChangeOutboxOptions) {
    this.#options = options;
  }

  async attach(reader: OutboxReader): Promise<void> {
    const recordKey = this.#options.recordKey();
    if (recordKey === '') throw new TypeError('the store has not been started');
    this.#outboxId = hash(recordKey, 'outbox');
    this.#reader = reader;
    this.#droppedCount = 0;
    this.#armBeat(BEAT_MS);
    await this.#beat(reader);
  }

  async read(limit: number): Promise<readonly OutboxEntry[]> {
    if (this.#ready.length === 0 && this.#hasTurn()) await this.#readOn(this.#ready);
    return this.#hasTurn() ? this.#ready.splice(0, limit) : [];
  }

  markPublished(position: string): void {
    const [tag = '', epoch = '', seq = ''] = position.split(' ');
    const place = { epoch: Number(epoch), seq: Number(seq) };
    const marked = this.#marks.get(tag);
    if (marked !== undefined && !isBefore(marked, place)) return;
    this.#marks.set(tag, place);
    this.#cancelMark ??= this.#options.timers.after(MARK_MS, () => {
      this.#cancelMark = undefined;
      // What cannot be marked now is marked with the next, or told once more.
      void this.#writeMarks();
    });
  }

  async detach(): Promise<void> {
    const wasPublisher = this.#isPublisher;
    this.close();
    if (!wasPublisher) return;
    const { link, instance } = this.#options;
    await this.#writeMarks();
    // If it cannot be given back it ends by itself.
    await link.call('giveTurn', this.#key(TURN), [instance, TURN_IS_FREE]).catch(() => undefined);
  }

  /** Gives nothing more, and leaves the turn to end by itself. */
  close(): void {
    this.#reader = undefined;
    this.#forget();
    this.#cancelBeat?.();
    this.#cancelMark?.();
    this.#cancelMark = undefined;
  }

  outboxStats(): OutboxStats {
    let unread = this.#ready.length;
    for (const tag of this.#behind) {
      const read = this.#read.get(tag);
      if (read !== undefined) unread += Math.max(0, (this.#heardSeqs.get(tag) ?? 0) - read.seq);
    }
    return { unread, dropped: this.#droppedCount, isPublisher: this.#isPublisher };
  }

  /** Hears that an event has changed. */
  onChange(tag: string, seq: number): void {
    if (!this.#isPublisher) return;
    this.#heardSeqs.set(tag, seq);
    this.#behind.add(tag);
    this.#reader?.onMore();
  }

  /** Some of the news may not have come. */
  onConnected(): void {
    this.#mustLookAtAll = true;
  }

  /** The publisher has left. */
  onTurnIsFree(): void {
    if (this.#reader !== undefined) this.#beat(this.#reader).catch(() => undefined);
  }

  #hasTurn(): boolean {
    return this.#isPublisher && this.#options.clock.nowMs() < this.#turnEndsAtMs;
  }

  #armBeat(delayMs: number): void {
    this.#cancelBeat?.();
    this.#cancelBeat = this.#options.timers.after(delayMs, () => {
      this.#armBeat(BEAT_MS);
      // Whoever cannot be reached now is reached by the next beat.
      if (this.#reader !== undefined) this.#beat(this.#reader).catch(() => undefined);
    });
  }

  /** Takes or keeps the turn, and looks whether something was not heard of. */
  async #beat(reader: OutboxReader): Promise<void> {
    const { link, clock, instance } = this.#options;
    const askedAtMs = clock.nowMs();
    let othersMs: number;
    try {
      othersMs = Number(await link.call('takeTurn', this.#key(TURN), [instance, LEASE_MS]));
    } catch (error) {
      if (!this.#hasTurn()) this.#loseTurn();
      throw error;
    }
    if (reader !== this.#reader) return;
    if (othersMs > 0) {
      // Whoever has it may be dead: it is asked for as soon as it ends.
      this.#armBeat(Math.min(othersMs, BEAT_MS));
      return this.#loseTurn();
    }
    this.#turnEndsAtMs = askedAtMs + LEASE_MS;
    if (!this.#isPublisher) {
      this.#isPublisher = true;
      this.#mustLookAtAll = true;
    }
    await this.#look(reader);
  }

  #loseTurn(): void {
    if (!this.#isPublisher) return;
    this.#forget();
    this.#reader?.onRevoked();
  }

  #forget(): void {
    this.#isPublisher = false;
    this.#behind.clear();
    this.#read.clear();
    this.#heardSeqs.clear();
    this.#ready = [];
    this.#round = [];
  }

  async #look(reader: OutboxReader): Promise<void> {
    const isWhole = this.#mustLookAtAll;
    if (isWhole || this.#round.length === 0) {
      this.#round = (await this.#options.eventIds()).map(eventTag);
    }
    if (reader !== this.#reader || !this.#isPublisher) return;
    if (isWhole) this.#mustLookAtAll = false;
    const tags = this.#round.splice(0, isWhole ? this.#round.length : LOOKS);
    for (const tag of tags) this.#behind.add(tag);
    if (tags.length > 0 || this.#ready.length > 0) reader.onMore();
  }

  /** Reads some of the events that may have more, until there is something to hand out. */
  async #readOn(ready: OutboxEntry[]): Promise<void> {
    while (ready.length === 0 && ready === this.#ready && this.#behind.size > 0) {
      const tags = [...this.#behind].slice(0, EVENTS_AT_ONCE);
      for (const tag of tags) this.#behind.delete(tag);
      const pages = await Promise.allSettled(tags.map((tag) => this.#readEvent(tag, ready)));
      for (const [index, page] of pages.entries()) {
        const hasMore = page.status === 'rejected' || page.value;
        if (hasMore && ready === this.#ready) this.#behind.add(tags[index] ?? '');
      }
      const failed = pages.find((page) => page.status === 'rejected');
      if (failed !== undefined && ready.length === 0) throw failed.reason;
    }
  }

  /** Returns whether there may be more. */
  async #readEvent(tag: string, ready: OutboxEntry[]): Promise<boolean> {
    const read = this.#read.get(tag);
    const args = [read?.epoch ?? '', read?.seq ?? '', PAGE];
    const reply = await this.#options.link.call('untold', this.#key(tag), args);
    // The turn was lost meanwhile.
    if (ready !== this.#ready) return false;
    const [epoch, seq, ...texts] = reply as readonly (number | string)[];
    if (epoch === undefined) return false;
    const from: Place = { epoch: Number(epoch), seq: Number(seq) };
    let place = from;
    for (const text of texts) place = this.#take(tag, place, String(text));
    this.#read.set(tag, place);
    return texts.length === PAGE && isBefore(from, place);
  }

  #take(tag: string, from: Place, text: string): Place {
    const batch = changesOf(text);
    let place = from;
    for (const change of batch.changes) {
      const next = { epoch: batch.epoch, seq: change.seq };
      if (!isBefore(place, next)) continue;
      if (next.epoch === place.epoch) this.#droppedCount += next.seq - place.seq - 1;
      const position = `${tag} ${next.epoch} ${next.seq}`;
      this.#ready.push({ id: this.#idOf(tag, batch.epoch, change), position, change });
      place = next;
    }
    return place;
  }

  /**
   * Of a sale, and of money that must go back, the id is made of the lock: Redis may lose its
   * memory, and they are told once more then, from what the ledger knows.
   */
  #idOf(tag: string, epoch: number, change: LockChange): string {
    const outboxId = this.#outboxId;
    if (change.type === 'confirmed') return `${outboxId}-${change.lockId}-confirmed`;
    if (change.type === 'refund-required') {
      return `${outboxId}-${change.lockId}-refund-${hash('order', textOrNone(change.orderId))}`;
    }
    return `${outboxId}-${tag}-${epoch}-${change.seq}`;
  }

  async #writeMarks(): Promise<void> {
    const { link } = this.#options;
    const writing = [...this.#marks].map(async ([tag, place]) => {
      await link.call('markTold', this.#key(tag), [place.epoch, place.seq]);
      if (this.#marks.get(tag) === place) this.#marks.delete(tag);
    });
    await Promise.allSettled(writing);
  }

  #key(tag: string): string {
    return eventKey(this.#options.prefix, tag);
  }
}

function isBefore(a: Place, b: Place): boolean {
  return a.epoch < b.epoch || (a.epoch === b.epoch && a.seq < b.seq);
}

function hash(key: string, text: string): string {
  return hmacSha256(key, text).slice(0, HASH_LENGTH);
}
