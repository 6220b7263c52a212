import pg from 'pg';
import type { Pool, PoolClient } from 'pg';

/** Nothing was kept, and the same again may succeed: serialization failure, deadlock. */
const WORTH_REPEATING = new Set(['40001', '40P01']);
const ATTEMPTS_MAX = 5;

/** A pool of connections that begins a transaction anew when it lost against another one. */
export class RetryingPool {
  readonly #pool: Pool;

  constructor(config: pg.PoolConfig) {
    this.#pool = new pg.Pool(config);
    // Without a listener the loss of an idle connection would end the process; the next query gets
    // a new one.
    this.#pool.on('error', ignore);
  }

  async rows<Row extends pg.QueryResultRow>(
    text: string,
    values: readonly unknown[] = [],
  ): Promise<Row[]> {
    return repeated(async () => (await this.#pool.query<Row>(text, [...values])).rows);
  }

  /** Runs the work on one connection, in one transaction. */
  async transaction<Result>(work: (client: PoolClient) => Promise<Result>): Promise<Result> {
    return repeated(async () => {
      const client = await this.#connect();
      let failure: Error | undefined;
      try {
        await client.query('BEGIN');
        const result = await work(client);
        await client.query('COMMIT');
        return result;
      } catch (error) {
        await client.query('ROLLBACK').catch((lost: Error) => (failure = lost));
        throw error;
      } finally {
        // A connection that could not even roll back is not used again.
        client.release(failure);
      }
    });
  }

  /** Runs the work on a connection of its own. */
  async withClient<Result>(work: (client: PoolClient) => Promise<Result>): Promise<Result> {
    const client = await this.#connect();
    try {
      return await work(client);
    } finally {
      client.release();
    }
  }

  end(): Promise<void> {
    return this.#pool.end();
  }

  /** A connection whose loss fails the query that runs on it, and does not end the process. */
  async #connect(): Promise<PoolClient> {
    const client = await this.#pool.connect();
    if (!client.listeners('error').includes(ignore)) client.on('error', ignore);
    return client;
  }
}

function ignore(): void {
  // Whoever works on the connection hears of it by his query.
}

async function repeated<Result>(attempt: () => Promise<Result>): Promise<Result> {
  for (let attempts = 1; ; attempts += 1) {
    try {
      return await attempt();
    } catch (error) {
      const code = (error as { readonly code?: string }).code ?? '';
      if (!WORTH_REPEATING.has(code) || attempts === ATTEMPTS_MAX) throw error;
    }
  }
}
