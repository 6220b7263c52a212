import { GroupCommitLedger } from '../thread/group-commit-ledger.js';
import { WorkerChannel } from '../thread/worker-channel.js';

export interface SqliteLockLedgerOptions {
  /** The folder of the ledger's files. Made when it is not there; one process at a time. */
  readonly folder: string;
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
 * The embedded ledger: an SQLite file that a worker thread writes, several appends with one flush
 * of the disk.
 */
export class SqliteLockLedger extends GroupCommitLedger {
  constructor({ onWarning, ...data }: SqliteLockLedgerOptions) {
    const script = new URL('./worker.js', import.meta.url);
    super(new WorkerChannel(script, data), { place: data.folder, onWarning });
  }
}
