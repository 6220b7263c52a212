import { LedgerError } from '../ledger-error.js';
import { inTransaction, numberPragma } from './database.js';
import type { Connection } from './database.js';

/** "TLLG": what kind of SQLite file this is. */
const APPLICATION_ID = 0x544c4c47;

/**
 * What made the tables what they are, one step after the other; `user_version` counts the steps
 * that were taken. A step is never changed once it was released: what is wrong with it, the next
 * one mends.
 */
const MIGRATIONS: readonly string[] = [
  `
  -- The key of the resume tokens: made with the ledger, the same ever after.
  CREATE TABLE token_key (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    value TEXT NOT NULL,
    checksum INTEGER NOT NULL
  ) STRICT;

  -- Changes in the order of seq; body is a JSON array of them.
  CREATE TABLE changes (
    first_seq INTEGER PRIMARY KEY,
    last_seq INTEGER NOT NULL,
    from_ms INTEGER NOT NULL,
    to_ms INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    body TEXT NOT NULL
  ) STRICT;

  -- The snapshot: which change it stands at, and its rows; body is JSON.
  CREATE TABLE head (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    seq INTEGER NOT NULL,
    changed_at_ms INTEGER NOT NULL,
    event_count INTEGER NOT NULL,
    lock_count INTEGER NOT NULL,
    request_count INTEGER NOT NULL,
    checksum INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE events (
    event TEXT PRIMARY KEY,
    first_seq INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    body TEXT NOT NULL
  ) STRICT;
  CREATE TABLE locks (
    lock_id TEXT PRIMARY KEY,
    list TEXT NOT NULL CHECK (list IN ('active', 'unsettled', 'ended')),
    list_seq INTEGER NOT NULL,
    category TEXT NOT NULL,
    checksum INTEGER NOT NULL,
    body TEXT NOT NULL
  ) STRICT;
  CREATE INDEX locks_ended ON locks (list_seq) WHERE list = 'ended';
  CREATE INDEX locks_unsettled ON locks (category, list_seq) WHERE list = 'unsettled';
  CREATE TABLE requests (
    seq INTEGER PRIMARY KEY,
    checksum INTEGER NOT NULL,
    body TEXT NOT NULL
  ) STRICT;
  `,
  `
  -- One row, as soon as there is a publisher: up to which change it has told everything.
  CREATE TABLE outbox (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    published_seq INTEGER NOT NULL,
    checksum INTEGER NOT NULL
  ) STRICT;
  `,
];

/**
 * Brings the tables up to date, and calls `onNew` when there were none. Throws `LEDGER_FORMAT` when
 * the file is newer than this code, or something else.
 */
export function migrate(db: Connection, onNew: () => void): void {
  const version = assertReadable(db);
  if (version === MIGRATIONS.length) return;
  inTransaction(db, () => {
    for (const step of MIGRATIONS.slice(version)) db.exec(step);
    if (version === 0) onNew();
    db.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
    db.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
  });
}

/** Returns the version of the tables. Throws `LEDGER_FORMAT` when this code cannot read them. */
export function assertReadable(db: Connection): number {
  const version = numberPragma(db, 'user_version');
  const applicationId = numberPragma(db, 'application_id');
  const tableCount = numberPragma(db, 'schema_version');
  const isOurs = applicationId === APPLICATION_ID || (applicationId === 0 && tableCount === 0);
  if (!isOurs) {
    throw new LedgerError('LEDGER_FORMAT', 'the file is a database, but not a ledger');
  }
  if (version > MIGRATIONS.length) {
    throw new LedgerError(
      'LEDGER_FORMAT',
      `the ledger has format ${version} and this version reads up to ${MIGRATIONS.length}: use a newer one`,
    );
  }
  return version;
}
