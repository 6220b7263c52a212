import type { SnapshotRow } from '../record/snapshot-rows.js';
import { pagesOf, statement } from './database.js';
import type { Connection, Row } from './database.js';

const ROWS_PER_PAGE = 2_000;

/** The snapshot's remembered requests. */
export class RequestTable {
  readonly #page;
  readonly #insert;
  readonly #removeOldest;

  constructor(db: Connection) {
    this.#page = statement(
      db,
      `SELECT seq, checksum, body FROM requests WHERE seq > ? ORDER BY seq LIMIT ${ROWS_PER_PAGE}`,
    );
    this.#insert = statement(db, 'INSERT INTO requests (seq, checksum, body) VALUES (?, ?, ?)');
    this.#removeOldest = statement(
      db,
      'DELETE FROM requests WHERE seq IN (SELECT seq FROM requests ORDER BY seq LIMIT ?)',
    );
  }

  *pages(): Generator<readonly SnapshotRow[]> {
    yield* pagesOf<SnapshotRow>((last) => this.#page.all(last?.order ?? -1).map(rowOf));
  }

  write(added: readonly SnapshotRow[], forgottenCount: number): void {
    for (const { order, checksum, body } of added) this.#insert.run(order, checksum, body);
    if (forgottenCount > 0) this.#removeOldest.run(forgottenCount);
  }
}

function rowOf([seq, checksum, body]: Row): SnapshotRow {
  return {
    key: String(seq),
    order: Number(seq),
    checksum: Number(checksum),
    body: String(body),
  };
}
