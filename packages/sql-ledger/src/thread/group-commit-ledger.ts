import { hmacSha256 } from '@ticket-locks/lock-engine';
import type {
  ChangeOutbox,
  LedgerContents,
  LockChange,
  LockLedger,
  LockSnapshot,
  OutboxEntry,
  OutboxReader,
  OutboxStats,
} from '@ticket-locks/lock-engine';

import { LedgerError } from '../ledger-error.js';
import type { LedgerErrorCode } from '../ledger-error.js';
import { blocksOf } from '../record/change-block.js';
import type { EventSnapshot, LockRecordSnapshot } from '../record/snapshot-rows.js';
import type { LedgerChannel, LedgerListener, LedgerReply, SliceKind } from './ledger-message.js';
import { OutboxTail } from './outbox-tail.js';

export interface GroupCommitOptions {
  /** Where the record lies, for messages. */
  readonly place: string;
  /** Told what somebody should look at while the ledger goes on. Default: nobody. */
  readonly onWarning?: ((message: string) => void) | undefined;
  /** Runs something after the present turn of the event loop. Default `setImmediate`. */
  readonly defer?: ((work: () => void) => void) | undefined;
}

/** Characters of the outbox's id: 132 bits, made of the key and not giving it away. */
const OUTBOX_ID_LENGTH = 22;

/** Changes that become durable together, and the promise of all who wait for them. */
class Batch {
  readonly changes: LockChange[] = [];
  readonly written: Promise<void>;
  resolve!: () => void;
  reject!: (error: Error) => void;

  constructor() {
    this.written = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    // Whoever appended hears of it; a rejection that nobody waits for any more is no news.
    this.written.catch(() => undefined);
  }
}

/**
 * A ledger whose writing is done elsewhere, one flush at a time: what arrives while a flush runs
 * goes into the next one.
 *
 * NEW -> `load` -> OPEN -> `close` -> CLOSED. A failed flush, or the end of the other side, leads
 * to FAILED: what was not yet told to be durable rejects, and so does everything after it, with
 * `LEDGER_FAILED` and the first cause.
 */
