import { randomKey } from '@ticket-locks/lock-engine';
import type {
  DecidedFigures,
  DecisionLedger,
  DecisionRecord,
  DecisionResult,
  EpochBegun,
  Id,
  InventoryFigures,
  RefundRequired,
  SaleDecision,
  SalesResult,
} from '@ticket-locks/lock-engine';

import { LedgerError, messageOf } from '../ledger-error.js';
import { keyOf } from '../record/snapshot-rows.js';
import { idOf, recordOf, rowsOf, valuesOf } from './decision-row.js';
import type { DecisionRow } from './decision-row.js';
import {
  ABORT,
  CLAIM,
  DECIDE,
  EVENTS,
  FIGURES,
  FIND,
  FIND_MANY,
  HOLD_EVENT,
  LIST,
  NEXT_EPOCH,
  OPENED,
  RETURN,
  SET_FIGURES,
  SETTLE,
} from './decision-statements.js';
import { migrate } from './migrations.js';
import { FIND_REFUND, NOTE_REFUND, refundOf, REFUNDS, refundValues } from './refund-statements.js';
import type { RefundRow } from './refund-statements.js';
import { RetryingPool } from './retrying-pool.js';
import { sessionSettings } from './session-settings.js';
import type { PostgresOptions } from './session-settings.js';

export interface PostgresDecisionLedgerOptions extends PostgresOptions {
  /** Default 10. Most connections at once. */
  readonly connectionsMax?: number | undefined;
}

/** Looks for a sale that is being written while it is to be taken back. */
const RETURNS_MAX = 5;

interface DecidedRow {
  readonly verdict: 'written' | 'standing' | 'recorded' | 'fenced' | 'capacity';
  readonly record: DecisionRow;
}

/**
 * Decisions in PostgreSQL, for any number of instances.
 *
 * NEW -> `load` -> OPEN -> `close` -> CLOSED. A call that rejects with `LEDGER_FAILED` may have
 * been carried out; the next one gets a new connection, so nothing has to be opened again.
 */
export class PostgresDecisionLedger implements DecisionLedger {
  readonly #options: PostgresDecisionLedgerOptions;
  readonly #pool: RetryingPool;

  /** Throws `TypeError` when `schema` is not a plain name. */
  constructor(options: PostgresDecisionLedgerOptions) {
    this.#options = options;
    const settings = sessionSettings(options, 'ticket-locks decisions');
    this.#pool = new RetryingPool({ ...settings, max: options.connectionsMax ?? 10 });
  }

