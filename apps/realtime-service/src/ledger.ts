import type { LockLedger } from '@ticket-locks/lock-engine';
import { PostgresLockLedger } from '@ticket-locks/sql-ledger/postgres';
import { SqliteLockLedger } from '@ticket-locks/sql-ledger/sqlite';

import type { Environment } from './environment.js';
import type { ServiceLog } from './service-log.js';

/** Where locks outlive the process, if they do. */
export type LedgerConfig =
  | { readonly kind: 'none' }
  | { readonly kind: 'sqlite'; readonly folder: string }
  | { readonly kind: 'postgres'; readonly url: string };

export function readLedger(environment: Environment): LedgerConfig {
  const folder = environment.text('DATA_DIR') ?? './data';
  const url = environment.url('DATABASE_URL', ['postgres:', 'postgresql:']);
  if (url !== undefined) return { kind: 'postgres', url };
  return folder === 'none' ? { kind: 'none' } : { kind: 'sqlite', folder };
}

export function createLedger(config: LedgerConfig, log: ServiceLog): LockLedger | undefined {
  const onWarning = (message: string) => log.warn(message);
  switch (config.kind) {
    case 'none':
      return undefined;
    case 'sqlite':
      return new SqliteLockLedger({ folder: config.folder, onWarning });
    case 'postgres':
      return new PostgresLockLedger({ url: config.url, onWarning });
  }
}
