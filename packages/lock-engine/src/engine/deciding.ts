import type { CategoryRecord } from './category-record.js';
import { about, confirmedChange, releasedChange, withOrder } from './change-about-lock.js';
import type {
  BeginPaymentCommand,
  CommandResult,
  ConfirmCommand,
  Confirmed,
  ConfirmedMany,
  DecideManyCommand,
  LockClaims,
  PaymentBegun,
  ReleaseCommand,
  Released,
  ReleasedMany,
} from './command.js';
import { canonicalId, isOpaqueId } from './id.js';
import type { Id } from './id.js';
import { invariant } from './invariant.js';
import { TTL_MS_MAX } from './lock-policy.js';
import type { LockRecord } from './lock-record.js';
import type { LockStatus } from './ticket-lock.js';
import { orderKey } from './repeating.js';
import { isBatch, isObject, isQuantity, isRequestId } from './shape.js';
import { isRefusal } from './step.js';
import type { RequestKey, Step } from './step.js';

type Refusal = ReturnType<Step['refuse']>;

/** What an order says of a lock, with canonical ids; what it leaves out is not compared. */
interface Claims {
  readonly lockId: string;
  readonly orderId: Id | undefined;
  readonly userId: Id | undefined;
  readonly eventId: Id | undefined;
  readonly categoryId: Id | undefined;
  readonly quantity: number | undefined;
}

/**
 * Judges one lock: the refusal, or `undefined` when the decision may be carried out. Changes
 * nothing but expiries.
 */
type Judge = (step: Step, lock: LockRecord, claims: Claims) => Refusal | undefined;

/** See `LockEngine.beginPayment`. Pure: reads no clock, performs no I/O. */
export function beginPayment(
  step: Step,
  command: BeginPaymentCommand,
): CommandResult<PaymentBegun> {
  const claims = claimsOf(step, command);
  if ('ok' in claims) return claims;
  const { orderId } = claims;
  if (orderId === undefined) return step.invalid('orderId');
  const { ttlMs = step.policy.paymentTtlMs } = command;
  if (!isQuantity(ttlMs) || ttlMs > TTL_MS_MAX) return step.invalid('ttlMs');

  const lock = findClaimed(step, claims);
  if ('ok' in lock) return lock;
  const key = keyOf(command.requestId, 'beginPayment', claims);
  const refusal = conflictOf(step, key, lock) ?? judgePayment(step, lock, claims);
  if (refusal !== undefined) return refusal;
  if (lock.orderId === undefined) {
    const latestMs = lock.createdAtMs + step.policy.lockAgeMsMax;
    const expiresAtMs = Math.max(lock.expiresAtMs, Math.min(step.nowMs + ttlMs, latestMs));
    const change = Object.assign(about(step, 'payment-begun', lock), { orderId, expiresAtMs });
    step.record(change, lock);
  }
  if (key !== undefined) step.remember(key, lock.category.event.eventId, DECISION);
  const { lockId, expiresAtMs } = lock;
  return step.ok({ lockId, orderId, expiresAtMs, expiresInMs: expiresAtMs - step.nowMs });
}

/** See `LockEngine.confirm`. Pure: reads no clock, performs no I/O. */
export function confirmLock(step: Step, command: ConfirmCommand): CommandResult<Confirmed> {
  return decideOne(step, command, 'confirm', confirmJudge(), confirm);
}

/** See `LockEngine.confirmMany`. Pure: reads no clock, performs no I/O. */
export function confirmMany(step: Step, command: DecideManyCommand): CommandResult<ConfirmedMany> {
  return decideMany(step, command, 'confirmMany', confirmJudge(), confirm);
}

/** See `LockEngine.release`. Pure: reads no clock, performs no I/O. */
export function releaseLock(step: Step, command: ReleaseCommand): CommandResult<Released> {
  return decideOne(step, command, 'release', judgeRelease, release);
}

/** See `LockEngine.releaseMany`. Pure: reads no clock, performs no I/O. */
export function releaseMany(step: Step, command: DecideManyCommand): CommandResult<ReleasedMany> {
  return decideMany(step, command, 'releaseMany', judgeRelease, release);
}

function decideOne<Value>(
  step: Step,
  command: ConfirmCommand | ReleaseCommand,
  verb: string,
  judge: Judge,
  carryOut: (step: Step, lock: LockRecord, orderId: Id | undefined) => Value,
): CommandResult<Value> {
  const claims = claimsOf(step, command);
  if ('ok' in claims) return claims;
  const lock = findClaimed(step, claims);
  if ('ok' in lock) return lock;
  const key = keyOf(command.requestId, verb, claims);
  const refusal = conflictOf(step, key, lock) ?? judge(step, lock, claims);
  if (refusal !== undefined) return refusal;
  const value = carryOut(step, lock, claims.orderId);
  if (key !== undefined) step.remember(key, lock.category.event.eventId, DECISION);
  return step.ok(value);
}

