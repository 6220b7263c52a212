import type { ClientConfig } from 'pg';

import { schemaName } from './schema-name.js';

export interface PostgresOptions {
  /**
   * `postgres://user:password@host:port/database`, with `?sslmode=...` as the driver understands
   * it.
   */
  readonly url: string;
  /** Default `ticket_locks`. Where the tables are; made when it is not there and the user may. */
  readonly schema?: string | undefined;
  /** Default 5,000. How long one statement may take before it counts as failed. */
  readonly timeoutMs?: number | undefined;
}

/**
 * How every connection of ours is set up: its schema, its limits, and commits that wait for the
 * disk.
 */
export function sessionSettings(options: PostgresOptions, name: string): ClientConfig {
  const timeoutMs = options.timeoutMs ?? 5_000;
  const settings = {
    search_path: schemaName(options.schema),
    statement_timeout: timeoutMs,
    synchronous_commit: 'on',
  };
  return {
    connectionString: options.url,
    application_name: name,
    options: Object.entries(settings)
      .map(([key, value]) => `-c ${key}=${value}`)
      .join(' '),
    connectionTimeoutMillis: timeoutMs,
    // Longer than the server's: it answers first, unless the way to it is cut.
    query_timeout: timeoutMs * 2,
    keepAlive: true,
  };
}
