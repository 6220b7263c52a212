import type { Id } from './id.js';
import type { LockChange } from './lock-change.js';
import type { LockError } from './lock-error.js';

/**
 * What a command answers: a value or a refusal, and the facts it made true in either case (expiries
 * it met, say).
 */
export type CommandResult<Value> =
  | { readonly ok: true; readonly value: Value; readonly changes: readonly LockChange[] }
  | { readonly ok: false; readonly error: LockError; readonly changes: readonly LockChange[] };

/** Makes a command safe to repeat: made by the client, one per attempt, 1 to 128 characters. */
export interface Repeatable {
  readonly requestId?: string | undefined;
}

/**
 * What to do when the user has an active lock in the category: refuse (unset), replace its
 * quantity, or add to it.
 */
export type OnExisting = 'set' | 'add';

export interface LockCommand extends Repeatable {
  readonly eventId: Id;
  readonly categoryId: Id;
  /** Tickets, 1 to `ticketsPerLockMax`. */
  readonly quantity: number;
  readonly userId: Id;
  readonly sessionId: string;
  readonly onExisting?: OnExisting | undefined;
}

export interface LockLine {
  readonly categoryId: Id;
  readonly quantity: number;
}

export interface LockManyCommand extends Repeatable {
  readonly eventId: Id;
  /** 1 to 1,000 lines, each of another category. */
  readonly items: readonly LockLine[];
  readonly userId: Id;
  readonly sessionId: string;
  readonly onExisting?: OnExisting | undefined;
}

/** Names the lock by its id, or by the user and the category he locked. */
export type UnlockCommand = Repeatable & { readonly quantity?: number | undefined } & (
    | { readonly lockId: string; readonly userId?: Id | undefined }
    | {
        readonly lockId?: undefined;
        readonly eventId: Id;
        readonly categoryId: Id;
        readonly userId: Id;
      }
  );

export interface ExtendCommand extends Repeatable {
  readonly lockId: string;
  readonly userId?: Id | undefined;
}

/** What an order claims of a lock: whatever is given must be true of it. */
export interface LockClaims {
  readonly userId?: Id | undefined;
  readonly eventId?: Id | undefined;
  readonly categoryId?: Id | undefined;
  readonly quantity?: number | undefined;
}

export interface BeginPaymentCommand extends LockClaims, Repeatable {
  readonly lockId: string;
  readonly orderId: Id;
  /** How long the payment may take, from now; default `paymentTtlMs`. 1 to a year. */
  readonly ttlMs?: number | undefined;
}

export interface ConfirmCommand extends LockClaims, Repeatable {
  readonly lockId: string;
  readonly orderId?: Id | undefined;
}

export interface ReleaseCommand extends LockClaims, Repeatable {
  readonly lockId: string;
  readonly orderId?: Id | undefined;
}

export interface DecideManyCommand extends Repeatable {
  /** 1 to 1,000 different ids of locks of one event. */
  readonly lockIds: readonly string[];
  readonly orderId?: Id | undefined;
}

export interface ReleaseSessionCommand {
  readonly sessionId: string;
}

export interface ExpireDueCommand {
  /** Most locks to expire in this call, and most to report as expiring; default all. */
  readonly limit?: number | undefined;
}

export interface SetInventoryCommand {
  readonly eventId: Id;
  /**
   * Categories that are not listed keep their figures. `soldElsewhere` defaults to what is known,
   * else 0. Left out only together with `completed`.
   */
  readonly categories?:
    | readonly {
        readonly categoryId: Id;
        readonly capacity: number;
        readonly soldElsewhere?: number | undefined;
      }[]
    | undefined;
  /**
   * When the fetch of these figures began, by the engine's clock; default now. An answer older than
   * the newest one is ignored.
   */
  readonly fetchedAtMs?: number | undefined;
  /**
   * Orders known to be completed before the fetch began. Without `categories` nothing was fetched:
   * they are noted, and settle with figures whose fetch begins later.
   */
  readonly completed?: readonly CompletedOrder[] | undefined;
}

export interface CompletedOrder {
  readonly orderId: Id;
  readonly categoryId: Id;
  readonly quantity: number;
  readonly userId: Id;
  /** Without it the oldest unsettled lock of the same user, category and quantity is meant. */
  readonly lockId?: string | undefined;
}