function decideMany<Value>(
  step: Step,
  command: DecideManyCommand,
  verb: string,
  judge: Judge,
  carryOut: (step: Step, lock: LockRecord, orderId: Id | undefined) => Value,
): CommandResult<{ lockId: string; locks: Value[] }> {
  if (!isObject(command)) return step.invalid('command');
  const { lockIds, requestId } = command;
  if (!isBatch(lockIds) || !lockIds.every(isOpaqueId)) return step.invalid('lockIds');
  if (new Set(lockIds).size < lockIds.length) return step.invalid('lockIds');
  const orderId = canonicalId(command.orderId);
  if (orderId === undefined && command.orderId !== undefined) return step.invalid('orderId');
  if (!isRequestId(requestId)) return step.invalid('requestId');

  const found = lockIds.map((lockId) => step.state.locks.get(lockId));
  const known = found.filter((lock) => lock !== undefined);
  const [first] = known;
  if (known.some((lock) => lock.category.event !== first?.category.event))
    return step.invalid('lockIds');
  const key = requestId === undefined ? undefined : orderKey(requestId, [verb, orderId], lockIds);
  const conflict = first === undefined ? undefined : conflictOf(step, key, first);
  if (conflict !== undefined) return conflict;
  for (const [index, lockId] of lockIds.entries()) {
    const lock = found[index];
    if (lock === undefined) return step.refuse({ code: 'LOCK_NOT_FOUND', lockId });
    const refusal = judge(step, lock, { ...NO_CLAIMS, lockId, orderId });
    if (refusal !== undefined) return refusal;
  }
  invariant(first !== undefined, 'a batch has a first lock');
  const locks = known.map((lock) => carryOut(step, lock, orderId));
  if (key !== undefined) step.remember(key, first.category.event.eventId, DECISION);
  return step.ok({ lockId: first.lockId, locks });
}

function judgePayment(step: Step, lock: LockRecord, claims: Claims): Refusal | undefined {
  const { lockId } = lock;
  if (lock.orderId !== undefined && lock.orderId !== claims.orderId) {
    return step.refuse({ code: 'ORDER_CONFLICT', lockId });
  }
  return mismatchOf(step, lock, claims) ?? step.endOf(lock);
}

/**
 * A judge of confirms that counts what the locks judged before it will take of the free tickets.
 */
function confirmJudge(): Judge {
  let taken: Map<CategoryRecord, number> | undefined;
  return (step, lock, claims) => {
    const { lockId, sale, category } = lock;
    if (lock.isDue(step.nowMs)) step.expire(lock);
    const isReturned = lock.status === 'RELEASED' && sale !== undefined;
    if (!isReturned && claims.orderId !== undefined && !fitsOrder(lock, claims.orderId)) {
      return step.refuse({ code: 'ORDER_CONFLICT', lockId });
    }
    const mismatch = mismatchOf(step, lock, claims);
    if (mismatch !== undefined || lock.status === 'ACTIVE' || lock.status === 'CONFIRMED')
      return mismatch;
    if (lock.status === 'RELEASED') return step.refuse({ code: 'LOCK_RELEASED', lockId });
    if (!isWithinLateWindow(step, lock)) return step.refuse({ code: 'LOCK_EXPIRED', lockId });
    taken ??= new Map();
    const quantity = (taken.get(category) ?? 0) + lock.quantity;
    step.expireUntilFree(category, quantity);
    const available = category.event.cancelled ? 0 : category.available;
    if (available < quantity) return step.refuse({ code: 'LOCK_EXPIRED', lockId, available });
    taken.set(category, quantity);
    return undefined;
  };
}

function isWithinLateWindow(step: Step, lock: LockRecord): boolean {
  const { lateConfirm, lateConfirmWindowMs } = step.policy;
  return lateConfirm === 'if-available' && step.nowMs < lock.expiresAtMs + lateConfirmWindowMs;
}

/**
 * Whether an order may name this lock: a lock that was confirmed without an order is nobody else's
 * either.
 */
function fitsOrder(lock: LockRecord, orderId: Id): boolean {
  if (lock.orderId === undefined) return lock.sale === undefined;
  return lock.orderId === orderId;
}

function judgeRelease(step: Step, lock: LockRecord, claims: Claims): Refusal | undefined {
  const { lockId, sale } = lock;
  const { orderId } = claims;
  if (lock.isDue(step.nowMs)) step.expire(lock);
  const isOver = lock.status === 'RELEASED' || lock.status === 'EXPIRED';
  const isOthers =
    lock.status === 'CONFIRMED'
      ? lock.orderId !== orderId
      : orderId !== undefined && lock.orderId !== undefined && lock.orderId !== orderId;
  if (!isOver && isOthers) return step.refuse({ code: 'ORDER_CONFLICT', lockId });
  const mismatch = mismatchOf(step, lock, claims);
  if (mismatch !== undefined) return mismatch;
  return sale?.settled === true ? step.refuse({ code: 'LOCK_CONFIRMED', lockId }) : undefined;
}

