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
  Timers,
} from '@ticket-locks/lock-engine';

import { confirmedOf, releasedOf } from './answer.js';
import type { EventCalls } from './event-calls.js';
import { routeOf } from './event-key.js';
import type { FunctionCall } from './function-call.js';
import { FIRST_LOCK_ID, listOf, refusalIn } from './lock-decisions.js';
import type { LockDecisions } from './lock-decisions.js';
import type { Fields } from './reply.js';
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
/** Open decisions that one look sees to. */
const REAPED = 100;
/** Sales of one command that are taken back first. */
const RETURNS_MAX = 1_000;

interface OpenSale {
  readonly sale: SaleDecision;
  readonly isDecided: boolean;
}

/**
 * The ledger decides what is sold; Redis keeps the tickets meanwhile.
 *
 * Confirm: pin in Redis, decide in the ledger, mark in Redis, answer. Marking is tried before the
 * answer, and changes neither it nor the truth. A pin that stays is seen to by whoever lives: it
 * writes that the sale was aborted, or finds how it was decided, before it frees the tickets.
 * Return: take back in the ledger, then in Redis.
 */
export class LedgerDecisions implements LockDecisions {
  readonly #options: LedgerDecisionsOptions;
  /** Confirms that are under way here, by lock. */
  readonly #open = new Map<string, Promise<unknown>>();

  constructor(options: LedgerDecisionsOptions) {
    this.#options = options;
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
    if (refusal !== undefined) return (await this.#fromRecord(call, refusal.error)) ?? refusal;
    const open = listOf(asked, openSaleOf);
    const decided: SaleDecision[] = [];
    for (const { sale, isDecided } of open) {
      const error = isDecided ? undefined : await this.#decide(tag, sale);
      if (error !== undefined) {
        await this.#undo(tag, decided);
        return { ok: false, error };
      }
      if (!isDecided) decided.push(sale);
    }
    await this.#mark(tag, decided);
    return { ok: true, value: listOf(asked, confirmedOf) };
  }

  async release(tag: string, call: FunctionCall): Promise<Outcome<readonly Released[]>> {
    const { events, policy } = this.#options;
    const orderId = idOrNone(String(call.args[0] ?? ''));
    for (let turn = 0; turn < RETURNS_MAX; turn += 1) {
      const asked = await events.ask(tag, call, 'changing');
      if (!asked.ok || asked.reply.code !== 'RETURN') {
        const refusal = refusalIn(asked, call, policy);
        return refusal ?? { ok: true, value: listOf(asked, releasedOf) };
      }
      const error = await this.#return(tag, asked.reply.rest.text(0), orderId);
      if (error !== undefined) return { ok: false, error };
    }
    return { ok: false, error: { code: 'OUTCOME_UNKNOWN' } };
  }

  async reap(tag: string): Promise<void> {
    const { events, ledger } = this.#options;
    const asked = await events.ask(tag, { name: 'stuckPins', args: [REAPED] }, 'reading');
    for (const { sale } of listOf(asked, openSaleOf)) {
      const aborted = await this.#inTime(ledger.abort(sale));
      if (!aborted.ok) continue;
      const { outcome } = aborted.record;
      if (outcome === 'aborted') await this.#free(tag, sale.lockId);
      else await this.#mark(tag, [aborted.record]);
      if (outcome === 'returned') await this.#returned(tag, [sale.lockId]);
    }
  }

  /** What the ledger knows of a lock that Redis does not; `undefined` when that is nothing. */
  async #fromRecord(
    { args }: FunctionCall,
    { code }: LockError,
  ): Promise<Outcome<readonly Confirmed[]> | undefined> {
    const [lockId, ...others] = args.slice(FIRST_LOCK_ID).map(String);
    if (code !== 'LOCK_NOT_FOUND' || lockId === undefined || others.length > 0) return undefined;
    let record: DecisionRecord | undefined;
    try {
      record = await this.#inTime(this.#options.ledger.find(lockId));
    } catch {
      return { ok: false, error: { code: 'OUTCOME_UNKNOWN' } };
    }
    const user = String(args[1]);
    if (record === undefined || (user !== '' && idOf(user) !== record.userId)) return undefined;
    if (record.outcome !== 'sold') {
      const end = record.outcome === 'returned' ? 'LOCK_RELEASED' : 'LOCK_EXPIRED';
      return { ok: false, error: { code: end, lockId } };
    }
    const orderId = idOrNone(String(args[0]));
    if (orderId !== undefined && orderId !== record.orderId)
      return { ok: false, error: { code: 'ORDER_CONFLICT', lockId } };
    return { ok: true, value: [confirmedFrom(record)] };
  }

