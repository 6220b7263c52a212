import { randomBytes } from 'node:crypto';

import pg from 'pg';

/** The server for tests. Throws when there is none: a test that did not run has shown nothing. */
export function databaseUrl(): string {
  const url = process.env['TEST_DATABASE_URL'];
  if (url !== undefined && url !== '') return url;
  throw new Error('TEST_DATABASE_URL must name a PostgreSQL for tests; `npm test` starts one');
}

/** The name of a schema that nobody else uses. */
export function newSchema(): string {
  return `test_${randomBytes(6).toString('hex')}`;
}

/** Runs a statement as the owner of everything. */
export async function administer(sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(databaseUrl());
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

export async function dropSchema(schema: string): Promise<void> {
  await administer(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
}
