import type { LockError, LockErrorCode } from '@ticket-locks/lock-engine';

import { myLock } from './answers.js';
import type { ConnectRefusal, Refusal } from './protocol.js';

type ErrorOf<Code extends LockErrorCode> = LockError & { readonly code: Code };
type Messages = { readonly [Code in LockErrorCode]: (error: ErrorOf<Code>) => string };

/** What people read. Nobody may depend on it: the code is the contract. */
const MESSAGES = {
  UNAUTHORIZED: () => 'Your sign-in is missing, not valid or over',
  FORBIDDEN: () => 'This is not yours',
  RATE_LIMITED: ({ retryAfterMs }) =>
    `Too many requests, try again in ${Math.ceil(retryAfterMs / 1000)} s`,
  INVALID_REQUEST: ({ field, locked }) =>
    locked === undefined
      ? `The request is not valid: ${field}`
      : `You have only ${locked} tickets locked`,
  REQUEST_CONFLICT: () => 'This requestId was used for another request',
  EVENT_NOT_FOUND: () => 'There is no such event',
  CATEGORY_NOT_FOUND: () => 'Ticket category not found',
  LOCK_NOT_FOUND: () => 'No locked tickets found',
  ORDER_CONFLICT: () => 'These tickets are being paid for',
  LOCK_MISMATCH: ({ field }) => `The lock does not fit: ${field}`,
  LOCK_CONFIRMED: () => 'These tickets are sold',
  LOCK_RELEASED: () => 'These tickets were given back',
  LOCK_EXPIRED: () => 'The time for these tickets is over',
  LOCK_LOST: () => 'These tickets were lost in a failure, lock them again',
  DUPLICATE_LOCK: () => 'You already have tickets locked for this category',
  LIMIT_EXCEEDED: ({ limit, max }) => `The limit is reached: ${limit} is ${max}`,
  INSUFFICIENT_TICKETS: ({ available }) => `Only ${available} tickets available`,
  OUTCOME_UNKNOWN: () => 'It is not known whether this was done: repeat it with the same requestId',
  UNAVAILABLE: () => 'The service cannot do this now, try again later',
} satisfies Messages;

/**
 * Returns what a client is answered: the code, a sentence, and the facts in the words of the wire.
 */
export function refusal(error: LockError, requestId?: string): Refusal {
  const { lock, ...facts } = { lock: undefined, ...error };
  return {
    success: false,
    message: messageOf(error),
    ...facts,
    ...(lock !== undefined && { lock: myLock(lock) }),
    ...('available' in facts && { availableTickets: facts.available }),
    ...(requestId !== undefined && { requestId }),
  };
}

/** An error for socket.io's middleware: the client sees it as `connect_error` with this `data`. */
export class ConnectRefusedError extends Error {
  readonly data: ConnectRefusal;

  constructor(error: ErrorOf<'UNAUTHORIZED' | 'FORBIDDEN' | 'RATE_LIMITED' | 'UNAVAILABLE'>) {
    const message = messageOf(error);
    super(message);
    this.name = 'ConnectRefusedError';
    this.data = { ...error, message };
  }
}

export function messageOf(error: LockError): string {
  // Safe: the map has, for each code, a function of exactly that error.
  return (MESSAGES[error.code] as (error: LockError) => string)(error);
}
