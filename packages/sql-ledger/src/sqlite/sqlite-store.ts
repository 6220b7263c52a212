import { mkdirSync } from 'node:fs';

import { LedgerError, messageOf } from '../ledger-error.js';
import type { ChangeBlock } from '../record/change-block.js';
import type { Fold, FoldNeeds, FoldRows } from '../record/fold.js';
import type { LedgerStore } from '../record/ledger-store.js';
import { keyOf, valueOf } from '../record/snapshot-rows.js';
import type { EventSnapshot } from '../record/snapshot-rows.js';
import { AcknowledgedMark } from './acknowledged-mark.js';
import { connect, inTransaction, numberPragma, statement } from './database.js';
import type { Connection } from './database.js';
import { ledgerFiles } from './ledger-files.js';
import { LedgerTables } from './ledger-tables.js';
import { migrate } from './migrations.js';
import { OutboxTable } from './outbox-table.js';
import { ProcessLock } from './process-lock.js';
import { makeTokenKey, readTokenKey } from './token-key.js';

export interface SqliteStoreOptions {
  /** Made when it is not there. */
  readonly folder: string;
  /**
   * Default without a bound. Most pages of 4,096 bytes; a write that needs more fails as on a full
   * disk.
   */
  readonly pagesMax?: number | undefined;
  /** Called at every step of the writing, for tests that end the process there. */
  readonly onStep?: ((step: StoreStep) => void) | undefined;
}

type StoreStep =
  `${'write' | 'fold' | 'mark' | 'prune'}: ${'begin' | 'inserted' | 'committed' | 'marked'}`;

/**
 * Pages of the write-ahead log after which SQLite copies it into the database, a few milliseconds
 * each time.
 */
const CHECKPOINT_PAGES = 4_000;
const CACHE_KIB = 65_536;
/** Pages given back to the file system at once. */
const VACUUM_PAGES = 256;

/** The record in an SQLite file: write-ahead log, flushed with every commit. */
export class SqliteStore implements LedgerStore {
  readonly #options: SqliteStoreOptions;
  readonly #files: ReturnType<typeof ledgerFiles>;
  readonly #lock: ProcessLock;
  readonly #mark: AcknowledgedMark;
  #db: Connection | undefined;
  #tables: LedgerTables | undefined;
  #outbox: OutboxTable | undefined;

  constructor(options: SqliteStoreOptions) {
    this.#options = options;
    this.#files = ledgerFiles(options.folder);
    this.#lock = new ProcessLock(this.#files.lock);
    this.#mark = new AcknowledgedMark(this.#files.mark);
  }