  async #decide(tag: string, sale: SaleDecision): Promise<LockError | undefined> {
    const { ledger, onFenced } = this.#options;
    const { lockId } = sale;
    try {
      const result = await this.#inTime(ledger.decide(sale));
      if (result.ok) return await this.#standing(tag, sale, result.record);
      if (result.reason === 'fenced') {
        onFenced();
        return { code: 'LOCK_LOST', lockId };
      }
      // More is sold than there is: nobody may sell this lock any more.
      const aborted = await this.#inTime(ledger.abort(sale));
      if (aborted.ok) return await this.#standing(tag, sale, aborted.record);
    } catch {
      // Whether it was written is not known: the pin stays, and the next who asks finds out.
    }
    return { code: 'OUTCOME_UNKNOWN' };
  }

  /** What the record that stands means for whoever wants to confirm. */
  async #standing(
    tag: string,
    sale: SaleDecision,
    record: DecisionRecord,
  ): Promise<LockError | undefined> {
    const { lockId, orderId } = sale;
    if (record.outcome === 'sold') {
      const isSame = orderId === undefined || orderId === record.orderId;
      return isSame ? undefined : { code: 'ORDER_CONFLICT', lockId };
    }
    if (record.outcome === 'returned') return { code: 'LOCK_RELEASED', lockId };
    const status = await this.#free(tag, lockId);
    return { code: status === 'EXPIRED' ? 'LOCK_EXPIRED' : 'LOCK_RELEASED', lockId };
  }

  async #return(
    tag: string,
    lockId: string,
    orderId: Id | undefined,
  ): Promise<LockError | undefined> {
    try {
      const result = await this.#inTime(this.#options.ledger.return(lockId, orderId));
      if (!result.ok) return { code: 'OUTCOME_UNKNOWN' };
      if (result.record.outcome !== 'sold') return await this.#returned(tag, [lockId]);
      return { code: result.record.settled ? 'LOCK_CONFIRMED' : 'ORDER_CONFLICT', lockId };
    } catch {
      return { code: 'OUTCOME_UNKNOWN' };
    }
  }

  /** Some of several locks could not be sold: those that were are taken back. */
  async #undo(tag: string, decided: readonly SaleDecision[]): Promise<void> {
    for (const sale of decided) {
      // What is not taken back now stays sold, and is found to be so by the next who asks.
      const error = await this.#return(tag, sale.lockId, sale.orderId);
      if (error === undefined) await this.#free(tag, sale.lockId);
    }
  }

  async #mark(tag: string, sales: readonly SaleDecision[]): Promise<void> {
    const args = sales.flatMap(({ lockId, orderId }) => [lockId, textOrNone(orderId)]);
    if (args.length > 0) await this.#options.events.ask(tag, { name: 'mark', args }, 'changing');
  }

  async #free(tag: string, lockId: string): Promise<string | undefined> {
    const call = { name: 'unpin', args: [lockId] };
    const asked = await this.#options.events.ask(tag, call, 'changing');
    return asked.ok ? asked.reply.rest.fields(0).text(1) : undefined;
  }

  async #returned(tag: string, lockIds: readonly string[]): Promise<undefined> {
    await this.#options.events.ask(tag, { name: 'returned', args: lockIds }, 'changing');
  }

  /** Waits for the ledger as long as anybody can be made to wait. Rejects when it takes longer. */
  #inTime<Value>(answer: Promise<Value>): Promise<Value> {
    const { timers } = this.#options;
    return new Promise((resolve, reject) => {
      const cancel = timers.after(LEDGER_MS, () => reject(new Error('the ledger is too slow')));
      answer.then(resolve, reject).finally(cancel);
    });
  }
}

function confirmedFrom(record: DecisionRecord): Confirmed {
  const { lockId, eventId, categoryId, userId, quantity, orderId, late } = record;
  return {
    status: 'CONFIRMED',
    lockId,
    eventId,
    categoryId,
    userId,
    quantity,
    ...(orderId !== undefined && { orderId }),
    ...(late === true && { late }),
  };
}

/** A sale as `pin` and `stuckPins` tell it. */
function openSaleOf(fields: Fields, eventId: Id): OpenSale {
  const lockId = fields.text(0);
  const orderId = idOrNone(fields.text(4));
  const sale: SaleDecision = {
    lockId,
    eventId,
    categoryId: idOf(fields.text(1)),
    userId: idOf(fields.text(2)),
    quantity: fields.number(3),
    epoch: routeOf(lockId)?.epoch ?? 0,
    capacityAtGrant: fields.number(6),
    ...(orderId !== undefined && { orderId }),
    ...(fields.number(5) === 1 && { late: true as const }),
  };
  return { sale, isDecided: fields.number(7) === 1 };
}
