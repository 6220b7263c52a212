import { GroupCommitLedger } from '../thread/group-commit-ledger.js';
import { WorkerChannel } from '../thread/worker-channel.js';
import { schemaName } from './schema-name.js';
import type { PostgresOptions } from './session-settings.js';

export interface PostgresLockLedgerOptions extends PostgresOptions {
  /**
   * Default 604,800,000 (7 days). How long changes are kept for the history after the state no
   * longer needs them.
   */
  readonly historyMs?: number | undefined;
  /**
   * Default 10,000. So many changes after the snapshot make a quiet moment be used for folding them
   * in.
   */
  readonly foldAfter?: number | undefined;
  /** Default 500,000. So many are folded in even when there is no quiet moment. */
  readonly foldAtLatest?: number | undefined;
  /**
   * Default false. Whether a publisher tells the changes to others, by the ledger's `ChangeOutbox`:
   * what it has not told yet is kept then, up to 1,000,000 changes.
   */
  readonly outbox?: boolean | undefined;
  /** Told what somebody should look at while the ledger goes on. Default: nobody. */
  readonly onWarning?: ((message: string) => void) | undefined;
}

/**
 * The ledger of one process in PostgreSQL, written by a worker thread, several appends with one
 * commit.
 */
export class PostgresLockLedger extends GroupCommitLedger {
  /** Throws `TypeError` when `schema` is not a plain name. */
  constructor({ onWarning, ...data }: PostgresLockLedgerOptions) {
    const place = `PostgreSQL, schema ${schemaName(data.schema)}`;
    super(new WorkerChannel(new URL('./worker.js', import.meta.url), data), { place, onWarning });
  }
}
