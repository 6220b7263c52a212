import type { DecisionLedger, DecisionRecord, Id } from '@ticket-locks/lock-engine';

import type { EventCalls } from './event-calls.js';
import { settledCall } from './settled-call.js';

export interface SalesReviewOptions {
  readonly events: EventCalls;
  readonly ledger: DecisionLedger;
  /** Waits for the ledger as long as it may take; rejects when it takes longer. */
  readonly inTime: <Value>(answer: Promise<Value>) => Promise<Value>;
  /** Tells Redis what is recorded. */
  readonly mark: (tag: string, records: readonly DecisionRecord[]) => Promise<unknown>;
}

/** Sales in one slice, and slices in one review of an event. */
const SLICE = 250;
const SLICES_MAX = 10;

interface Cursor {
  /** Of the category in the event; from 1 on. */
  readonly place: number;
  /** Of the last sale of the slice before. */
  readonly after: string;
}

const BEGIN: Cursor = { place: 1, after: '0' };

/**
 * Looks up in the ledger what Redis shows as confirmed, and tells Redis what it has not heard: that
 * a sale was returned, or settled. Whoever wrote that may have died before he could say so.
 *
 * Every instance reviews every event that it has to do with, a few slices at a time, and goes on
 * where it stopped. Whoever comes second finds nothing to do.
 */
export class SalesReview {
  readonly #options: SalesReviewOptions;
  readonly #cursors = new Map<string, Cursor>();

  constructor(options: SalesReviewOptions) {
    this.#options = options;
  }

  /** Rejects when the ledger does not answer. */
  async next(tag: string): Promise<void> {
    for (let slice = 0; slice < SLICES_MAX; slice += 1) {
      const { place, after } = this.#cursors.get(tag) ?? BEGIN;
      const call = { name: 'sales', args: [place, after, SLICE] };
      const asked = await this.#options.events.ask(tag, call, 'reading');
      if (!asked.ok) return;
      const [, , ...lockIds] = asked.reply.rest.texts();
      if (lockIds.length > 0) await this.#tell(tag, asked.eventId, lockIds);
      const next = { place: asked.reply.rest.number(0), after: asked.reply.rest.text(1) };
      if (next.place === 0) {
        this.#cursors.delete(tag);
        return;
      }
      this.#cursors.set(tag, next);
    }
  }

  async #tell(tag: string, eventId: Id, lockIds: readonly string[]): Promise<void> {
    const { ledger, inTime, mark } = this.#options;
    const records = await inTime(ledger.findMany(lockIds));
    const returned = records.filter(({ outcome }) => outcome === 'returned');
    if (returned.length > 0) await mark(tag, returned);
    const settled = records.filter((record) => record.settled);
    if (settled.length > 0) await this.#tellSettled(tag, eventId, settled);
  }

  /** The figures are read after the records, so they count what these have settled. */
  async #tellSettled(tag: string, eventId: Id, settled: readonly DecisionRecord[]): Promise<void> {
    const { events, ledger, inTime } = this.#options;
    const categories = await inTime(ledger.figures(eventId));
    const fetchedAtMs = Math.max(-1, ...categories.map((one) => one.fetchedAtMs));
    const lockIds = settled.map(({ lockId }) => lockId);
    await events.ask(tag, settledCall({ fetchedAtMs, categories }, lockIds), 'changing');
  }
}
