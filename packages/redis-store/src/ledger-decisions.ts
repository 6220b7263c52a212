import type {
  Confirmed,
  DecisionLedger,
  DecisionRecord,
  Id,
  LockError,
  LockPolicy,
  Outcome,
  Released,
  SaleDecision,
  SalesResult,
  Timers,
} from '@ticket-locks/lock-engine';

import { releasedOf } from './answer.js';
import type { EventCalls } from './event-calls.js';
import { routeOf } from './event-key.js';
import type { FunctionCall } from './function-call.js';
import { FIRST_LOCK_ID, listOf, refusalIn } from './lock-decisions.js';
import type { LockDecisions } from './lock-decisions.js';
import { confirmedFrom, endIn, isSoldTo, openSaleOf } from './open-sale.js';
import { SalesReview } from './sales-review.js';
import { idOf, idOrNone, textOrNone } from './wire-text.js';

export interface LedgerDecisionsOptions {
  readonly events: EventCalls;
  readonly ledger: DecisionLedger;
  readonly policy: LockPolicy;
  readonly timers: Timers;
  /** The ledger is in another epoch. */
  readonly onFenced: () => void;
}

/** How long the ledger may take before its answer is given up as unknown. */
const LEDGER_MS = 2_000;
/** How long an answer waits until Redis has heard of it. */
const MARK_MS = 500;
/** Open decisions that one look sees to. */
const REAPED = 100;
/** Sales of one command that are taken back first. */
const RETURNS_MAX = 1_000;

/** The status of each lock in Redis after it heard of its record, by lock. */
type Marked = ReadonlyMap<string, string>;

/**
 * The ledger decides what is sold; Redis keeps the tickets meanwhile.
 *
 * Confirm: pin in Redis, decide in the ledger, mark in Redis, answer. All locks of a confirm are
 * decided in one transaction; if one of them cannot be sold, a record says of every other that it
 * was aborted before its pin comes off. Marking is tried before the answer, and changes neither it
 * nor the truth. A pin that stays is seen to by whoever lives: it writes that the sale was aborted,
 * or finds how it was decided, before it frees the tickets. Return: take back in the ledger, then
 * in Redis. What Redis has not heard of its confirmed locks it is told by the review.
 */
export class LedgerDecisions implements LockDecisions {
  readonly #options: LedgerDecisionsOptions;
  readonly #review: SalesReview;
  /** Confirms that are under way here, by lock. */
  readonly #open = new Map<string, Promise<unknown>>();

