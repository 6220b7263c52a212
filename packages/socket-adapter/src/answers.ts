import type {
  CategoryAvailability,
  LockGrant,
  LockManyGrant,
  LockStatus,
  TicketLock,
} from '@ticket-locks/lock-engine';

import type { AvailabilityUpdate, GrantedLock, MyLock } from './protocol.js';

/** How today's clients know the states. */
const WIRE_STATUS = {
  ACTIVE: 'active',
  CONFIRMED: 'confirmed',
  RELEASED: 'released',
  EXPIRED: 'expired',
} as const satisfies Record<LockStatus, MyLock['status']>;

/** Instants leave as ISO 8601. */
export function iso(instantMs: number): string {
  return new Date(instantMs).toISOString();
}

export function grantedLock(grant: LockGrant): GrantedLock {
  return {
    lockId: grant.lockId,
    eventId: grant.eventId,
    categoryId: grant.categoryId,
    quantity: grant.quantity,
    expiresAt: iso(grant.expiresAtMs),
    expiresInMs: grant.expiresInMs,
    availableTickets: grant.available,
  };
}

/** Several locks: the fields of the first one, and all of them. */
export function grantedLocks(
  grant: LockManyGrant,
): GrantedLock & { readonly locks: readonly GrantedLock[] } {
  const locks = grant.locks.map(grantedLock);
  const [first] = locks;
  if (first === undefined) throw new TypeError('a grant has at least one lock');
  return { ...first, locks };
}

export function myLock(lock: TicketLock): MyLock {
  return {
    lockId: lock.lockId,
    eventId: lock.eventId,
    categoryId: lock.categoryId,
    quantity: lock.quantity,
    userId: lock.userId,
    sessionId: lock.sessionId,
    status: WIRE_STATUS[lock.status],
    createdAt: iso(lock.createdAtMs),
    expiresAt: iso(lock.expiresAtMs),
    expiresInMs: lock.expiresInMs,
    ...(lock.orderId !== undefined && { orderId: lock.orderId }),
  };
}

export function availabilityUpdate(
  category: CategoryAvailability,
  { nowMs, stale }: { readonly nowMs: number; readonly stale: boolean },
): AvailabilityUpdate {
  return {
    eventId: category.eventId,
    categoryId: category.categoryId,
    availableTickets: category.available,
    lockedTickets: category.locked,
    soldTickets: category.sold,
    totalTickets: category.capacity,
    deficit: category.deficit,
    version: category.version,
    timestamp: iso(nowMs),
    ...(stale && { stale }),
  };
}
