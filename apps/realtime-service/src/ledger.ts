import type { ChangeOutbox, LockLedger } from '@ticket-locks/lock-engine';
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

/** `outbox`: somebody tells the changes to others, and what is not told yet must be kept. */
export function createLedger(
  config: LedgerConfig,
  { log, outbox }: { readonly log: ServiceLog; readonly outbox: boolean },
): (LockLedger & ChangeOutbox) | undefined {
  const onWarning = (message: string) => log.warn(message);
  switch (config.kind) {
    case 'none':
      return undefined;
    case 'sqlite':
      return new SqliteLockLedger({ folder: config.folder, outbox, onWarning });
    case 'postgres':
      return new PostgresLockLedger({ url: config.url, outbox, onWarning });
  }
}
