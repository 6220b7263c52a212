import type { LockError, LockErrorCode } from '@ticket-locks/lock-engine';

import type { RpcErrorBody } from './packet.js';
import { lockRecord } from './replies.js';

/** For people. The code is the contract. */
const MESSAGES = {
  UNAUTHORIZED: 'The caller is not known.',
  FORBIDDEN: 'The caller may not do this.',
  RATE_LIMITED: 'Too many requests. Try again a little later.',
  INVALID_REQUEST: 'The request is not well formed; see "field".',
  REQUEST_CONFLICT: 'This requestId was used before, with other content.',
  EVENT_NOT_FOUND: 'There is no such event.',
  CATEGORY_NOT_FOUND: 'The event has no such category.',
  LOCK_NOT_FOUND: 'There is no such lock, or it is forgotten by now.',
  ORDER_CONFLICT: 'The lock belongs to another order.',
  LOCK_MISMATCH: 'The lock is not what the request says; see "field".',
  LOCK_CONFIRMED: 'The lock is confirmed already.',
  LOCK_RELEASED: 'The lock was released; its tickets are back on sale.',
  LOCK_EXPIRED: 'The lock has expired.',
  LOCK_LOST: 'The lock was lost with the memory of the store.',
  DUPLICATE_LOCK: 'The user has a lock in this category already.',
  LIMIT_EXCEEDED: 'A limit is reached; see "limit" and "max".',
  INSUFFICIENT_TICKETS: 'Not enough tickets are free.',
  OUTCOME_UNKNOWN: 'It is not known whether this was done. Repeat the request with the same ids.',
  UNAVAILABLE: 'Not possible right now, and nothing was changed. Try again.',
} satisfies Record<LockErrorCode, string>;

/** Whether a refusal decides the question for good, so that "no" is the truth and not a guess. */
const IS_DEFINITE = {
  UNAUTHORIZED: true,
  FORBIDDEN: true,
  RATE_LIMITED: false,
  INVALID_REQUEST: true,
  REQUEST_CONFLICT: true,
  EVENT_NOT_FOUND: true,
  CATEGORY_NOT_FOUND: true,
  LOCK_NOT_FOUND: true,
  ORDER_CONFLICT: true,
  LOCK_MISMATCH: true,
  LOCK_CONFIRMED: true,
  LOCK_RELEASED: true,
  LOCK_EXPIRED: true,
  LOCK_LOST: true,
  DUPLICATE_LOCK: true,
  LIMIT_EXCEEDED: true,
  INSUFFICIENT_TICKETS: true,
  OUTCOME_UNKNOWN: false,
  UNAVAILABLE: false,
} satisfies Record<LockErrorCode, boolean>;

export function isDefinite({ code }: LockError): boolean {
  return IS_DEFINITE[code];
}

/** A refusal as an RPC error: its code, a sentence, and its facts in the words of the wire. */
export function refusalBody(error: LockError): RpcErrorBody {
  const facts = error.code === 'DUPLICATE_LOCK' ? { lock: lockRecord(error.lock) } : {};
  return { status: 'error', ...error, ...facts, message: MESSAGES[error.code] };
}

/** A message that cannot be read at all. */
export const UNREADABLE: RpcErrorBody = {
  status: 'error',
  code: 'INVALID_REQUEST',
  message: 'The message is no JSON with a pattern, or too big.',
};

/** A failure of ours: what it left behind is not known, so it is no refusal. */
export const INTERNAL_ERROR: RpcErrorBody = {
  status: 'error',
  code: 'OUTCOME_UNKNOWN',
  message: 'Internal server error',
};