  async load(): Promise<{ readonly epoch: number; readonly tokenKey: string }> {
    const { schema } = this.#options;
    await this.#asked(() =>
      this.#pool.withClient((client) => migrate(client, { schema, tokenKey: randomKey })),
    );
    const [ledger] = await this.#rows<{ epoch: string; token_key: string }>(OPENED);
    if (ledger === undefined) throw new LedgerError('LEDGER_DAMAGED', 'the ledger has no epoch');
    return { epoch: Number(ledger.epoch), tokenKey: ledger.token_key };
  }

  async decide(sales: readonly SaleDecision[]): Promise<SalesResult> {
    const rows = await this.#rows<DecidedRow>(DECIDE, [rowsOf(sales)]);
    const [first] = rows;
    if (first === undefined) throw new LedgerError('LEDGER_DAMAGED', 'a decision has no verdict');
    const { verdict } = first;
    if (verdict === 'recorded')
      return { ok: false, reason: verdict, record: recordOf(first.record) };
    if (verdict === 'fenced' || verdict === 'capacity')
      return { ok: false, reason: verdict, lockId: first.record.lock_id };
    const decided = rows.some((row) => row.verdict === 'written');
    return { ok: true, decided, records: rows.map(({ record }) => recordOf(record)) };
  }

  async abort(sale: SaleDecision): Promise<DecisionResult> {
    const [aborted] = await this.#rows<DecisionRow>(ABORT, valuesOf(sale));
    if (aborted !== undefined) return { ok: true, decided: true, record: recordOf(aborted) };
    return (await this.#standing(sale.lockId)) ?? { ok: false, reason: 'unknown' };
  }

  async return(lockId: string, orderId: Id | undefined): Promise<DecisionResult> {
    const order = orderId === undefined ? null : keyOf(orderId);
    for (let attempts = 0; attempts < RETURNS_MAX; attempts += 1) {
      const [returned] = await this.#rows<DecisionRow>(RETURN, [lockId, order]);
      if (returned !== undefined) return { ok: true, decided: true, record: recordOf(returned) };
      const record = await this.find(lockId);
      if (record === undefined) return { ok: false, reason: 'unknown' };
      // It was written after the statement had looked: it is turned by the next one.
      const isTurnable = record.outcome === 'sold' && !record.settled && record.orderId === orderId;
      if (!isTurnable) return { ok: true, decided: false, record };
    }
    throw new LedgerError('LEDGER_FAILED', 'a sale could not be taken back');
  }

  async find(lockId: string): Promise<DecisionRecord | undefined> {
    const [row] = await this.#rows<DecisionRow>(FIND, [lockId]);
    return row && recordOf(row);
  }

  async findMany(lockIds: readonly string[]): Promise<readonly DecisionRecord[]> {
    return (await this.#rows<DecisionRow>(FIND_MANY, [lockIds])).map(recordOf);
  }

  async settle(figures: InventoryFigures, lockIds: readonly string[]): Promise<boolean> {
    const event = keyOf(figures.eventId);
    const { categories, fetchedAtMs } = figures;
    return this.#asked(() =>
      this.#pool.transaction(async (client) => {
        const held = await client.query<{ newest: number | null }>(HOLD_EVENT, [event]);
        if ((held.rows[0]?.newest ?? -1) > fetchedAtMs) return false;
        await client.query(SET_FIGURES, [
          event,
          categories.map(({ categoryId }) => keyOf(categoryId)),
          categories.map(({ capacity }) => capacity),
          categories.map(({ soldElsewhere }) => soldElsewhere),
          fetchedAtMs,
        ]);
        if (lockIds.length > 0) await client.query(SETTLE, [event, lockIds]);
        return true;
      }),
    );
  }

  async nextEpoch(present: number): Promise<EpochBegun> {
    const [begun] = await this.#rows<{ epoch: string }>(NEXT_EPOCH, [present]);
    if (begun !== undefined) return { epoch: Number(begun.epoch), begun: true };
    return { epoch: await this.epoch(), begun: false };
  }

  async epoch(): Promise<number> {
    const [ledger] = await this.#rows<{ epoch: string }>(OPENED);
    return Number(ledger?.epoch);
  }

  async claim(eventId: Id, epoch: number): Promise<boolean> {
    return (await this.#rows(CLAIM, [keyOf(eventId), epoch])).length > 0;
  }

  async events(): Promise<readonly Id[]> {
    return (await this.#rows<{ event: string }>(EVENTS)).map(({ event }) => idOf(event));
  }

  async figures(eventId: Id): Promise<readonly DecidedFigures[]> {
    const rows = await this.#rows<Record<string, string>>(FIGURES, [keyOf(eventId)]);
    return rows.map((row) => ({
      categoryId: idOf(String(row['category'])),
      capacity: Number(row['capacity']),
      soldElsewhere: Number(row['sold_elsewhere']),
      confirmed: Number(row['confirmed']),
      fetchedAtMs: Number(row['fetched_at_ms']),
    }));
  }

  async list(eventId: Id, after?: string): Promise<readonly DecisionRecord[]> {
    return (await this.#rows<DecisionRow>(LIST, [keyOf(eventId), after ?? null])).map(recordOf);
  }

  async noteRefund(refund: RefundRequired): Promise<RefundRequired> {
    const values = refundValues(refund);
    const [noted] = await this.#rows<RefundRow>(NOTE_REFUND, values);
    const [standing] = noted
      ? [noted]
      : await this.#rows<RefundRow>(FIND_REFUND, values.slice(0, 2));
    return standing === undefined ? refund : refundOf(standing);
  }

  async refundsRequired(): Promise<readonly RefundRequired[]> {
    return (await this.#rows<RefundRow>(REFUNDS)).map(refundOf);
  }

  close(): Promise<void> {
    return this.#pool.end();
  }

  async #standing(lockId: string): Promise<DecisionResult | undefined> {
    const record = await this.find(lockId);
    return record && { ok: true, decided: false, record };
  }

  #rows<Row extends object>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    return this.#asked(() => this.#pool.rows<Row>(text, values));
  }

  /** Whatever goes wrong on the way leaves open whether it was carried out. */
  async #asked<Result>(ask: () => Promise<Result>): Promise<Result> {
    try {
      return await ask();
    } catch (error) {
      if (error instanceof LedgerError) throw error;
      const message = `PostgreSQL did not answer for sure: ${messageOf(error)}`;
      throw new LedgerError('LEDGER_FAILED', message, { cause: error });
    }
  }
}
