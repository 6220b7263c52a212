import { canonicalId } from '@ticket-locks/lock-engine';
import type {
  DecisionLedger,
  DecisionRecord,
  Id,
  LockError,
  Outcome,
  RefundRequired,
  RequireRefundCommand,
} from '@ticket-locks/lock-engine';

import type { EventCalls } from './event-calls.js';
import { eventTag, routeOf } from './event-key.js';
import { textOf, textOrNone } from './wire-text.js';

export interface LedgerRefundsOptions {
  readonly ledger: DecisionLedger;
  readonly events: EventCalls;
  readonly nowMs: () => number;
}

/** How a lock is over that Redis may not have any more. */
const OVER = new Set<LockError['code']>(['LOCK_LOST', 'LOCK_EXPIRED', 'LOCK_RELEASED']);

/**
 * Money that came too late, in the ledger, so that a loss of Redis does not forget it.
 *
 * What Redis has noted is noted here before it is answered. Of a lock that Redis has lost, what the
 * ledger knows is noted; else what the caller claims, and no more.
 */
export class LedgerRefunds {
  readonly #options: LedgerRefundsOptions;

  constructor(options: LedgerRefundsOptions) {
    this.#options = options;
  }

  /** Makes durable what Redis says. Fails with `OUTCOME_UNKNOWN`, and as Redis did. */
  async note(
    command: RequireRefundCommand,
    noted: Outcome<RefundRequired>,
  ): Promise<Outcome<RefundRequired>> {
    if (!noted.ok && !OVER.has(noted.error.code)) return noted;
    try {
      if (noted.ok) return done(await this.#options.ledger.noteRefund(noted.value));
      const refund = await this.#lostRefund(command, noted.error);
      if (refund === undefined) return noted;
      const standing = await this.#options.ledger.noteRefund(refund);
      await this.#tell(standing);
      return done(standing);
    } catch {
      return { ok: false, error: { code: 'OUTCOME_UNKNOWN' } };
    }
  }

  all(): Promise<readonly RefundRequired[]> {
    return this.#options.ledger.refundsRequired();
  }

  /** What there is to note of a lock that Redis does not have; nothing where it ended otherwise. */
  async #lostRefund(
    command: RequireRefundCommand,
    { code }: LockError,
  ): Promise<RefundRequired | undefined> {
    const { lockId } = command;
    const record = await this.#options.ledger.find(lockId);
    const isAborted = record?.outcome === 'aborted';
    if (!isAborted && (record !== undefined || code !== 'LOCK_LOST')) return undefined;
    const facts = isAborted ? factsOf(record) : await this.#claimsOf(command);
    const orderId = idIn(command.orderId) ?? record?.orderId;
    const requiredAtMs = this.#options.nowMs();
    return facts && { lockId, ...facts, requiredAtMs, ...(orderId !== undefined && { orderId }) };
  }

  /** What the caller claims; nothing when there was never such an event. */
  async #claimsOf(command: RequireRefundCommand) {
    const { lockId, quantity } = command;
    const [categoryId, userId] = [idIn(command.categoryId), idIn(command.userId)];
    const tag = routeOf(lockId)?.tag;
    const events = await this.#options.ledger.events();
    const eventId = events.find((one) => eventTag(one) === tag);
    if (eventId === undefined) return undefined;
    return {
      eventId,
      ...(categoryId !== undefined && { categoryId }),
      ...(userId !== undefined && { userId }),
      ...(quantity !== undefined && { quantity }),
    };
  }

  /** Tells it outside, once more with each repeat, where all is known that a message says. */
  async #tell(refund: RefundRequired): Promise<void> {
    const { lockId, eventId, categoryId, userId, quantity, orderId } = refund;
    if (categoryId === undefined || userId === undefined || quantity === undefined) return;
    const facts = [textOf(categoryId), textOf(userId), quantity, textOrNone(orderId)];
    const call = { name: 'tellRefund', args: [lockId, ...facts] };
    const asked = await this.#options.events.ask(eventTag(eventId), call, 'changing');
    if (!asked.ok && asked.error !== undefined) throw new Error('it may not have been told');
  }
}

function factsOf({ eventId, categoryId, userId, quantity }: DecisionRecord) {
  return { eventId, categoryId, userId, quantity };
}

function idIn(id: Id | undefined): Id | undefined {
  return id === undefined ? undefined : canonicalId(id);
}

function done<Value>(value: Value): Outcome<Value> {
  return { ok: true, value };
}
