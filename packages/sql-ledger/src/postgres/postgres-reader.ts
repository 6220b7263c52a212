import pg from 'pg';

import { LedgerError } from '../ledger-error.js';
import type { OpenedRecord } from '../record/ledger-store.js';
import { blocksAfter } from './change-table.js';
import { schemaName } from './schema-name.js';
import { sessionSettings } from './session-settings.js';
import type { PostgresOptions } from './session-settings.js';
import { eventPages, lockPages, readHead, requestPages } from './snapshot-tables.js';

/**
 * Opens the ledger in the schema to read it, as it is at this instant. Rejects with `LEDGER_FORMAT`
 * when there is none.
 */
export async function openPostgresRecord(options: PostgresOptions): Promise<OpenedRecord> {
  const schema = schemaName(options.schema);
  const client = new pg.Client(sessionSettings(options, 'ticket-locks ledger tool'));
  await client.connect();
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  const tables = await client.query<{ size: string }>(
    `SELECT pg_total_relation_size(format('%I.%I', schemaname, tablename)::regclass) AS size
     FROM pg_tables WHERE schemaname = $1`,
    [schema],
  );
  if (tables.rowCount === 0) {
    await client.end();
    throw new LedgerError('LEDGER_FORMAT', `there is no ledger in schema ${schema}`);
  }
  return {
    place: `PostgreSQL, schema ${schema}`,
    reader: {
      head: () => readHead(client),
      acknowledgedSeq: () => 0,
      events: () => eventPages(client),
      locks: () => lockPages(client),
      requests: () => requestPages(client),
      blocksAfter: (seq) => blocksAfter(client, seq),
    },
    problems: async () => [],
    size: async () => tables.rows.reduce((sum, { size }) => sum + Number(size), 0),
    close: () => client.end(),
  };
}
