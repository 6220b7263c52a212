import type { ChangeOutbox, LockLedger } from '@ticket-locks/lock-engine';
import { PostgresLockLedger } from '@ticket-locks/sql-ledger/postgres';
import { SqliteLockLedger } from '@ticket-locks/sql-ledger/sqlite';

import type { ServiceLog } from './service-log.js';
import type { LedgerConfig } from './store-config.js';

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
