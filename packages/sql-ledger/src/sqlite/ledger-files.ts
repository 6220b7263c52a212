import { join } from 'node:path';

/**
 * The files of an embedded ledger in their folder. Beside `ledger.db` SQLite keeps its `-wal` and
 * `-shm`.
 */
export function ledgerFiles(folder: string) {
  return {
    database: join(folder, 'ledger.db'),
    /** Held by the process that writes. */
    lock: join(folder, 'ledger.lock'),
    /** The newest change that was told to be durable. */
    mark: join(folder, 'ledger.mark'),
  };
}
