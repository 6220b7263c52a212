import { randomBytes } from 'node:crypto';

import type { DecisionRecord, Id } from '@ticket-locks/lock-engine';
import pg from 'pg';

import type { LedgerSeen } from './journal.js';
import { placeOf } from './journal.js';
import { nowMs } from './real-time.js';

/** The server for tests. Throws when there is none: a test that did not run has shown nothing. */
export function databaseUrl(): string {
  const url = process.env['TEST_DATABASE_URL'];
  if (url !== undefined && url !== '') return url;
  throw new Error('TEST_DATABASE_URL must name a PostgreSQL for tests; `npm test` starts one');
}

/** The name of a schema that nobody else uses. */
export function newSchema(): string {
  return `test_${randomBytes(6).toString('hex')}`;
}

/** Reads the tables of a ledger past all code of ours, and removes them in the end. */
export class LedgerWitness {
  readonly #pool: pg.Pool;
  readonly #schema: string;

  constructor(schema: string) {
    this.#pool = new pg.Pool({ connectionString: databaseUrl(), max: 2 });
    // What breaks while nobody asks is made anew for the next who does.
    this.#pool.on('error', () => undefined);
    this.#schema = schema;
  }

  /** The epoch in force and what is sold, as of one instant. */
  async look(): Promise<LedgerSeen> {
    const calledAtMs = nowMs();
    const { rows } = await this.#pool.query<Record<string, string | null>>(`
      SELECT epoch, sold.event, sold.category, sold.quantity FROM ${this.#schema}.ledger
      LEFT JOIN (
        SELECT event, category, sum(quantity) AS quantity FROM ${this.#schema}.decisions
        WHERE outcome = 'sold' GROUP BY event, category
      ) AS sold ON true`);
    const sold = new Map<string, number>();
    for (const { event, category, quantity } of rows) {
      if (typeof event !== 'string' || typeof category !== 'string') continue;
      sold.set(placeOf(idOf(event), idOf(category)), Number(quantity));
    }
    return { calledAtMs, answeredAtMs: nowMs(), epoch: Number(rows[0]?.['epoch']), sold };
  }

  /** Every record there is. */
  async records(): Promise<DecisionRecord[]> {
    const { rows } = await this.#pool.query<Record<string, string> & { settled: boolean }>(
      `SELECT * FROM ${this.#schema}.decisions`,
    );
    return rows.map((row) => {
      const order = row['order_id'] ?? null;
      return {
        lockId: String(row['lock_id']),
        eventId: idOf(String(row['event'])),
        categoryId: idOf(String(row['category'])),
        quantity: Number(row['quantity']),
        userId: idOf(String(row['user_id'])),
        ...(order !== null && { orderId: idOf(order) }),
        epoch: Number(row['epoch']),
        capacityAtGrant: Number(row['capacity_at_grant']),
        outcome: row['outcome'] as DecisionRecord['outcome'],
        decidedAtMs: Number(row['decided_at_ms']),
        settled: row.settled,
      };
    });
  }

  /** Takes the ledger away, tables and all. */
  async close(): Promise<void> {
    await this.#pool.query(`DROP SCHEMA IF EXISTS ${this.#schema} CASCADE`);
    await this.#pool.end();
  }
}

function idOf(text: string): Id {
  return JSON.parse(text) as Id;
}
