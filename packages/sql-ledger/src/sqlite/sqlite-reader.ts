import { existsSync, statSync } from 'node:fs';

import { LedgerError } from '../ledger-error.js';
import type { OpenedRecord } from '../record/ledger-store.js';
import { AcknowledgedMark } from './acknowledged-mark.js';
import { connect, statement } from './database.js';
import type { Connection } from './database.js';
import { ledgerFiles } from './ledger-files.js';
import { LedgerTables } from './ledger-tables.js';
import { assertReadable } from './migrations.js';

/** Opens the ledger in the folder to read it. Throws `LEDGER_FORMAT` when there is none. */
export function openSqliteRecord(folder: string): OpenedRecord {
  const { db, mark, files } = opened(folder);
  db.exec('PRAGMA query_only = ON');
  assertReadable(db);
  // One instant for all that is read.
  db.exec('BEGIN');
  return {
    place: files.database,
    reader: new LedgerTables(db).reader(() => mark.read()),
    problems: async () => {
      const rows = statement(db, 'PRAGMA integrity_check').all();
      return rows.map(([text]) => String(text)).filter((text) => text !== 'ok');
    },
    size: async () =>
      [files.database, `${files.database}-wal`]
        .filter((file) => existsSync(file))
        .reduce((sum, file) => sum + statSync(file).size, 0),
    close: async () => {
      // A reader keeps the log from being emptied for as long as it reads.
      db.exec('COMMIT');
      db.close();
    },
  };
}

/**
 * Writes the ledger as it is now into a file that is not there yet, while its service may go on.
 */
export function backUp(folder: string, file: string): void {
  if (existsSync(file)) throw new LedgerError('LEDGER_FORMAT', `${file} is there already`);
  const { db } = opened(folder);
  assertReadable(db);
  statement(db, 'VACUUM INTO ?').run(file);
  db.close();
}

function opened(folder: string): {
  readonly db: Connection;
  readonly mark: AcknowledgedMark;
  readonly files: ReturnType<typeof ledgerFiles>;
} {
  const files = ledgerFiles(folder);
  if (!existsSync(files.database)) {
    throw new LedgerError('LEDGER_FORMAT', `there is no ledger in ${folder}`);
  }
  return { db: connect(files.database), mark: new AcknowledgedMark(files.mark), files };
}
