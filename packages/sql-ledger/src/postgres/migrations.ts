import type { ClientBase } from 'pg';

import { LedgerError, messageOf } from '../ledger-error.js';
import { REFUNDS_TABLE } from './refund-statements.js';
import { DECIDE_SALES } from './decide-sales.js';
import { schemaName } from './schema-name.js';

/**
 * What made the tables what they are, one step after the other. A step is never changed once it was
 * released: what is wrong with it, the next one mends.
 */
const MIGRATIONS: readonly string[] = [
  `
  -- One row. The key of the resume tokens is made with the ledger and is the same ever after.
  CREATE TABLE ledger (
    id integer PRIMARY KEY CHECK (id = 1),
    token_key text NOT NULL,
    epoch bigint NOT NULL CHECK (epoch >= 1)
  );

  -- LockLedger: changes in the order of seq; body is a JSON array of them, kept as it was written.
  CREATE TABLE changes (
    first_seq bigint PRIMARY KEY,
    last_seq bigint NOT NULL CHECK (last_seq >= first_seq),
    from_ms bigint NOT NULL,
    to_ms bigint NOT NULL,
    checksum bigint NOT NULL,
    body text NOT NULL
  );
  CREATE TABLE head (
    id integer PRIMARY KEY CHECK (id = 1),
    seq bigint NOT NULL,
    changed_at_ms bigint NOT NULL,
    event_count bigint NOT NULL,
    lock_count bigint NOT NULL,
    request_count bigint NOT NULL,
    checksum bigint NOT NULL
  );
  CREATE TABLE events (
    event text PRIMARY KEY,
    first_seq bigint NOT NULL,
    checksum bigint NOT NULL,
    body text NOT NULL
  );
  CREATE TABLE locks (
    lock_id text COLLATE "C" PRIMARY KEY,
    list text NOT NULL CHECK (list IN ('active', 'unsettled', 'ended')),
    list_seq bigint NOT NULL,
    category text NOT NULL,
    checksum bigint NOT NULL,
    body text NOT NULL
  );
  CREATE INDEX locks_ended ON locks (list_seq) WHERE list = 'ended';
  CREATE INDEX locks_unsettled ON locks (category, list_seq) WHERE list = 'unsettled';
  CREATE TABLE requests (
    seq bigint PRIMARY KEY,
    checksum bigint NOT NULL,
    body text NOT NULL
  );

  -- DecisionLedger. Ids are JSON texts: 1 and "1" differ.
  CREATE TABLE categories (
    event text NOT NULL,
    category text NOT NULL,
    capacity bigint NOT NULL CHECK (capacity >= 0),
    sold_elsewhere bigint NOT NULL CHECK (sold_elsewhere >= 0),
    confirmed bigint NOT NULL DEFAULT 0 CHECK (confirmed >= 0),
    fetched_at_ms double precision NOT NULL,
    PRIMARY KEY (event, category)
  );
  CREATE TABLE decisions (
    lock_id text COLLATE "C" PRIMARY KEY,
    position bigint GENERATED ALWAYS AS IDENTITY,
    event text NOT NULL,
    category text NOT NULL,
    quantity bigint NOT NULL CHECK (quantity > 0),
    user_id text NOT NULL,
    order_id text,
    epoch bigint NOT NULL,
    capacity_at_grant bigint NOT NULL CHECK (capacity_at_grant >= 0),
    late boolean NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('sold', 'aborted', 'returned')),
    settled boolean NOT NULL DEFAULT false,
    decided_at_ms bigint NOT NULL,
    CHECK (NOT settled OR outcome = 'sold')
  );
  CREATE INDEX decisions_unsettled ON decisions (event, position)
    WHERE outcome = 'sold' AND NOT settled;
  `,
  `
  -- LockLedger: up to which change the publisher has told everything; null while there is none.
  ALTER TABLE ledger ADD COLUMN published_seq bigint;
  `,
  `
  -- DecisionLedger: in which epoch somebody has last begun to bring an event to the store.
  CREATE TABLE claims (
    event text PRIMARY KEY,
    epoch bigint NOT NULL
  );
  ${DECIDE_SALES}
  `,
  REFUNDS_TABLE,
];

/**
 * Brings the tables up to date: one instance does it, the others wait. Whose tables are up to date
 * needs no right to make any. Rejects with `LEDGER_FORMAT` when they are newer than this code, or
 * may not be made.
 */
export async function migrate(
  client: ClientBase,
  {
    schema: given,
    tokenKey,
  }: { readonly schema?: string | undefined; readonly tokenKey: () => string },
): Promise<void> {
  const schema = schemaName(given);
  if ((await versionOf(client, schema)) === MIGRATIONS.length) return;
  try {
    await client.query('BEGIN');
    await client.query('SELECT pg_advisory_xact_lock(hashtext($1), 0)', [`migrate ${schema}`]);
    const version = await versionOf(client, schema);
    await client.query(`CREATE SCHEMA IF NOT EXISTS ${schema}`);
    await client.query('CREATE TABLE IF NOT EXISTS schema_version (version integer PRIMARY KEY)');
    for (const [index, step] of MIGRATIONS.entries()) {
      if (index < version) continue;
      await client.query(step);
      await client.query('INSERT INTO schema_version (version) VALUES ($1)', [index + 1]);
    }
    await client.query(
      'INSERT INTO ledger (id, token_key, epoch) VALUES (1, $1, 1) ON CONFLICT DO NOTHING',
      [tokenKey()],
    );
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    if (error instanceof LedgerError) throw error;
    const message = `cannot make the tables in schema ${schema}: ${messageOf(error)}`;
    throw new LedgerError('LEDGER_FORMAT', message, { cause: error });
  }
}

async function versionOf(client: ClientBase, schema: string): Promise<number> {
  // Not to_regclass: it may answer from a cache of before another instance has made the table.
  const tables = await client.query(
    `SELECT FROM pg_tables WHERE schemaname = $1 AND tablename = 'schema_version'`,
    [schema],
  );
  if (tables.rowCount === 0) return 0;
  const found = await client.query<{ version: number | null }>(
    `SELECT max(version) AS version FROM ${schema}.schema_version`,
  );
  const version = found.rows[0]?.version ?? 0;
  if (version <= MIGRATIONS.length) return version;
  throw new LedgerError(
    'LEDGER_FORMAT',
    `the ledger has format ${version} and this version reads up to ${MIGRATIONS.length}: use a newer one`,
  );
}
