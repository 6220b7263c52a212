import type { Id } from './id.js';
import type { LockChange, LockChangeHeader, ReleasedChange } from './lock-change.js';
import type { LockRecord } from './lock-record.js';
import type { ReleaseReason } from './ticket-lock.js';

/** What the next change says first: its number and its instant. */
export interface Stamp {
  readonly nextSeq: number;
  readonly nowMs: number;
}

type AboutLock = Extract<LockChange, LockChangeHeader>;

/**
 * What every change about the lock carries; the caller adds the fields of its type with
 * `Object.assign`.
 *
 * Not by spreading: a field that is added to a spread object costs more than all the rest of a
 * command.
 */
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

export function releasedChange(
  stamp: Stamp,
  lock: LockRecord,
  reason: ReleaseReason,
): ReleasedChange {
  return Object.assign(about(stamp, 'released', lock), { reason });
}

/** Adds the order where there is one. */
export function withOrder<Target extends object>(
  target: Target,
  orderId: Id | undefined,
): Target & { readonly orderId?: Id } {
  return orderId === undefined ? target : Object.assign(target, { orderId });
}
