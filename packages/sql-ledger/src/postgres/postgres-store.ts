import { randomKey } from '@ticket-locks/lock-engine';
import pg from 'pg';
import type { Client } from 'pg';

import { LedgerError, messageOf } from '../ledger-error.js';
import type { ChangeBlock } from '../record/change-block.js';
import type { Fold, FoldNeeds, FoldRows } from '../record/fold.js';
import type { LedgerStore } from '../record/ledger-store.js';
import { blockBegin, blocksAfter, insertBlocks, pruneBlocks } from './change-table.js';
import { migrate } from './migrations.js';
import { schemaName } from './schema-name.js';
import { sessionSettings } from './session-settings.js';
import type { PostgresOptions } from './session-settings.js';
import {
  eventPages,
  lockPages,
  readForFold,
  readHead,
  requestPages,
  writeFoldRows,
} from './snapshot-tables.js';

/**
 * The record in PostgreSQL, written through one connection.
 *
 * This connection also holds the advisory lock that keeps a second process out, and that is the
 * point of having only one: when it is lost, the server lets the lock go and can get no write of
 * ours any more. Two processes never write at once, whatever either of them believes.
 */
export class PostgresStore implements LedgerStore {
  readonly #options: PostgresOptions;
  #client: Client | undefined;
  #onLost: (cause: Error) => void = () => undefined;

  constructor(options: PostgresOptions) {
    this.#options = options;
  }

  async open(onLost: (cause: Error) => void): Promise<{ readonly tokenKey: string }> {
    const client = new pg.Client(sessionSettings(this.#options, 'ticket-locks ledger'));
    // Without a listener the loss of an idle connection would end the process.
    client.on('error', (error) => this.#onLost(error));
    client.on('end', () => this.#onLost(new Error('the connection to PostgreSQL has ended')));
    try {
      await client.connect();
    } catch (error) {
      const message = `cannot connect to PostgreSQL: ${messageOf(error)}`;
      throw new LedgerError('LEDGER_FAILED', message, { cause: error });
    }
    this.#client = client;
    await this.#acquireLock(client);
    await migrate(client, { schema: this.#options.schema, tokenKey: randomKey });
    const { rows } = await client.query<{ token_key: string }>('SELECT token_key FROM ledger');
    const [ledger] = rows;
    if (ledger === undefined) {
      throw new LedgerError('LEDGER_DAMAGED', 'the ledger is damaged: its table "ledger" is empty');
    }
    this.#onLost = onLost;
    return { tokenKey: ledger.token_key };
  }

  head() {
    return readHead(this.#open());
  }

  /** PostgreSQL does not lose the end of its log unnoticed. */
  acknowledgedSeq(): number {
    return 0;
  }

  events() {
    return eventPages(this.#open());
  }

  locks() {
    return lockPages(this.#open());
  }

  requests() {
    return requestPages(this.#open());
  }

  blocksAfter(seq: number) {
    return blocksAfter(this.#open(), seq);
  }

  write(blocks: readonly ChangeBlock[]): Promise<void> {
    return insertBlocks(this.#open(), blocks);
  }

  async publishedSeq(): Promise<number | undefined> {
    const { rows } = await this.#open().query<{ published_seq: string | null }>(
      'SELECT published_seq FROM ledger',
    );
    const seq = rows[0]?.published_seq ?? undefined;
    return seq === undefined ? undefined : Number(seq);
  }

  async markPublished(seq: number): Promise<void> {
    await this.#open().query('UPDATE ledger SET published_seq = $1', [seq]);
  }

  blockBegin(seq: number): Promise<number | undefined> {
    return blockBegin(this.#open(), seq);
  }

  readFor(needs: FoldNeeds): Promise<FoldRows> {
    return readForFold(this.#open(), needs);
  }

  async writeFold(fold: Fold): Promise<void> {
    const client = this.#open();
    await client.query('BEGIN');
    await writeFoldRows(client, fold);
    await client.query('COMMIT');
  }

  async prune(before: { readonly seq: number; readonly instantMs: number }): Promise<boolean> {
    return (await pruneBlocks(this.#open(), before.seq, before.instantMs)) > 0;
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    this.#onLost = () => undefined;
    await client?.end();
  }

  async #acquireLock(client: Client): Promise<void> {
    const schema = schemaName(this.#options.schema);
    const { rows } = await client.query<{ held: boolean }>(
      'SELECT pg_try_advisory_lock(hashtext($1), 1) AS held',
      [`ledger ${schema}`],
    );
    if (rows[0]?.held === true) return;
    const message = `schema ${schema} is in use by another process: stop it, or choose another schema`;
    throw new LedgerError('LEDGER_IN_USE', message);
  }

  #open(): Client {
    if (this.#client === undefined)
      throw new LedgerError('LEDGER_CLOSED', 'the ledger is not open');
    return this.#client;
  }
}