export interface SettleCommand {
  readonly lockId: string;
}

export interface RequireRefundCommand {
  readonly lockId: string;
  /** The order that was paid, where it is known. */
  readonly orderId?: Id | undefined;
  /**
   * What is claimed of the lock, here and in the next three. Read by a store that has lost it, and
   * by nobody else.
   */
  readonly eventId?: Id | undefined;
  readonly categoryId?: Id | undefined;
  readonly userId?: Id | undefined;
  readonly quantity?: number | undefined;
}

export interface CancelEventCommand {
  readonly eventId: Id;
}

export interface LockGrant {
  readonly lockId: string;
  readonly eventId: Id;
  readonly categoryId: Id;
  readonly quantity: number;
  readonly expiresAtMs: number;
  readonly expiresInMs: number;
  /** Tickets of the category that are free after this grant. */
  readonly available: number;
}

export interface LockManyGrant {
  /** The first lock's id. */
  readonly lockId: string;
  readonly eventId: Id;
  readonly locks: readonly LockGrant[];
}

export interface Unlocked {
  readonly lockId: string;
  readonly eventId: Id;
  readonly categoryId: Id;
  /** Tickets given back by this command. */
  readonly quantity: number;
  /** Tickets still locked. */
  readonly remaining: number;
}

export interface Extended {
  readonly lockId: string;
  readonly expiresAtMs: number;
  readonly expiresInMs: number;
  readonly extensionsLeft: number;
}

export interface PaymentBegun {
  readonly lockId: string;
  readonly orderId: Id;
  readonly expiresAtMs: number;
  readonly expiresInMs: number;
}

export interface Confirmed {
  readonly lockId: string;
  readonly status: 'CONFIRMED';
  readonly eventId: Id;
  readonly categoryId: Id;
  readonly userId: Id;
  readonly quantity: number;
  readonly orderId?: Id;
  /** The lock had expired and took fresh tickets. */
  readonly late?: true;
}

export interface Released {
  readonly lockId: string;
  /** `EXPIRED` when the lock had ended by time before. */
  readonly status: 'RELEASED' | 'EXPIRED';
  readonly eventId: Id;
  readonly categoryId: Id;
  readonly userId: Id;
  readonly quantity: number;
}

export interface ConfirmedMany {
  readonly lockId: string;
  readonly locks: readonly Confirmed[];
}

export interface ReleasedMany {
  readonly lockId: string;
  readonly locks: readonly Released[];
}

export interface SessionReleased {
  readonly sessionId: string;
  readonly lockIds: readonly string[];
}

export interface ExpiredDue {
  readonly expiredCount: number;
  /** True when the limit was reached while more were due. */
  readonly more: boolean;
}

export interface InventorySet {
  readonly eventId: Id;
  /** False when a newer answer was known already: nothing changed. */
  readonly applied: boolean;
  readonly settledLockIds: readonly string[];
  /** Completed orders that fit no unsettled lock; nothing was settled for them. */
  readonly unmatched: readonly CompletedOrder[];
}

export interface Settled {
  readonly lockId: string;
  readonly status: 'CONFIRMED';
  readonly settled: true;
}

/** Money that was taken for a lock that is over. */
export interface RefundRequired {
  readonly lockId: string;
  readonly eventId: Id;
  /** This and the next two are left out of a lock that is lost, where nobody said them. */
  readonly categoryId?: Id;
  readonly userId?: Id;
  readonly quantity?: number;
  readonly orderId?: Id;
  /** When it was noted. */
  readonly requiredAtMs: number;
}

export interface EventCancelled {
  readonly eventId: Id;
  readonly lockIds: readonly string[];
}

export interface Forgotten {
  readonly lockCount: number;
  readonly requestCount: number;
}

/** The values a repeated request is answered with. */
export type CommandValue =
  | { readonly kind: 'lock'; readonly value: LockGrant }
  | { readonly kind: 'lockMany'; readonly value: LockManyGrant }
  | { readonly kind: 'unlock'; readonly value: Unlocked }
  /**
   * Without `extensionsLeft`, which is as of now, and which JSON cannot hold when there is no
   * limit.
   */
  | { readonly kind: 'extend'; readonly value: Omit<Extended, 'extensionsLeft'> }
  /** Commands of the orders service repeat themselves: their answer is read from the lock. */
  | { readonly kind: 'decision' };