function confirm(step: Step, lock: LockRecord, orderId: Id | undefined): Confirmed {
  if (lock.status !== 'CONFIRMED') {
    step.record(confirmedChange(step, lock, orderId ?? lock.orderId), lock);
  }
  const confirmed = withOrder(decided(lock, 'CONFIRMED'), lock.orderId);
  return lock.sale?.late === true ? Object.assign(confirmed, { late: true as const }) : confirmed;
}

function release(step: Step, lock: LockRecord): Released {
  if (lock.status === 'ACTIVE' || lock.status === 'CONFIRMED') {
    const reason = lock.status === 'CONFIRMED' ? 'order-failed' : 'released';
    step.record(withOrder(releasedChange(step, lock, reason), lock.orderId), lock);
  }
  return decided(lock, lock.status === 'EXPIRED' ? 'EXPIRED' : 'RELEASED');
}

/** What the answer to a decision says first. */
function decided<Status extends LockStatus>(
  lock: LockRecord,
  status: Status,
): Omit<Released, 'status'> & { readonly status: Status } {
  const { category } = lock;
  return {
    status,
    lockId: lock.lockId,
    eventId: category.event.eventId,
    categoryId: category.categoryId,
    userId: lock.user.userId,
    quantity: lock.quantity,
  };
}

/** The answer to a decision is not remembered: it is read from the lock. */
const DECISION = { kind: 'decision' } as const;

const NO_CLAIMS = {
  userId: undefined,
  eventId: undefined,
  categoryId: undefined,
  quantity: undefined,
};

/** Checks the shape of what the decisions on one lock share. */
function claimsOf(
  step: Step,
  command: LockClaims & {
    lockId: string;
    orderId?: Id | undefined;
    requestId?: string | undefined;
  },
): Claims | Refusal {
  if (!isObject(command)) return step.invalid('command');
  const { lockId, quantity, requestId } = command;
  if (!isOpaqueId(lockId)) return step.invalid('lockId');
  const orderId = canonicalId(command.orderId);
  if (orderId === undefined && command.orderId !== undefined) return step.invalid('orderId');
  const userId = canonicalId(command.userId);
  if (userId === undefined && command.userId !== undefined) return step.invalid('userId');
  const eventId = canonicalId(command.eventId);
  if (eventId === undefined && command.eventId !== undefined) return step.invalid('eventId');
  const categoryId = canonicalId(command.categoryId);
  if (categoryId === undefined && command.categoryId !== undefined)
    return step.invalid('categoryId');
  if (quantity !== undefined && !isQuantity(quantity)) return step.invalid('quantity');
  if (!isRequestId(requestId)) return step.invalid('requestId');
  return { lockId, orderId, userId, eventId, categoryId, quantity };
}

/** The lock, unless it is unknown or another user's: both answer alike. */
function findClaimed(step: Step, { lockId, userId }: Claims): LockRecord | Refusal {
  const lock = step.state.locks.get(lockId);
  const isForeign = userId !== undefined && lock?.user.userId !== userId;
  return lock === undefined || isForeign ? step.refuse({ code: 'LOCK_NOT_FOUND', lockId }) : lock;
}

function mismatchOf(step: Step, lock: LockRecord, claims: Claims): Refusal | undefined {
  const { eventId, categoryId, quantity } = claims;
  const { lockId, category } = lock;
  let field: string;
  if (isOther(eventId, category.event.eventId)) field = 'eventId';
  else if (isOther(categoryId, category.categoryId)) field = 'categoryId';
  else if (isOther(quantity, lock.quantity)) field = 'quantity';
  else return undefined;
  return step.refuse({ code: 'LOCK_MISMATCH', lockId, field });
}

function isOther(claim: Id | undefined, truth: Id): boolean {
  return claim !== undefined && claim !== truth;
}

function keyOf(
  requestId: string | undefined,
  verb: string,
  { orderId, lockId }: Claims,
): RequestKey | undefined {
  return requestId === undefined ? undefined : orderKey(requestId, [verb, orderId], [lockId]);
}

/**
 * The refusal when the request id was used with other content. A repeat is judged anew: its answer
 * is in the lock.
 */
function conflictOf(
  step: Step,
  key: RequestKey | undefined,
  lock: LockRecord,
): Refusal | undefined {
  if (key === undefined) return undefined;
  const recalled = step.recall(key, lock.category.event.eventId);
  return recalled !== undefined && isRefusal(recalled) ? recalled : undefined;
}
