import type { CommandValue } from './command.js';
import type { Id } from './id.js';
import type { ReleaseReason } from './ticket-lock.js';

/**
 * One fact. The changes of a run, applied in order of `seq` to an empty engine, give the same
 * state.
 *
 * `seq` counts the facts of one engine from 1, without gaps; `atMs` is the instant of the command
 * that made it. The changes of one command belong together: a ledger records all of them or none.
 */
export type LockChange =
  | LockedChange
  | QuantityChangedChange
  | ExtendedChange
  | PaymentBegunChange
  | ConfirmedChange
  | ReleasedChange
  | ExpiredChange
  | ExpiringChange
  | OrderCompletedChange
  | SettledChange
  | RefundRequiredChange
  | InventorySetChange
  | EventCancelledChange
  | RequestRememberedChange
  | ForgottenChange;

export type LockChangeType = LockChange['type'];

interface ChangeHeader {
  readonly seq: number;
  readonly atMs: number;
}

/** What every change about one lock carries, so that news can be sent without a look-up. */
export interface LockChangeHeader extends ChangeHeader {
  readonly lockId: string;
  readonly eventId: Id;
  readonly categoryId: Id;
  readonly userId: Id;
  /** The lock's tickets after the change; for an end, the tickets it held. */
  readonly quantity: number;
}

export interface LockedChange extends LockChangeHeader {
  readonly type: 'locked';
  readonly sessionId: string;
  readonly expiresAtMs: number;
}

/** More or fewer tickets under the same lock with the same end. */
export interface QuantityChangedChange extends LockChangeHeader {
  readonly type: 'quantity-changed';
  readonly previousQuantity: number;
}

export interface ExtendedChange extends LockChangeHeader {
  readonly type: 'extended';
  readonly expiresAtMs: number;
}

export interface PaymentBegunChange extends LockChangeHeader {
  readonly type: 'payment-begun';
  readonly orderId: Id;
  readonly expiresAtMs: number;
}

export interface ConfirmedChange extends LockChangeHeader {
  readonly type: 'confirmed';
  readonly orderId?: Id;
  /** The lock had expired and took fresh tickets. */
  readonly late?: true;
}

export interface ReleasedChange extends LockChangeHeader {
  readonly type: 'released';
  readonly reason: ReleaseReason;
  readonly orderId?: Id;
}

export interface ExpiredChange extends LockChangeHeader {
  readonly type: 'expired';
  readonly expiresAtMs: number;
  readonly orderId?: Id;
}

/** News only: the lock ends in `expiringNoticeMs` or less. */
export interface ExpiringChange extends LockChangeHeader {
  readonly type: 'expiring';
  readonly expiresAtMs: number;
  readonly orderId?: Id;
}

/** The order of a confirmed lock is completed: figures fetched from now on may settle it. */
export interface OrderCompletedChange extends LockChangeHeader {
  readonly type: 'order-completed';
  readonly orderId: Id;
}

/** The source of truth counts the confirmed lock itself by now. */
export interface SettledChange extends LockChangeHeader {
  readonly type: 'settled';
  readonly orderId?: Id;
  /** By an operator's word: it uses what has risen, and does not wait for it. */
  readonly byOperator?: true;
}

/** Money was taken for a lock that is over: it must go back to the buyer. */
export interface RefundRequiredChange extends LockChangeHeader {
  readonly type: 'refund-required';
  /** The order that was paid, where it is known. */
  readonly orderId?: Id;
}

export interface InventorySetChange extends ChangeHeader {
  readonly type: 'inventory-set';
  readonly eventId: Id;
  readonly fetchedAtMs: number;
  readonly categories: readonly CategoryFigures[];
  /** Orders that were completed before this fetch began, with the lock each one is about. */
  readonly completed: readonly { readonly lockId: string; readonly orderId: Id }[];
}

export interface CategoryFigures {
  readonly categoryId: Id;
  readonly capacity: number;
  readonly soldElsewhere: number;
}

/**
 * The event takes no locks any more; its active locks were released by the changes before this one.
 */
export interface EventCancelledChange extends ChangeHeader {
  readonly type: 'event-cancelled';
  readonly eventId: Id;
}

export interface RequestRememberedChange extends ChangeHeader {
  readonly type: 'request-remembered';
  readonly eventId: Id;
  /** Whose request it was; with `eventId` the space in which `requestId` is unique. */
  readonly scope: string;
  readonly requestId: string;
  /** What was asked, so that the same id with other content is noticed. */
  readonly content: string;
  readonly answer: CommandValue;
}

/** The oldest ended locks and request ids are forgotten. */
export interface ForgottenChange extends ChangeHeader {
  readonly type: 'forgotten';
  readonly lockCount: number;
  readonly requestCount: number;
}
