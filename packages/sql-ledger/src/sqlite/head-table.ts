import { undamaged } from '../ledger-error.js';
import { EMPTY_HEAD, headChecksum } from '../record/snapshot-rows.js';
import type { LedgerHead } from '../record/snapshot-rows.js';
import { statement } from './database.js';
import type { Connection } from './database.js';

/** The one row that says at which change the snapshot stands. */
export class HeadTable {
  readonly #get;
  readonly #upsert;

  constructor(db: Connection) {
    this.#get = statement(
      db,
      `SELECT seq, changed_at_ms, event_count, lock_count, request_count, checksum FROM head`,
    );
    this.#upsert = statement(
      db,
      `INSERT INTO head (id, seq, changed_at_ms, event_count, lock_count, request_count, checksum)
       VALUES (1, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, changed_at_ms = excluded.changed_at_ms,
         event_count = excluded.event_count, lock_count = excluded.lock_count,
         request_count = excluded.request_count, checksum = excluded.checksum`,
    );
  }

  read(): LedgerHead {
    const row = this.#get.get();
    if (row === undefined) return EMPTY_HEAD;
    const [seq = 0, changedAtMs = 0, eventCount = 0, lockCount = 0, requestCount = 0, checksum] =
      row.map(Number);
    const head = { seq, changedAtMs, eventCount, lockCount, requestCount };
    undamaged(headChecksum(head) === checksum, () => `the snapshot's head was altered`);
    return head;
  }

  write(head: LedgerHead): void {
    const { seq, changedAtMs, eventCount, lockCount, requestCount } = head;
    this.#upsert.run(seq, changedAtMs, eventCount, lockCount, requestCount, headChecksum(head));
  }
}
