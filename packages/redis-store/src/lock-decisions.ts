import type {
  Confirmed,
  DecisionRecord,
  LockError,
  LockPolicy,
  Outcome,
  Released,
} from '@ticket-locks/lock-engine';

import { confirmedOf, refusalOf, releasedOf } from './answer.js';
import type { Asked, EventCalls } from './event-calls.js';
import type { FunctionCall } from './function-call.js';

/** Who decides what is sold for good. The calls name locks of one event, and were routed to it. */
export interface LockDecisions {
  confirm(tag: string, call: FunctionCall): Promise<Outcome<readonly Confirmed[]>>;
  release(tag: string, call: FunctionCall): Promise<Outcome<readonly Released[]>>;
  /** Resolves when a decision that is open here is made; `undefined` for any other. */
  whenDecided(lockId: string): Promise<unknown> | undefined;
  /** Sees to decisions that were begun and not brought to an end. */
  reap(tag: string): Promise<void>;
  /** Tells Redis what it has not heard of its sales, a part of them at a time. */
  review(tag: string): Promise<void>;
  /**
   * How a lock ended that Redis does not know; `undefined` when nobody knows. `UNAVAILABLE` when
   * that cannot be told.
   */
  endOf(lockId: string): Promise<LockError | undefined>;
  /** What is recorded of locks of epochs that are over. Rejects when that is not known. */
  recordsOf(lockIds: readonly string[]): Promise<readonly DecisionRecord[]>;
}

export interface DirectDecisionsOptions {
  readonly events: EventCalls;
  readonly policy: LockPolicy;
}

/** Redis alone decides: one call, and what it forgets in a crash is forgotten. */
export class DirectDecisions implements LockDecisions {
  readonly #options: DirectDecisionsOptions;

  constructor(options: DirectDecisionsOptions) {
    this.#options = options;
  }

  async confirm(tag: string, call: FunctionCall): Promise<Outcome<readonly Confirmed[]>> {
    const asked = await this.#options.events.ask(tag, call, 'changing');
    const refusal = refusalIn(asked, call, this.#options.policy);
    if (refusal !== undefined) return refusal;
    return { ok: true, value: listOf(asked, confirmedOf) };
  }

  async release(tag: string, call: FunctionCall): Promise<Outcome<readonly Released[]>> {
    const asked = await this.#options.events.ask(tag, call, 'changing');
    const refusal = refusalIn(asked, call, this.#options.policy);
    return refusal ?? { ok: true, value: listOf(asked, releasedOf) };
  }

  whenDecided(): undefined {
    return undefined;
  }

  async reap(): Promise<void> {
    // Nothing is ever left open.
  }

  async review(): Promise<void> {
    // Nobody else knows of any sale.
  }

  async endOf(): Promise<undefined> {
    return undefined;
  }

  async recordsOf(): Promise<readonly DecisionRecord[]> {
    return [];
  }
}

/** The refusal in what was asked about locks; an event that is not there has none of them. */
export function refusalIn(
  asked: Asked,
  call: FunctionCall,
  policy: LockPolicy,
): { readonly ok: false; readonly error: ReturnType<typeof refusalOf> } | undefined {
  if (!asked.ok) {
    const lockId = String(call.args[FIRST_LOCK_ID] ?? '');
    return { ok: false, error: asked.error ?? { code: 'LOCK_NOT_FOUND', lockId } };
  }
  const { reply, eventId } = asked;
  if (reply.code === 'OK') return undefined;
  return { ok: false, error: refusalOf(reply, { eventId, policy }) };
}

/** Where the lock ids of a decision begin, after what it claims. */
export const FIRST_LOCK_ID = 8;

export function listOf<Value>(
  asked: Asked,
  read: (
    fields: Extract<Asked, { ok: true }>['reply']['rest'],
    eventId: Extract<Asked, { ok: true }>['eventId'],
  ) => Value,
): Value[] {
  return asked.ok ? asked.reply.rest.lists().map((fields) => read(fields, asked.eventId)) : [];
}
