import type { LockError, Outcome, TicketLocks } from '@ticket-locks/lock-engine';

import { eventHandlers } from './event-handlers.js';
import type { EventHandlerOptions } from './event-handlers.js';
import { notingRefunds } from './late-money.js';
import {
  readDecision,
  readDecisionOfUser,
  readDecisionOnMany,
  readEventQuery,
  readLockQuery,
  readPayment,
  readRefundQuery,
} from './payloads.js';
import { isDefinite } from './refusals.js';
import {
  availabilityReply,
  confirmedReply,
  lockRecord,
  manyReply,
  paymentReply,
  refundRecord,
  releasedReply,
} from './replies.js';
import { routeOf } from './route.js';

/**
 * Answers one request with the value for the wire or a refusal. Rejects only when the store is
 * broken.
 */
export type Handler = (data: unknown) => Promise<Outcome<unknown>>;

export interface HandlerOptions extends EventHandlerOptions {
  /** What `get-realtime-stats` answers, as it is. */
  readonly stats: () => Promise<object>;
}

/** Returns the handler of every route: each pattern as a plain string and as `{ cmd }`. */
export function createHandlers(options: HandlerOptions): ReadonlyMap<string, Handler> {
  const patterns: Record<string, Handler> = {
    ...decisionHandlers(options.locks),
    ...queryHandlers(options),
    ...eventHandlers(options),
  };
  const routes = Object.entries(patterns).flatMap(([pattern, handler]): [string, Handler][] => [
    [pattern, handler],
    [routeOf({ cmd: pattern }), handler],
  ]);
  return new Map(routes);
}

function decisionHandlers(locks: TicketLocks): Record<string, Handler> {
  const noting = notingRefunds(locks);
  const confirm = (read: typeof readDecision) =>
    answering(
      read,
      noting((command) => locks.confirm(command)),
      confirmedReply,
    );
  return {
    'confirm-ticket-lock': confirm(readDecision),
    'confirm-ticket-locks': answering(
      readDecisionOnMany,
      noting((command) => locks.confirmMany(command)),
      manyReply,
    ),
    'release-ticket-lock': answering(
      readDecision,
      (command) => locks.release(command),
      releasedReply,
    ),
    'release-ticket-locks': answering(
      readDecisionOnMany,
      (command) => locks.releaseMany(command),
      manyReply,
    ),
    'begin-ticket-payment': answering(
      readPayment,
      (command) => locks.beginPayment(command),
      paymentReply,
    ),
    'confirm-lock': booleanly(confirm(readDecisionOfUser)),
  };
}

function queryHandlers({ locks, stats }: HandlerOptions): Record<string, Handler> {
  return {
    'get-ticket-lock': answering(
      readLockQuery,
      async ({ lockId }) => found(await locks.lockById(lockId), { code: 'LOCK_NOT_FOUND', lockId }),
      lockRecord,
    ),
    'get-event-availability': answering(
      readEventQuery,
      ({ eventId }) => locks.availability(eventId),
      availabilityReply,
    ),
    'get-unsettled-locks': answering(
      readEventQuery,
      async ({ eventId }) => done(await locks.unsettledLocks(eventId)),
      (unsettled) => unsettled.map(lockRecord),
    ),
    'get-refunds-required': answering(
      readRefundQuery,
      async ({ eventId }) => {
        const refunds = await locks.refundsRequired();
        return done(refunds.filter((refund) => (eventId ?? refund.eventId) === refund.eventId));
      },
      (refunds) => refunds.map(refundRecord),
    ),
    'get-realtime-stats': async () => done(await stats()),
  };
}

/** Reads the payload, runs the command, and puts its value into the words of the wire. */
function answering<Command, Value>(
  read: (data: unknown) => Outcome<Command>,
  run: (command: Command) => Promise<Outcome<Value>>,
  reply: (value: Value) => unknown,
): Handler {
  return async (data) => {
    const command = read(data);
    if (!command.ok) return command;
    const outcome = await run(command.value);
    return outcome.ok ? { ok: true, value: reply(outcome.value) } : outcome;
  };
}

function done<Value>(value: Value): Outcome<Value> {
  return { ok: true, value };
}

function found<Value>(value: Value | undefined, error: LockError): Outcome<Value> {
  return value === undefined ? { ok: false, error } : done(value);
}

/** Answers yes or no; what is not known stays an error, so that nobody takes it for a no. */
function booleanly(handler: Handler): Handler {
  return async (data) => {
    const outcome = await handler(data);
    return outcome.ok || isDefinite(outcome.error) ? { ok: true, value: outcome.ok } : outcome;
  };
}
