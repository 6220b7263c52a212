import type { Id } from './id.js';

export type LockStatus = 'ACTIVE' | 'CONFIRMED' | 'RELEASED' | 'EXPIRED';

/** Why a lock was released. `order-failed` marks a return: it was confirmed before. */
export type ReleaseReason =
  | 'unlocked'
  | 'released'
  | 'disconnected'
  | 'event-cancelled'
  | 'order-failed'
  | 'confirm-aborted'
  | 'lost';

/**
 * A lock as it stands at one instant. Instants are milliseconds since 1970 of the engine's clock.
 */
export interface TicketLock {
  readonly lockId: string;
  readonly eventId: Id;
  readonly categoryId: Id;
  readonly quantity: number;
  readonly userId: Id;
  readonly sessionId: string;
  /** By comparison: a lock is `EXPIRED` from `expiresAtMs` on, whether or not it was swept yet. */
  readonly status: LockStatus;
  readonly createdAtMs: number;
  /** The first instant at which the lock is not active any more. */
  readonly expiresAtMs: number;
  /** `max(0, expiresAtMs - now)` while the lock is active, else 0. */
  readonly expiresInMs: number;
  /** How often the lock may still be extended; `Infinity` without a limit. */
  readonly extensionsLeft: number;
  /** The order the lock is tied to, by `beginPayment` or by its first confirm. */
  readonly orderId?: Id;
  /** Present on a confirmed lock that was taken again after it had expired. */
  readonly late?: true;
  /** Present on a confirmed lock that the source of truth counts itself by now. */
  readonly settled?: true;
  readonly endedAtMs?: number;
  readonly reason?: ReleaseReason;
}

/**
 * The tickets of one category. `available = max(0, capacity - sold - locked)`, `deficit = max(0,
 * sold + locked - capacity)`.
 */
export interface CategoryAvailability {
  readonly eventId: Id;
  readonly categoryId: Id;
  readonly capacity: number;
  readonly available: number;
  readonly locked: number;
  /** `soldElsewhere + confirmed`. */
  readonly sold: number;
  readonly deficit: number;
  /** Confirmed here and not yet counted by the source of truth. */
  readonly confirmed: number;
  readonly soldElsewhere: number;
  /** Grows with every change of the category and never goes back. */
  readonly version: number;
}

/** Counts over everything the engine remembers. */
export interface LockStats {
  readonly totalLocks: number;
  readonly activeLocks: number;
  readonly usersWithLocks: number;
  readonly categoriesWithLocks: number;
  readonly locksByStatus: {
    readonly active: number;
    readonly expired: number;
    readonly confirmed: number;
    readonly released: number;
  };
  /** Confirmed locks that wait for the source of truth to count them. */
  readonly unsettledLocks: number;
  readonly rememberedRequests: number;
  readonly events: number;
}
