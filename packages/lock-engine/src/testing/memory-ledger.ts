import type { LockChange } from '../engine/lock-change.js';
import type {
  ChangeOutbox,
  OutboxEntry,
  OutboxReader,
  OutboxStats,
} from '../ports/change-outbox.js';
import type { LedgerContents, LockLedger } from '../ports/lock-ledger.js';

/** A ledger in memory that outlives the process that a test pretends to kill. */
export interface MemoryLedger extends LockLedger, ChangeOutbox {
  /** The process ends here: what was not flushed is gone, and the record is free to be opened. */
  crash(): void;
  /** The disk is gone: every `append` from now on is rejected. */
  breakDisk(): void;
  /** Another ledger on the same record, for the process after this one. */
  reopen(): MemoryLedger;
}

/** A ledger whose flushes wait until the test lets them run. */
export interface WaitingLedger extends MemoryLedger {
  /** Calls of `append` that wait. */
  readonly waitingCount: number;
  /** Makes what waits durable, and holds what comes then. */
  flush(): void;
  /** Makes what waits durable, and holds nothing any more. */
  letGo(): void;
}

/** When a ledger fails, and whether what it was given then is kept all the same. */
export interface Failure {
  readonly at: 'load' | 'append' | 'close';
  /** Calls that still succeed before; default 0. */
  readonly after?: number;
  /** Whether the changes of the failed `append` are in the record nevertheless; default not. */
  readonly kept?: boolean;
  /** Default an `Error` that says what failed. */
  readonly error?: unknown;
}

/** What outlives a process. */
interface MemoryRecord {
  readonly tokenKey: string;
  readonly changes: LockChange[];
  publishedSeq: number;
  openBy: LockLedger | undefined;
}

let recordCount = 0;

/** A ledger that keeps everything in memory and flushes as soon as what runs has run. */
export function memoryLedger(): MemoryLedger {
  return memoryLedgerOn(newRecord());
}

/** A ledger that makes nothing durable until the test says so: one flush for all that waits. */
export function ledgerThatWaits(): WaitingLedger {
  return new LedgerInMemory(newRecord(), 'waits');
}

/** A ledger that rejects one of its calls and takes nothing afterwards. */
export function ledgerThatFails(failure: Failure): MemoryLedger {
  const ledger = memoryLedger();
  const { at, after = 0, kept = false } = failure;
  const error = failure.error ?? new Error(`the ledger fails at ${at}`);
  let left = after;
  // What is thrown may be anything.
  // oxlint-disable-next-line typescript/prefer-promise-reject-errors
  const rejected = () => Promise.reject(error);
  const fails = (call: Failure['at']) => call === at && (left -= 1) < 0;
  return {
    crash: () => ledger.crash(),
    breakDisk: () => ledger.breakDisk(),
    reopen: () => ledger.reopen(),
    attach: (reader) => ledger.attach(reader),
    read: (limit) => ledger.read(limit),
    markPublished: (position) => ledger.markPublished(position),
    detach: () => ledger.detach(),
    outboxStats: () => ledger.outboxStats(),
    load: async () => {
      return fails('load') ? rejected() : ledger.load();
    },
    append: async (changes) => {
      if (!fails('append')) return ledger.append(changes);
      if (kept) await ledger.append(changes);
      return rejected();
    },
    close: async () => {
      await ledger.close();
      if (fails('close')) await rejected();
    },
  };
}

function newRecord(): MemoryRecord {
  recordCount += 1;
  return {
    tokenKey: `token-key-${recordCount}`,
    changes: [],
    publishedSeq: 0,
    openBy: undefined,
  };
}

function memoryLedgerOn(record: MemoryRecord): LedgerInMemory {
  return new LedgerInMemory(record, 'flushes');
}

/** NEW -> `load` -> OPEN -> `close` or `crash` -> CLOSED. */
class LedgerInMemory implements WaitingLedger {
  readonly #record: MemoryRecord;
  #mode: 'new' | 'open' | 'closed' = 'new';
  #holds: boolean;
  /** What the next flush makes durable. */
  #waiting: LockChange[] = [];
  #flushed = deferred();
  #isBroken = false;
  #reader: OutboxReader | undefined;
  /** The newest change that the reader was given. */
  #readSeq = 0;
  waitingCount = 0;

