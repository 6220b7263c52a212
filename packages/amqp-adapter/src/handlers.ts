import type { LockError, Outcome, TicketLocks } from '@ticket-locks/lock-engine';

import {
  readDecision,
  readDecisionOfUser,
  readDecisionOnMany,
  readEventQuery,
  readLockQuery,
  readPayment,
} from './payloads.js';
import { isDefinite } from './refusals.js';
import {
  availabilityReply,
  confirmedReply,
  lockRecord,
  manyReply,
  paymentReply,
  releasedReply,
} from './replies.js';
import { routeOf } from './route.js';

/**
 * Answers one request with the value for the wire or a refusal. Rejects only when the store is
 * broken.
 */
export type Handler = (data: unknown) => Promise<Outcome<unknown>>;

export interface HandlerOptions {
  readonly locks: TicketLocks;
  /** What `get-realtime-stats` answers, as it is. */
  readonly stats: () => Promise<object>;
}

/** Returns the handler of every route: each pattern as a plain string and as `{ cmd }`. */
export function createHandlers({ locks, stats }: HandlerOptions): ReadonlyMap<string, Handler> {
  const confirm = (read: typeof readDecision) =>
    answering(read, (command) => locks.confirm(command), confirmedReply);
  const patterns: Record<string, Handler> = {
    'confirm-ticket-lock': confirm(readDecision),
    'confirm-ticket-locks': answering(
      readDecisionOnMany,
      (command) => locks.confirmMany(command),
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
    'get-realtime-stats': async () => ({ ok: true, value: await stats() }),
    'confirm-lock': booleanly(confirm(readDecisionOfUser)),
  };
  const routes = Object.entries(patterns).flatMap(([pattern, handler]): [string, Handler][] => [
    [pattern, handler],
    [routeOf({ cmd: pattern }), handler],
  ]);
  return new Map(routes);
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

function found<Value>(value: Value | undefined, error: LockError): Outcome<Value> {
  return value === undefined ? { ok: false, error } : { ok: true, value };
}

/** Answers yes or no; what is not known stays an error, so that nobody takes it for a no. */
function booleanly(handler: Handler): Handler {
  return async (data) => {
    const outcome = await handler(data);
    return outcome.ok || isDefinite(outcome.error) ? { ok: true, value: outcome.ok } : outcome;
  };
}