export class GroupCommitLedger implements LockLedger, ChangeOutbox {
  readonly #channel: LedgerChannel;
  readonly #options: GroupCommitOptions;
  readonly #defer: (work: () => void) => void;
  #mode: 'new' | 'open' | 'failed' | 'closed' = 'new';
  #failure: LedgerError | undefined;
  #filling = new Batch();
  #flying: Batch | undefined;
  #isSendPlanned = false;
  /** The request that is neither a write. */
  #asked: { resolve: (reply: LedgerReply) => void; reject: (error: Error) => void } | undefined;
  /** Reads of the publisher, in the order in which they are answered. */
  #reading: {
    resolve: (changes: LockChange[]) => void;
    reject: (error: Error) => void;
  }[] = [];
  #tail: OutboxTail | undefined;
  #isMarkPlanned = false;
  readonly #slices: Record<SliceKind, unknown[]> = {
    events: [],
    locks: [],
    requests: [],
    changes: [],
  };

  constructor(channel: LedgerChannel, options: GroupCommitOptions) {
    this.#channel = channel;
    this.#options = options;
    this.#defer = options.defer ?? setImmediate;
    const listener: LedgerListener = {
      onReply: (reply) => this.#onReply(reply),
      onEnd: (cause) => this.#fail('LEDGER_FAILED', cause.message, cause),
    };
    channel.listen(listener);
  }

  async load(): Promise<LedgerContents> {
    if (this.#mode !== 'new') throw this.#closed();
    const opened = await this.#ask('open');
    if (opened.type !== 'opened') throw this.#closed();
    this.#mode = 'open';
    const { seq, changedAtMs, tokenKey, publishedSeq } = opened;
    const snapshot = seq === 0 ? undefined : this.#snapshot(seq, changedAtMs);
    const changes = this.#slices.changes.splice(0) as LockChange[];
    if (publishedSeq !== undefined) {
      const newestSeq = changes.at(-1)?.seq ?? seq;
      const outboxId = hmacSha256(tokenKey, 'outbox').slice(0, OUTBOX_ID_LENGTH);
      const read = (afterSeq: number, limit: number) => this.#read(afterSeq, limit);
      this.#tail = new OutboxTail({ outboxId, publishedSeq, newestSeq, read });
    }
    return { snapshot, changes, tokenKey };
  }

  append(changes: readonly LockChange[]): Promise<void> {
    if (this.#mode !== 'open') return Promise.reject(this.#failure ?? this.#closed());
    if (changes.length === 0) return this.#newest();
    const batch = this.#filling;
    for (const change of changes) batch.changes.push(change);
    if (this.#flying === undefined) this.#planSend();
    return batch.written;
  }

  async attach(reader: OutboxReader): Promise<void> {
    if (this.#mode !== 'open') throw this.#failure ?? this.#closed();
    if (this.#tail === undefined) {
      throw new TypeError('a ledger has an outbox when it is made with the option "outbox"');
    }
    this.#tail.attach(reader);
  }

  async read(limit: number): Promise<readonly OutboxEntry[]> {
    if (this.#mode !== 'open') throw this.#failure ?? this.#closed();
    return (await this.#tail?.read(limit)) ?? [];
  }

  markPublished(position: string): void {
    if (this.#mode !== 'open' || this.#tail?.mark(Number(position)) !== true) return;
    if (this.#isMarkPlanned) return;
    this.#isMarkPlanned = true;
    // One message for all the marks of a turn of the event loop.
    this.#defer(() => this.#sendMark());
  }

  async detach(): Promise<void> {
    this.#sendMark();
    this.#tail?.detach();
  }

  outboxStats(): OutboxStats {
    return this.#tail?.stats() ?? { unread: 0, dropped: 0, isPublisher: false };
  }

  async close(): Promise<void> {
    if (this.#mode === 'closed') return;
    this.#sendMark();
    if (this.#mode === 'open') {
      await this.#newest().catch(() => undefined);
    }
    const wasOpened = this.#mode !== 'new';
    const mayAnswer = this.#mode === 'open' || this.#mode === 'failed';
    this.#mode = 'closed';
    if (wasOpened && mayAnswer && this.#failure?.cause === undefined) {
      await this.#ask('close').catch(() => undefined);
    }
    await this.#channel.end();
  }

  /** Resolves when all that was appended is durable. */
  #newest(): Promise<void> {
    if (this.#filling.changes.length > 0) return this.#filling.written;
    return this.#flying?.written ?? Promise.resolve();
  }

  #planSend(): void {
    if (this.#isSendPlanned) return;
    this.#isSendPlanned = true;
    // Whoever appends in the same turn of the event loop travels with it.
    this.#defer(() => {
      this.#isSendPlanned = false;
      if (this.#flying === undefined) this.#send();
    });
  }

  #send(): void {
    if (this.#mode === 'failed' || this.#filling.changes.length === 0) return;
    const batch = this.#filling;
    this.#flying = batch;
    this.#filling = new Batch();
    this.#channel.post({ type: 'write', blocks: blocksOf(batch.changes) });
  }

  #sendMark(): void {
    if (!this.#isMarkPlanned) return;
    this.#isMarkPlanned = false;
    if (this.#mode !== 'open' || this.#tail === undefined) return;
    this.#channel.post({ type: 'mark', seq: this.#tail.publishedSeq });
  }

  #read(afterSeq: number, limit: number): Promise<readonly LockChange[]> {
    return new Promise((resolve, reject) => {
      this.#reading.push({ resolve, reject });
      this.#channel.post({ type: 'read', afterSeq, limit });
    });
  }

  #onReply(reply: LedgerReply): void {
    switch (reply.type) {
      case 'slice': {
        const slice = JSON.parse(reply.json) as unknown[];
        for (const value of slice) this.#slices[reply.kind].push(value);
        return;
      }
      case 'written': {
        const batch = this.#flying;
        this.#flying = undefined;
        this.#send();
        batch?.resolve();
        if (batch !== undefined) this.#tail?.append(batch.changes);
        return;
      }
      case 'read':
        return this.#reading.shift()?.resolve(JSON.parse(reply.json) as LockChange[]);
      case 'warning':
        return this.#options.onWarning?.(`${this.#options.place}: ${reply.message}`);
      case 'failed':
        return this.#fail(reply.code as LedgerErrorCode, reply.message);
      case 'opened':
      case 'closed':
        this.#asked?.resolve(reply);
        this.#asked = undefined;
    }
  }

  #ask(type: 'open' | 'close'): Promise<LedgerReply> {
    return new Promise((resolve, reject) => {
      this.#asked = { resolve, reject };
      this.#channel.post({ type });
    });
  }

  #fail(code: LedgerErrorCode, reason: string, cause?: Error): void {
    const message = `${this.#options.place}: ${reason}`;
    this.#failure ??= new LedgerError(code, message, cause && { cause });
    const failure = this.#failure;
    if (this.#mode !== 'closed') this.#mode = 'failed';
    this.#asked?.reject(failure);
    this.#asked = undefined;
    for (const { reject } of this.#reading.splice(0)) reject(failure);
    this.#flying?.reject(failure);
    this.#filling.reject(failure);
  }

  #snapshot(seq: number, changedAtMs: number): LockSnapshot {
    const locks = this.#taken<LockRecordSnapshot>('locks');
    const active = locks.filter(({ status }) => status === 'ACTIVE');
    active.sort((a, b) => a.expiresAtMs - b.expiresAtMs || a.placedSeq - b.placedSeq);
    return {
      format: 1,
      seq,
      changedAtMs,
      events: this.#taken<EventSnapshot>('events'),
      // The others are in the order of the changes which put each into its list.
      locks: [...active, ...locks.filter(({ status }) => status !== 'ACTIVE')],
      requests: this.#taken<LockSnapshot['requests'][number]>('requests'),
    };
  }

  /** The rows' values in their order; nothing is kept of them. */
  #taken<Value>(kind: SliceKind): Value[] {
    const rows = this.#slices[kind].splice(0) as [number, Value][];
    return rows.sort(([a], [b]) => a - b).map(([, value]) => value);
  }

  #closed(): LedgerError {
    const message = `${this.#options.place}: the ledger is ${this.#mode === 'new' ? 'not open yet' : this.#mode}`;
    return new LedgerError('LEDGER_CLOSED', message);
  }
}
