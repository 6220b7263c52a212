import { crc32 } from 'node:zlib';

import { undamaged } from '../ledger-error.js';
import { statement } from './database.js';
import type { Connection } from './database.js';

/** The one row that says up to which change the publisher has told everything. */
export class OutboxTable {
  readonly #get;
  readonly #upsert;

  constructor(db: Connection) {
    this.#get = statement(db, 'SELECT published_seq, checksum FROM outbox');
    this.#upsert = statement(
      db,
      `INSERT INTO outbox (id, published_seq, checksum) VALUES (1, ?, ?)
       ON CONFLICT (id) DO UPDATE SET published_seq = excluded.published_seq,
         checksum = excluded.checksum`,
    );
  }

  read(): number | undefined {
    const row = this.#get.get();
    if (row === undefined) return undefined;
    const [seq, checksum] = row;
    undamaged(crc32(String(seq)) === checksum, () => `the mark of what was published was altered`);
    return Number(seq);
  }

  write(seq: number): void {
    this.#upsert.run(seq, crc32(String(seq)));
  }
}
