import type { Id } from './id.js';
import type {
  ConfirmedChange,
  ExpiredChange,
  LockChange,
  LockChangeHeader,
  ReleasedChange,
} from './lock-change.js';
import type { LockRecord } from './lock-record.js';
import type { ReleaseReason } from './ticket-lock.js';

/*
 * The changes about a lock that is there. Those that every lock comes to are written out, field by
 * field: to spread one object into another takes longer than all the rest of a command.
 */

/** What the next change says first: its number and its instant. */
export interface Stamp {
  readonly nextSeq: number;
  readonly nowMs: number;
}

type AboutLock = Extract<LockChange, LockChangeHeader>;

/** What every change about the lock carries; `Object.assign` adds the fields of its type. */
export function about<Type extends AboutLock['type']>(
  stamp: Stamp,
  type: Type,
  lock: LockRecord,
): LockChangeHeader & { readonly type: Type } {
  const { category } = lock;
  return {
    seq: stamp.nextSeq,
    atMs: stamp.nowMs,
    type,
    lockId: lock.lockId,
    eventId: category.event.eventId,
    categoryId: category.categoryId,
    userId: lock.user.userId,
    quantity: lock.quantity,
  };
}

export function confirmedChange(
  stamp: Stamp,
  lock: LockRecord,
  orderId: Id | undefined,
): ConfirmedChange {
  const change = withOrder(about(stamp, 'confirmed', lock), orderId);
  return lock.status === 'EXPIRED' ? Object.assign(change, { late: true as const }) : change;
}

export function releasedChange(
  stamp: Stamp,
  lock: LockRecord,
  reason: ReleaseReason,
): ReleasedChange {
  const { category } = lock;
  return {
    seq: stamp.nextSeq,
    atMs: stamp.nowMs,
    type: 'released',
    lockId: lock.lockId,
    eventId: category.event.eventId,
    categoryId: category.categoryId,
    userId: lock.user.userId,
    quantity: lock.quantity,
    reason,
  };
}

export function expiredChange(stamp: Stamp, lock: LockRecord): ExpiredChange {
  const { category } = lock;
  const change = {
    seq: stamp.nextSeq,
    atMs: stamp.nowMs,
    type: 'expired' as const,
    lockId: lock.lockId,
    eventId: category.event.eventId,
    categoryId: category.categoryId,
    userId: lock.user.userId,
    quantity: lock.quantity,
    expiresAtMs: lock.expiresAtMs,
  };
  return withOrder(change, lock.orderId);
}

/** Adds the order where there is one. */
export function withOrder<Target extends object>(
  target: Target,
  orderId: Id | undefined,
): Target & { readonly orderId?: Id } {
  return orderId === undefined ? target : Object.assign(target, { orderId });
}