  constructor(options: LedgerDecisionsOptions) {
    this.#options = options;
    this.#review = new SalesReview({
      ...options,
      inTime: (answer) => this.#inTime(answer, LEDGER_MS),
      mark: (tag, records) => this.#mark(tag, records),
    });
  }

  confirm(tag: string, call: FunctionCall): Promise<Outcome<readonly Confirmed[]>> {
    const deciding = this.#confirm(tag, call);
    const lockIds = call.args.slice(FIRST_LOCK_ID).map(String);
    for (const lockId of lockIds) this.#open.set(lockId, deciding);
    return deciding.finally(() => {
      for (const lockId of lockIds) {
        if (this.#open.get(lockId) === deciding) this.#open.delete(lockId);
      }
    });
  }

  whenDecided(lockId: string): Promise<unknown> | undefined {
    return this.#open.get(lockId)?.catch(() => undefined);
  }

  async #confirm(tag: string, call: FunctionCall): Promise<Outcome<readonly Confirmed[]>> {
    const { events, policy } = this.#options;
    const asked = await events.ask(tag, { ...call, name: 'pin' }, 'changing');
    const refusal = refusalIn(asked, call, policy);
    if (refusal !== undefined) return (await this.#fromRecords(call, refusal.error)) ?? refusal;
    const open = listOf(asked, openSaleOf);
    const sales = open.map(({ sale }) => sale);
    try {
      const result = await this.#decided(open, sales);
      if (!result.ok) return await this.#refuse(tag, sales, result);
      await this.#mark(tag, result.records);
      return { ok: true, value: result.records.map(confirmedFrom) };
    } catch {
      // Whether it was written is not known: the pins stay, and the next who asks finds out.
      return unknown();
    }
  }

  async release(tag: string, call: FunctionCall): Promise<Outcome<readonly Released[]>> {
    const { events, policy } = this.#options;
    const orderId = idOrNone(String(call.args[0] ?? ''));
    for (let turn = 0; turn < RETURNS_MAX; turn += 1) {
      const asked = await events.ask(tag, call, 'changing');
      if (!asked.ok || asked.reply.code !== 'RETURN') {
        const refusal = refusalIn(asked, call, policy);
        if (refusal === undefined) return { ok: true, value: listOf(asked, releasedOf) };
        if (refusal.error.code === 'LOCK_NOT_FOUND')
          return (await this.#releaseRecorded(tag, call)) ?? refusal;
        return turn > 0 && refusal.error.code === 'UNAVAILABLE' ? unknown() : refusal;
      }
      const error = await this.#return(tag, asked.reply.rest.text(0), orderId);
      if (error !== undefined) return { ok: false, error };
    }
    return unknown();
  }

  /** Takes back sales of which Redis knows one not (any more); `undefined` when one is no sale. */
  async #releaseRecorded(
    tag: string,
    { args }: FunctionCall,
  ): Promise<Outcome<readonly Released[]> | undefined> {
    const lockIds = args.slice(FIRST_LOCK_ID).map(String);
    const orderId = idOrNone(String(args[0]));
    let records: readonly DecisionRecord[];
    try {
      records = await this.#inTime(this.#options.ledger.findMany(lockIds), LEDGER_MS);
    } catch {
      return unknown();
    }
    const user = String(args[1]);
    const isFound = ({ outcome, userId }: DecisionRecord) =>
      outcome !== 'aborted' && (user === '' || idOf(user) === userId);
    const sales = records.filter(isFound);
    if (sales.length < lockIds.length) return undefined;
    for (const { lockId, outcome } of sales) {
      const error = outcome === 'sold' ? await this.#return(tag, lockId, orderId) : undefined;
      if (error !== undefined) return { ok: false, error };
    }
    return { ok: true, value: sales.map(releasedFrom) };
  }

  async endOf(lockId: string): Promise<LockError | undefined> {
    let record: DecisionRecord | undefined;
    try {
      record = await this.#inTime(this.#options.ledger.find(lockId), LEDGER_MS);
    } catch {
      return { code: 'UNAVAILABLE' };
    }
    if (record?.outcome === 'sold') return { code: 'LOCK_CONFIRMED', lockId };
    return record?.outcome === 'returned' ? { code: 'LOCK_RELEASED', lockId } : undefined;
  }

  recordsOf(lockIds: readonly string[]): Promise<readonly DecisionRecord[]> {
    return this.#inTime(this.#options.ledger.findMany(lockIds), LEDGER_MS);
  }

  async reap(tag: string): Promise<void> {
    const { events } = this.#options;
    const asked = await events.ask(tag, { name: 'stuckPins', args: [REAPED] }, 'reading');
    const stuck = listOf(asked, openSaleOf).map(({ sale }) => sale);
    if (stuck.length > 0) await this.#mark(tag, await this.#aborted(stuck));
  }

  review(tag: string): Promise<void> {
    return this.#review.next(tag);
  }

  /** What the ledger says of the sales. One that Redis shows as confirmed is only looked up. */
  async #decided(
    open: readonly { readonly isDecided: boolean }[],
    sales: readonly SaleDecision[],
  ): Promise<SalesResult> {
    const { ledger } = this.#options;
    if (open.every(({ isDecided }) => isDecided)) {
      const lockIds = sales.map(({ lockId }) => lockId);
      const found = await this.#inTime(ledger.findMany(lockIds), LEDGER_MS);
      const byLock = new Map(found.map((record) => [record.lockId, record]));
      const records = lockIds.flatMap((lockId) => byLock.get(lockId) ?? []);
      const areSold = sales.every((sale) => isSoldTo(byLock.get(sale.lockId), sale.orderId));
      if (areSold) return { ok: true, decided: false, records };
    }
    return this.#inTime(ledger.decide(sales), LEDGER_MS);
  }

  /** Nothing was sold: a record for every lock, then its pin comes off, then the answer. */
  async #refuse(
    tag: string,
    sales: readonly SaleDecision[],
    refusal: Extract<SalesResult, { ok: false }>,
  ): Promise<Outcome<readonly Confirmed[]>> {
    const { reason } = refusal;
    const culprit = reason === 'recorded' ? refusal.record.lockId : refusal.lockId;
    const records = await this.#aborted(sales);
    if (reason === 'fenced') this.#options.onFenced();
    const marked = await this.#mark(tag, records);
    const refused = sales.flatMap(({ lockId, orderId }, index) => {
      const record = records[index];
      return record === undefined || isSoldTo(record, orderId) ? [] : [{ lockId, record }];
    });
    // Others may have sold all of them meanwhile, to the same order.
    const first = refused.find(({ lockId }) => lockId === culprit) ?? refused[0];
    if (first === undefined) return { ok: true, value: records.map(confirmedFrom) };
    const { lockId, record } = first;
    if (record.outcome === 'sold') return { ok: false, error: { code: 'ORDER_CONFLICT', lockId } };
    if (record.outcome === 'returned')
      return { ok: false, error: { code: 'LOCK_RELEASED', lockId } };
    if (reason === 'fenced') return { ok: false, error: { code: 'LOCK_LOST', lockId } };
    const code = marked.get(lockId) === 'EXPIRED' ? 'LOCK_EXPIRED' : 'LOCK_RELEASED';
    return { ok: false, error: { code, lockId } };
  }

  /** Sees to it that every lock has a record. Rejects when that is not known. */
  async #aborted(sales: readonly SaleDecision[]): Promise<readonly DecisionRecord[]> {
    const { ledger } = this.#options;
    const results = await this.#inTime(
      Promise.all(sales.map((sale) => ledger.abort(sale))),
      LEDGER_MS,
    );
    return results.map((result) => {
      if (result.ok) return result.record;
      throw new TypeError('a lock has a record after it was aborted');
    });
  }

  /** What the ledger knows of locks of which Redis knows one not; `undefined` for nothing. */
  async #fromRecords(
    { args }: FunctionCall,
    { code }: LockError,
  ): Promise<Outcome<readonly Confirmed[]> | undefined> {
    if (code !== 'LOCK_NOT_FOUND') return undefined;
    const lockIds = args.slice(FIRST_LOCK_ID).map(String);
    let records: readonly DecisionRecord[];
    try {
      records = await this.#inTime(this.#options.ledger.findMany(lockIds), LEDGER_MS);
    } catch {
      return unknown();
    }
    const user = String(args[1]);
    const orderId = idOrNone(String(args[0]));
    const values: Confirmed[] = [];
    for (const lockId of lockIds) {
      const record = records.find((one) => one.lockId === lockId);
      if (record === undefined || this.#isLost(record)) return undefined;
      if (user !== '' && idOf(user) !== record.userId) return undefined;
      if (!isSoldTo(record, orderId)) return endIn(record);
      values.push(confirmedFrom(record));
    }
    return { ok: true, value: values };
  }

  /** Aborted when its epoch was over: to its owner it is lost. */
  #isLost({ lockId, outcome }: DecisionRecord): boolean {
    const epoch = routeOf(lockId)?.epoch ?? 0;
    return outcome === 'aborted' && epoch < this.#options.events.epoch;
  }

  async #return(
    tag: string,
    lockId: string,
    orderId: Id | undefined,
  ): Promise<LockError | undefined> {
    let record: DecisionRecord;
    try {
      const result = await this.#inTime(this.#options.ledger.return(lockId, orderId), LEDGER_MS);
      if (!result.ok) return { code: 'OUTCOME_UNKNOWN' };
      ({ record } = result);
    } catch {
      return { code: 'OUTCOME_UNKNOWN' };
    }
    if (record.outcome === 'sold')
      return { code: record.settled ? 'LOCK_CONFIRMED' : 'ORDER_CONFLICT', lockId };
    await this.#mark(tag, [record]);
    return undefined;
  }

  /** Tells Redis what is recorded, if it hears it in time. Never rejects for want of Redis. */
  async #mark(tag: string, records: readonly DecisionRecord[]): Promise<Marked> {
    const args = records.flatMap(({ lockId, outcome, orderId }) => [
      lockId,
      outcome,
      textOrNone(orderId),
    ]);
    const marking = this.#options.events.ask(tag, { name: 'mark', args }, 'changing');
    const asked = await this.#inTime(marking, MARK_MS).catch(() => undefined);
    if (asked?.ok !== true) return new Map();
    return new Map(asked.reply.rest.lists().map((fields) => [fields.text(0), fields.text(1)]));
  }

  /** Waits as long as anybody can be made to wait. Rejects when it takes longer. */
  #inTime<Value>(answer: Promise<Value>, ms: number): Promise<Value> {
    const { timers } = this.#options;
    return new Promise((resolve, reject) => {
      const cancel = timers.after(ms, () => reject(new Error('the answer takes too long')));
      answer.then(resolve, reject).finally(cancel);
    });
  }
}

function releasedFrom(record: DecisionRecord): Released {
  const { lockId, eventId, categoryId, userId, quantity } = record;
  return { status: 'RELEASED', lockId, eventId, categoryId, userId, quantity };
}

function unknown(): { readonly ok: false; readonly error: LockError } {
  return { ok: false, error: { code: 'OUTCOME_UNKNOWN' } };
}
