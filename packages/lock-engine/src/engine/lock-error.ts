import type { Id } from './id.js';
import type { TicketLock } from './ticket-lock.js';

/**
 * Every refusal code in the order in which the checks are made: when several would apply, the
 * earliest is answered.
 *
 * The engine itself answers the codes from `INVALID_REQUEST` to `INSUFFICIENT_TICKETS` (but
 * `LOCK_LOST`, which only a store that can lose its memory knows); the first three belong to the
 * adapters, the last two to what may fail outside.
 */
export const LOCK_ERROR_CODES = [
  'UNAUTHORIZED',
  'FORBIDDEN',
  'RATE_LIMITED',
  'INVALID_REQUEST',
  'REQUEST_CONFLICT',
  'EVENT_NOT_FOUND',
  'CATEGORY_NOT_FOUND',
  'LOCK_NOT_FOUND',
  'ORDER_CONFLICT',
  'LOCK_MISMATCH',
  'LOCK_CONFIRMED',
  'LOCK_RELEASED',
  'LOCK_EXPIRED',
  'LOCK_LOST',
  'DUPLICATE_LOCK',
  'LIMIT_EXCEEDED',
  'INSUFFICIENT_TICKETS',
  'OUTCOME_UNKNOWN',
  'UNAVAILABLE',
] as const;

export type LockErrorCode = (typeof LOCK_ERROR_CODES)[number];

/**
 * One line of a `lockMany` that fell short. `available` is what is truly free for the caller to
 * take in addition.
 */
export interface ShortLine {
  readonly categoryId: Id;
  readonly requested: number;
  readonly available: number;
}

/** The limits of `LockPolicy` that a command can run into. */
export type LimitName =
  | 'ticketsPerLockMax'
  | 'locksPerUserMax'
  | 'ticketsPerUserPerEventMax'
  | 'extensionsMax'
  | 'lockAgeMsMax';

/** A refusal: its code and the facts that belong to it. Facts are fields, not prose. */
export type LockError =
  | { readonly code: 'UNAUTHORIZED' | 'FORBIDDEN' | 'OUTCOME_UNKNOWN' | 'UNAVAILABLE' }
  | { readonly code: 'RATE_LIMITED'; readonly retryAfterMs: number }
  /**
   * `field` names what is wrong; `locked` is there when a quantity is larger than what the lock
   * holds.
   */
  | { readonly code: 'INVALID_REQUEST'; readonly field: string; readonly locked?: number }
  | { readonly code: 'REQUEST_CONFLICT'; readonly requestId: string }
  | { readonly code: 'EVENT_NOT_FOUND'; readonly eventId: Id }
  | { readonly code: 'CATEGORY_NOT_FOUND'; readonly eventId: Id; readonly categoryId: Id }
  | { readonly code: 'LOCK_NOT_FOUND'; readonly lockId?: string }
  | { readonly code: 'ORDER_CONFLICT'; readonly lockId: string }
  /** `field` is the claim that differs from the lock. */
  | { readonly code: 'LOCK_MISMATCH'; readonly lockId: string; readonly field: string }
  | { readonly code: 'LOCK_CONFIRMED' | 'LOCK_RELEASED' | 'LOCK_LOST'; readonly lockId: string }
  /** `available` is there when a late confirm found too few tickets free. */
  | { readonly code: 'LOCK_EXPIRED'; readonly lockId: string; readonly available?: number }
  | { readonly code: 'DUPLICATE_LOCK'; readonly lockId: string; readonly lock: TicketLock }
  | { readonly code: 'LIMIT_EXCEEDED'; readonly limit: LimitName; readonly max: number }
  /**
   * `lines` lists every line that fell short; `available` and `requested` are those of the first.
   */
  | {
      readonly code: 'INSUFFICIENT_TICKETS';
      readonly available: number;
      readonly requested: number;
      readonly lines: readonly ShortLine[];
    };
