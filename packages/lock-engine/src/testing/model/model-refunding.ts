import type { RefundRequired, RequireRefundCommand } from '../../engine/command.js';
import type { Outcome } from '../../ports/ticket-locks.js';
import { isObject, isOpaque, modelId } from './model-shape.js';
import { accept, endOf, malformed, refuse } from './model-state.js';
import type { ModelLock, ModelRefund, ModelState } from './model-state.js';

export function modelRequireRefund(
  state: ModelState,
  command: RequireRefundCommand,
): Outcome<RefundRequired> {
  if (!isObject(command)) return malformed('command');
  const { lockId } = command;
  if (!isOpaque(lockId)) return malformed('lockId');
  const orderId = modelId(command.orderId);
  if (orderId === undefined && command.orderId !== undefined) return malformed('orderId');
  const lock = state.lock(lockId);
  if (lock === undefined) return refuse({ code: 'LOCK_NOT_FOUND', lockId });
  if (lock.status === 'ACTIVE') return refuse({ code: 'LOCK_MISMATCH', lockId, field: 'status' });
  const isRefusedByOrder = lock.reason === 'released' || lock.reason === 'order-failed';
  const refusal = lock.status === 'CONFIRMED' || isRefusedByOrder ? endOf(lock) : undefined;
  if (refusal !== undefined) return refusal;
  const order = orderId ?? lock.orderId;
  let refund = lock.refunds.find((known) => known.orderId === order);
  refund ??= { orderId: order, requiredAtMs: state.nowMs };
  if (!lock.refunds.includes(refund)) lock.refunds.push(refund);
  return accept(refundView(lock, refund));
}

export function modelRefundsRequired(state: ModelState): RefundRequired[] {
  const refunds = state.locks.flatMap((lock) =>
    lock.refunds.map((refund) => refundView(lock, refund)),
  );
  return refunds.toSorted(
    (a, b) => a.requiredAtMs - b.requiredAtMs || a.lockId.localeCompare(b.lockId),
  );
}

function refundView(lock: ModelLock, { orderId, requiredAtMs }: ModelRefund): RefundRequired {
  const { lockId, eventId, categoryId, userId, quantity } = lock;
  const refund = { lockId, eventId, categoryId, userId, quantity, requiredAtMs };
  return orderId === undefined ? refund : { ...refund, orderId };
}
