import { LedgerError } from '../ledger-error.js';
import { connect } from './database.js';
import type { Connection } from './database.js';

/**
 * One process at a time: an exclusive lock of the operating system on a file beside the ledger.
 *
 * FREE -> `acquire` -> HELD -> `release`, or the end of the process in any way, kill -9 included.
 * The file is an empty database of its own, so that the ledger stays readable by others meanwhile.
 */
export class ProcessLock {
  readonly #file: string;
  #db: Connection | undefined;

  constructor(file: string) {
    this.#file = file;
  }

  /** Throws `LEDGER_IN_USE` when another process has it. */
  acquire(folder: string): void {
    const db = connect(this.#file);
    try {
      db.exec('PRAGMA busy_timeout = 0');
      db.exec('BEGIN EXCLUSIVE');
    } catch (error) {
      db.close();
      const message = `${folder} is in use by another process: stop it, or choose another folder`;
      throw new LedgerError('LEDGER_IN_USE', message, { cause: error });
    }
    this.#db = db;
  }

  release(): void {
    this.#db?.close();
    this.#db = undefined;
  }
}
