import Database from 'libsql';

import { LedgerError, messageOf } from '../ledger-error.js';

export type Connection = InstanceType<typeof Database>;
type Value = number | string | null;
export type Row = readonly Value[];

/** One statement, its rows as arrays. */
export interface Statement {
  run(...values: Value[]): void;
  get(...values: Value[]): Row | undefined;
  all(...values: Value[]): Row[];
}

/**
 * How long a writer waits for a reader that is in its way, which in WAL mode is a moment at most.
 */
const BUSY_TIMEOUT_MS = 5_000;

/** Opens a database file, and says which one when it cannot. */
export function connect(file: string): Connection {
  try {
    return new Database(file, { timeout: BUSY_TIMEOUT_MS });
  } catch (error) {
    throw new LedgerError('LEDGER_FAILED', `cannot open ${file}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

export function statement(db: Connection, sql: string): Statement {
  const prepared = db.prepare(sql);
  if (prepared.reader) prepared.raw();
  return {
    run: (...values) => void prepared.run(...values),
    get: (...values) => prepared.get(...values) as Row | undefined,
    all: (...values) => prepared.all(...values) as Row[],
  };
}

/** The number that a pragma answers. */
export function numberPragma(db: Connection, name: string): number {
  return Number(statement(db, `PRAGMA ${name}`).get()?.[0] ?? 0);
}

/** Runs the work in one transaction: all of it is durable when this returns, or none is kept. */
export function inTransaction<Result>(db: Connection, work: () => Result): Result {
  db.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    db.exec('COMMIT');
    return result;
  } catch (error) {
    // A failed statement may have rolled back by itself.
    if (db.inTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

/** Reads a table in pages, from a key on. */
export function* pagesOf<Item>(
  next: (after: Item | undefined) => Item[],
): Generator<readonly Item[]> {
  let page = next(undefined);
  while (page.length > 0) {
    yield page;
    page = next(page.at(-1));
  }
}
