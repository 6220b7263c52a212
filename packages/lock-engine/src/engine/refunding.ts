import { about, withOrder } from './change-about-lock.js';
import type { CommandResult, RefundRequired, RequireRefundCommand } from './command.js';
import { canonicalId, isOpaqueId } from './id.js';
import type { Id } from './id.js';
import type { LockRecord } from './lock-record.js';
import type { LockState, Refund } from './lock-state.js';
import { isObject } from './shape.js';
import type { Step } from './step.js';

/** See `LockEngine.requireRefund`. Pure: reads no clock, performs no I/O. */
export function requireRefund(
  step: Step,
  command: RequireRefundCommand,
): CommandResult<RefundRequired> {
  if (!isObject(command)) return step.invalid('command');
  const { lockId } = command;
  if (!isOpaqueId(lockId)) return step.invalid('lockId');
  const orderId = canonicalId(command.orderId);
  if (orderId === undefined && command.orderId !== undefined) return step.invalid('orderId');
  const lock = step.state.locks.get(lockId);
  if (lock === undefined) return step.refuse({ code: 'LOCK_NOT_FOUND', lockId });
  const end = step.endOf(lock);
  if (end === undefined) return step.refuse({ code: 'LOCK_MISMATCH', lockId, field: 'status' });
  if (lock.status === 'CONFIRMED' || isGivenUpByOrder(lock)) return end;
  const paid = orderId ?? lock.orderId;
  const known = refundOf(step.state, lock, paid);
  if (known === undefined) {
    step.record(withOrder(about(step, 'refund-required', lock), paid), lock);
  }
  const requiredAtMs = known === undefined ? step.nowMs : known.requiredAtMs;
  return step.ok(viewOfRefund(lock, withOrder({ requiredAtMs }, paid)));
}

/** Every refund that is remembered, the oldest first. */
export function refundsRequiredIn(state: LockState): RefundRequired[] {
  const refunds: RefundRequired[] = [];
  for (const [lockId, ofLock] of state.refunds) {
    const lock = state.lock(lockId);
    for (const refund of ofLock) refunds.push(viewOfRefund(lock, refund));
  }
  // Those of one lock stand in their order already.
  return refunds.toSorted(
    (a, b) => a.requiredAtMs - b.requiredAtMs || a.lockId.localeCompare(b.lockId),
  );
}

/** The orders service released the lock itself: it knows what to do about the money. */
function isGivenUpByOrder({ reason }: LockRecord): boolean {
  return reason === 'released' || reason === 'order-failed';
}

function refundOf(
  state: LockState,
  { lockId }: LockRecord,
  orderId: Id | undefined,
): Refund | undefined {
  return state.refunds.get(lockId)?.find((refund) => refund.orderId === orderId);
}

function viewOfRefund(lock: LockRecord, { orderId, requiredAtMs }: Refund): RefundRequired {
  const refund = {
    lockId: lock.lockId,
    eventId: lock.category.event.eventId,
    categoryId: lock.category.categoryId,
    userId: lock.user.userId,
    quantity: lock.quantity,
    requiredAtMs,
  };
  return withOrder(refund, orderId);
}