  constructor(record: MemoryRecord, how: 'flushes' | 'waits') {
    this.#record = record;
    this.#holds = how === 'waits';
  }

  async load(): Promise<LedgerContents> {
    if (this.#mode !== 'new')
      throw new Error(`the ledger is loaded once, this one is ${this.#mode}`);
    if (this.#record.openBy !== undefined) throw new Error('the ledger is open elsewhere');
    this.#record.openBy = this;
    this.#mode = 'open';
    const { tokenKey, changes } = this.#record;
    return { tokenKey, snapshot: undefined, changes: copyOf(changes) };
  }

  append(changes: readonly LockChange[]): Promise<void> {
    if (this.#mode !== 'open') return Promise.reject(new Error(`the ledger is ${this.#mode}`));
    if (this.#isBroken) return Promise.reject(new Error('the disk of the ledger is gone'));
    this.#waiting.push(...copyOf(changes));
    this.waitingCount += 1;
    if (!this.#holds && this.waitingCount === 1) queueMicrotask(() => this.flush());
    return this.#flushed.promise;
  }

  async attach(reader: OutboxReader): Promise<void> {
    if (this.#mode !== 'open') throw new Error(`the ledger is ${this.#mode}`);
    this.#reader = reader;
    this.#readSeq = this.#record.publishedSeq;
  }

  async read(limit: number): Promise<readonly OutboxEntry[]> {
    if (this.#mode !== 'open') throw new Error(`the ledger is ${this.#mode}`);
    if (this.#reader === undefined) return [];
    const { changes, tokenKey } = this.#record;
    const next = copyOf(changes.filter(({ seq }) => seq > this.#readSeq).slice(0, limit));
    this.#readSeq = next.at(-1)?.seq ?? this.#readSeq;
    return next.map((change) => {
      const position = String(change.seq);
      return { id: `outbox-of-${tokenKey}-${position}`, position, change };
    });
  }

  markPublished(position: string): void {
    if (this.#mode !== 'open') return;
    this.#record.publishedSeq = Math.max(this.#record.publishedSeq, Number(position));
  }

  async detach(): Promise<void> {
    this.#reader = undefined;
  }

  outboxStats(): OutboxStats {
    const newestSeq = this.#record.changes.at(-1)?.seq ?? 0;
    const isPublisher = this.#reader !== undefined;
    return { unread: isPublisher ? newestSeq - this.#readSeq : 0, dropped: 0, isPublisher };
  }

  async close(): Promise<void> {
    if (this.#mode === 'closed') return;
    if (this.waitingCount > 0) await this.#flushed.promise;
    this.#letGoOfRecord();
  }

  flush(): void {
    if (this.#mode !== 'open' || this.waitingCount === 0) return;
    const { resolve } = this.#flushed;
    this.#record.changes.push(...this.#waiting);
    this.#waiting = [];
    this.waitingCount = 0;
    this.#flushed = deferred();
    resolve();
    this.#reader?.onMore();
  }

  letGo(): void {
    this.#holds = false;
    this.flush();
  }

  breakDisk(): void {
    this.#isBroken = true;
  }

  crash(): void {
    this.#waiting = [];
    this.waitingCount = 0;
    this.#letGoOfRecord();
  }

  reopen(): MemoryLedger {
    return memoryLedgerOn(this.#record);
  }

  #letGoOfRecord(): void {
    this.#mode = 'closed';
    if (this.#record.openBy === this) this.#record.openBy = undefined;
  }
}

/** As a record on a disk would give them back. */
function copyOf(changes: readonly LockChange[]): LockChange[] {
  return JSON.parse(JSON.stringify(changes)) as LockChange[];
}

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((fulfil) => {
    resolve = fulfil;
  });
  return { promise, resolve };
}