  open(): { readonly tokenKey: string } {
    const { folder, pagesMax } = this.#options;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.#lock.acquire(folder);
    const db = connect(this.#files.database);
    this.#db = db;
    return this.#readable(() => {
      // Takes effect in a new file only, and must come before the first table.
      db.exec('PRAGMA auto_vacuum = INCREMENTAL');
      db.exec('PRAGMA journal_mode = WAL');
      db.exec('PRAGMA synchronous = FULL');
      db.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
      db.exec(`PRAGMA cache_size = -${CACHE_KIB}`);
      if (pagesMax !== undefined) db.exec(`PRAGMA max_page_count = ${pagesMax}`);
      migrate(db, () => makeTokenKey(db));
      this.#tables = new LedgerTables(db);
      this.#outbox = new OutboxTable(db);
      return { tokenKey: readTokenKey(db) };
    });
  }

  head() {
    return this.#readable(() => this.#open().tables.head.read());
  }

  acknowledgedSeq(): number {
    return this.#mark.read();
  }

  events() {
    return this.#readablePages(this.#open().tables.events.pages());
  }

  locks() {
    return this.#readablePages(this.#open().tables.locks.pages());
  }

  requests() {
    return this.#readablePages(this.#open().tables.requests.pages());
  }

  blocksAfter(seq: number) {
    return this.#readablePages(this.#open().tables.changes.after(seq));
  }

  write(blocks: readonly ChangeBlock[]): void {
    this.#commit('write', ({ changes }) => {
      for (const block of blocks) changes.insert(block);
    });
    const last = blocks.at(-1);
    if (last !== undefined) this.#mark.write(last.lastSeq);
    this.#options.onStep?.('write: marked');
  }

  publishedSeq(): number | undefined {
    return this.#readable(() => this.#outbox?.read());
  }

  markPublished(seq: number): void {
    this.#commit('mark', () => this.#outbox?.write(seq));
  }

  blockBegin(seq: number): number | undefined {
    return this.#readable(() => this.#open().tables.changes.begin(seq));
  }

  readFor(needs: FoldNeeds): FoldRows {
    const { events, locks } = this.#open().tables;
    const restocked = events
      .byKeys(needs.restocked)
      .map((row) => valueOf('event', row) as EventSnapshot);
    const categories = restocked.flatMap(({ eventId, categories: all }) =>
      all.map(({ categoryId }) => keyOf([eventId, categoryId])),
    );
    const rows = locks.readFor(needs, categories);
    const keys = new Set(needs.events);
    for (const { category } of rows) keys.add(keyOf((JSON.parse(category) as unknown[])[0]));
    return { locks: rows, events: events.byKeys([...keys]) };
  }

  writeFold(fold: Fold): void {
    this.#commit('fold', ({ events, head, locks, requests }) => {
      events.write(fold.events);
      locks.write(fold.locks, fold.forgottenLockIds);
      requests.write(fold.requests, fold.forgottenRequestCount);
      head.write(fold.head);
    });
  }

  prune({ seq, instantMs }: { readonly seq: number; readonly instantMs: number }): boolean {
    const { db } = this.#open();
    const count = this.#commit('prune', ({ changes }) => changes.prune(seq, instantMs));
    const freePages = numberPragma(db, 'freelist_count');
    // As a query: the statement gives back one page with every row that is asked for.
    if (freePages > 0) statement(db, `PRAGMA incremental_vacuum(${VACUUM_PAGES})`).all();
    return count > 0 || freePages > VACUUM_PAGES;
  }

  close(): void {
    this.#mark.close();
    this.#emptyLog();
    this.#db?.close();
    this.#db = undefined;
    this.#lock.release();
  }

  /** Moves the write-ahead log into the database, so that a stopped ledger is one file. */
  #emptyLog(): void {
    if (this.#tables === undefined) return;
    try {
      // Not at any price: whoever reads meanwhile is not waited for.
      this.#db?.exec('PRAGMA busy_timeout = 0');
      this.#db?.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    } catch {
      // Nothing is lost by it: the log is as durable as the database, and the next start reads
      // both.
    }
  }

  #commit<Result>(
    what: 'write' | 'fold' | 'mark' | 'prune',
    work: (tables: LedgerTables) => Result,
  ): Result {
    const { onStep } = this.#options;
    const { db, tables } = this.#open();
    onStep?.(`${what}: begin`);
    const result = inTransaction(db, () => {
      const value = work(tables);
      onStep?.(`${what}: inserted`);
      return value;
    });
    onStep?.(`${what}: committed`);
    return result;
  }

  #open(): { readonly db: Connection; readonly tables: LedgerTables } {
    if (this.#db === undefined || this.#tables === undefined) {
      throw new LedgerError('LEDGER_CLOSED', 'the ledger is not open');
    }
    return { db: this.#db, tables: this.#tables };
  }

  *#readablePages<Page>(pages: Iterable<Page>): Generator<Page> {
    try {
      yield* pages;
    } catch (error) {
      throw asDamage(error, this.#files.database);
    }
  }

  /** What SQLite says of a file that it cannot read is damage, named as such. */
  #readable<Result>(read: () => Result): Result {
    try {
      return read();
    } catch (error) {
      throw asDamage(error, this.#files.database);
    }
  }
}

/** What says nothing about the file, only about the moment. */
const NO_DAMAGE = /^SQLITE_(?:BUSY|FULL|LOCKED|NOMEM|READONLY)/;

/** The error as damage of the file, if the database engine says that it cannot read it. */
function asDamage(error: unknown, file: string): unknown {
  const code = (error as { readonly code?: unknown } | null)?.code;
  if (typeof code !== 'string' || !code.startsWith('SQLITE_') || NO_DAMAGE.test(code)) return error;
  const message = `the ledger is damaged: ${file}: ${messageOf(error)}`;
  return new LedgerError('LEDGER_DAMAGED', message, { cause: error });
}
