import type { SnapshotRow } from '../record/snapshot-rows.js';
import { pagesOf, statement } from './database.js';
import type { Connection, Row } from './database.js';

const ROWS_PER_PAGE = 200;
const COLUMNS = 'event, first_seq, checksum, body';

/** The snapshot's events with their categories. */
export class EventTable {
  readonly #page;
  readonly #byKeys;
  readonly #upsert;

  constructor(db: Connection) {
    this.#page = statement(
      db,
      `SELECT ${COLUMNS} FROM events WHERE (first_seq, event) > (?, ?)
       ORDER BY first_seq, event LIMIT ${ROWS_PER_PAGE}`,
    );
    this.#byKeys = statement(
      db,
      `SELECT ${COLUMNS} FROM events WHERE event IN (SELECT value FROM json_each(?))`,
    );
    this.#upsert = statement(
      db,
      `INSERT INTO events (${COLUMNS}) VALUES (?, ?, ?, ?)
       ON CONFLICT (event) DO UPDATE SET checksum = excluded.checksum, body = excluded.body`,
    );
  }

  *pages(): Generator<readonly SnapshotRow[]> {
    yield* pagesOf<SnapshotRow>((last) =>
      this.#page.all(last?.order ?? -1, last?.key ?? '').map(rowOf),
    );
  }

  byKeys(keys: readonly string[]): SnapshotRow[] {
    return this.#byKeys.all(JSON.stringify(keys)).map(rowOf);
  }

  write(rows: readonly SnapshotRow[]): void {
    for (const { key, order, checksum, body } of rows) this.#upsert.run(key, order, checksum, body);
  }
}

function rowOf([event, order, checksum, body]: Row): SnapshotRow {
  return {
    key: String(event),
    order: Number(order),
    checksum: Number(checksum),
    body: String(body),
  };
}
