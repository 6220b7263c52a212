import type { FoldNeeds } from '../record/fold.js';
import type { LockList, LockRow } from '../record/snapshot-rows.js';
import { pagesOf, statement } from './database.js';
import type { Connection, Row } from './database.js';

const ROWS_PER_PAGE = 2_000;
const COLUMNS = 'lock_id, list, list_seq, category, checksum, body';

/** The snapshot's locks. */
export class LockTable {
  readonly #page;
  readonly #byIds;
  readonly #ended;
  readonly #oldestUnsettled;
  readonly #upsert;
  readonly #remove;

  constructor(db: Connection) {
    this.#page = statement(
      db,
      `SELECT rowid, ${COLUMNS} FROM locks WHERE rowid > ? ORDER BY rowid LIMIT ${ROWS_PER_PAGE}`,
    );
    const ids = (parameter: string) => `(SELECT value FROM json_each(${parameter}))`;
    this.#byIds = statement(db, `SELECT ${COLUMNS} FROM locks WHERE lock_id IN ${ids('?')}`);
    this.#ended = statement(
      db,
      `SELECT ${COLUMNS} FROM locks WHERE list = 'ended' ORDER BY list_seq LIMIT ?`,
    );
    this.#oldestUnsettled = statement(
      db,
      `SELECT ${COLUMNS} FROM locks
       WHERE list = 'unsettled' AND category = ? AND lock_id NOT IN ${ids('?')}
       ORDER BY list_seq LIMIT 1`,
    );
    this.#upsert = statement(
      db,
      `INSERT INTO locks (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (lock_id) DO UPDATE SET list = excluded.list, list_seq = excluded.list_seq,
         checksum = excluded.checksum, body = excluded.body`,
    );
    this.#remove = statement(db, `DELETE FROM locks WHERE lock_id IN ${ids('?')}`);
  }

  *pages(): Generator<readonly LockRow[]> {
    for (const page of pagesOf<Row>((last) => this.#page.all(last?.[0] ?? -1))) {
      yield page.map(([, ...row]) => rowOf(row));
    }
  }

  /**
   * The rows that a fold needs, each once. `categories` are those of the events that were
   * restocked.
   */
  readFor(needs: FoldNeeds, categories: readonly string[]): LockRow[] {
    const lockIds = JSON.stringify(needs.lockIds);
    const rows = [
      ...this.#byIds.all(lockIds),
      ...this.#ended.all(needs.endedCount),
      ...categories.flatMap((category) => this.#oldestUnsettled.all(category, lockIds)),
    ].map(rowOf);
    return [...new Map(rows.map((row) => [row.key, row])).values()];
  }

  write(upserts: readonly LockRow[], removedLockIds: readonly string[]): void {
    for (const { key, list, order, category, checksum, body } of upserts) {
      this.#upsert.run(key, list, order, category, checksum, body);
    }
    if (removedLockIds.length > 0) this.#remove.run(JSON.stringify(removedLockIds));
  }
}

function rowOf([lockId, list, order, category, checksum, body]: Row): LockRow {
  return {
    key: String(lockId),
    list: String(list) as LockList,
    order: Number(order),
    category: String(category),
    checksum: Number(checksum),
    body: String(body),
  };
}
