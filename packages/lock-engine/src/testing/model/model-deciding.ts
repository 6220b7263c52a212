import type {
  BeginPaymentCommand,
  ConfirmCommand,
  Confirmed,
  ConfirmedMany,
  DecideManyCommand,
  LockClaims,
  PaymentBegun,
  ReleaseCommand,
  Released,
  ReleasedMany,
} from '../../engine/command.js';
import type { Id } from '../../engine/id.js';
import type { Outcome } from '../../ports/ticket-locks.js';
import { moveEnd } from './model-locking.js';
import { recall, remember, scopeOf } from './model-requests.js';
import { isListUpTo, isMissingOr, isOpaque, isPositive, isObject, modelId } from './model-shape.js';
import { accept, endOf, isUnsettled, malformed, refuse } from './model-state.js';
import type { ModelLock, ModelState } from './model-state.js';

type Refusal = ReturnType<typeof refuse>;

interface Claims {
  readonly lockId: string;
  readonly orderId?: Id | undefined;
  readonly userId?: Id | undefined;
  readonly eventId?: Id | undefined;
  readonly categoryId?: Id | undefined;
  readonly quantity?: number | undefined;
  readonly requestId?: string | undefined;
}

/** One verb of the orders service: who is refused, and what is done for the others. */
interface Verb<Value> {
  readonly name: string;
  readonly refusal: (
    state: ModelState,
    lock: ModelLock,
    claims: Claims,
    earlier: readonly ModelLock[],
  ) => Refusal | undefined;
  readonly carryOut: (state: ModelState, lock: ModelLock, orderId: Id | undefined) => Value;
}

const YEAR_MS = 365 * 24 * 60 * 60 * 1000;

export function modelBeginPayment(
  state: ModelState,
  command: BeginPaymentCommand,
): Outcome<PaymentBegun> {
  const claims = claimsOf(command);
  if ('ok' in claims) return claims;
  const { orderId } = claims;
  if (orderId === undefined) return malformed('orderId');
  const { ttlMs = state.policy.paymentTtlMs } = command;
  if (!isPositive(ttlMs) || ttlMs > YEAR_MS) return malformed('ttlMs');

  const begun = decide(state, claims, {
    name: 'beginPayment',
    refusal: (_state, lock) => {
      const isOthers = lock.orderId !== undefined && lock.orderId !== orderId;
      if (isOthers) return refuse({ code: 'ORDER_CONFLICT', lockId: lock.lockId });
      return mismatch(lock, claims) ?? endOf(lock);
    },
    carryOut: (_state, lock) => {
      if (lock.orderId !== undefined) return;
      lock.orderId = orderId;
      const latestMs = lock.createdAtMs + state.policy.lockAgeMsMax;
      moveEnd(state, lock, Math.min(state.nowMs + ttlMs, latestMs));
    },
  });
  const lock = state.lock(claims.lockId);
  if (!begun.ok || lock === undefined) return begun.ok ? malformed('lockId') : begun;
  const { lockId, expiresAtMs, expiresInMs } = state.view(lock);
  return accept({ lockId, orderId, expiresAtMs, expiresInMs });
}

export function modelConfirm(state: ModelState, command: ConfirmCommand): Outcome<Confirmed> {
  const claims = claimsOf(command);
  return 'ok' in claims ? claims : decide(state, claims, confirming('confirm'));
}

export function modelConfirmMany(
  state: ModelState,
  command: DecideManyCommand,
): Outcome<ConfirmedMany> {
  return decideMany(state, command, confirming('confirmMany'));
}

export function modelRelease(state: ModelState, command: ReleaseCommand): Outcome<Released> {
  const claims = claimsOf(command);
  return 'ok' in claims ? claims : decide(state, claims, releasing('release'));
}

export function modelReleaseMany(
  state: ModelState,
  command: DecideManyCommand,
): Outcome<ReleasedMany> {
  return decideMany(state, command, releasing('releaseMany'));
}

function confirming(name: string): Verb<Confirmed> {
  return { name, refusal: refusalOfConfirm, carryOut: confirm };
}

function releasing(name: string): Verb<Released> {
  return { name, refusal: refusalOfRelease, carryOut: release };
}

function decide<Value>(state: ModelState, claims: Claims, verb: Verb<Value>): Outcome<Value> {
  const { lockId, userId, orderId, requestId } = claims;
  const lock = state.lock(lockId);
  const isForeign = userId !== undefined && lock?.userId !== userId;
  if (lock === undefined || isForeign) return refuse({ code: 'LOCK_NOT_FOUND', lockId });
  const scope = scopeOf(verb.name, orderId);
  const key = { eventId: lock.eventId, scope, requestId, content: JSON.stringify([lockId]) };
  const known = recall(state, key);
  if (known !== undefined && 'error' in known) return refuse(known.error);
  const refusal = verb.refusal(state, lock, claims, []);
  if (refusal !== undefined) return refusal;
  const value = verb.carryOut(state, lock, orderId);
  remember(state, key, { kind: 'decision' });
  return accept(value);
}

function decideMany<Value>(
  state: ModelState,
  command: DecideManyCommand,
  verb: Verb<Value>,
): Outcome<{ lockId: string; locks: Value[] }> {
  if (!isObject(command)) return malformed('command');
  const { lockIds, requestId } = command;
  const orderId = modelId(command.orderId);
  if (!isListUpTo(1000, lockIds) || !lockIds.every(isOpaque)) return malformed('lockIds');
  if (new Set(lockIds).size < lockIds.length) return malformed('lockIds');
  if (command.orderId !== undefined && orderId === undefined) return malformed('orderId');
  if (!isMissingOr(isOpaque, requestId)) return malformed('requestId');
  const known = lockIds.map((lockId) => state.lock(lockId)).filter((lock) => lock !== undefined);
  const eventIds = new Set(known.map((lock) => lock.eventId));
  if (eventIds.size > 1) return malformed('lockIds');

  // Without any known lock there is no event, so nothing to recall.
  for (const eventId of eventIds) {
    const recalled = recall(state, keyOfMany(eventId));
    if (recalled !== undefined && 'error' in recalled) return refuse(recalled.error);
  }
  const judged: ModelLock[] = [];
  for (const lockId of lockIds) {
    const lock = state.lock(lockId);
    if (lock === undefined) return refuse({ code: 'LOCK_NOT_FOUND', lockId });
    const refusal = verb.refusal(state, lock, { lockId, orderId }, judged);
    if (refusal !== undefined) return refusal;
    judged.push(lock);
  }
  const locks = judged.map((lock) => verb.carryOut(state, lock, orderId));
  for (const eventId of eventIds) remember(state, keyOfMany(eventId), { kind: 'decision' });
  return accept({ lockId: lockIds[0] ?? '', locks });

  function keyOfMany(eventId: Id) {
    const scope = scopeOf(verb.name, orderId);
    return { eventId, scope, requestId, content: JSON.stringify(lockIds) };
  }
}

/** `earlier` locks of the same command take their tickets first. */
function refusalOfConfirm(
  state: ModelState,
  lock: ModelLock,
  claims: Claims,
  earlier: readonly ModelLock[],
): Refusal | undefined {
  const { lockId, eventId, categoryId } = lock;
  const isReturned = lock.status === 'RELEASED' && lock.sale !== undefined;
  const isFixed = lock.orderId !== undefined || lock.sale !== undefined;
  const isOthers = claims.orderId !== undefined && isFixed && claims.orderId !== lock.orderId;
  if (isOthers && !isReturned) return refuse({ code: 'ORDER_CONFLICT', lockId });
  const refusal = mismatch(lock, claims);
  if (refusal !== undefined) return refusal;
  if (lock.status === 'RELEASED') return refuse({ code: 'LOCK_RELEASED', lockId });
  if (lock.status !== 'EXPIRED') return undefined;

  const { lateConfirm, lateConfirmWindowMs } = state.policy;
  const isInWindow = state.nowMs < lock.expiresAtMs + lateConfirmWindowMs;
  if (lateConfirm === 'reject' || !isInWindow) return refuse({ code: 'LOCK_EXPIRED', lockId });
  const isCancelled = state.event(eventId)?.cancelled === true;
  const available = isCancelled ? 0 : state.available(eventId, categoryId);
  const late = earlier.filter(
    (other) => other.status === 'EXPIRED' && other.categoryId === categoryId,
  );
  const wanted = late.reduce((sum, other) => sum + other.quantity, lock.quantity);
  if (wanted > available) return refuse({ code: 'LOCK_EXPIRED', lockId, available });
  return undefined;
}

function refusalOfRelease(
  _state: ModelState,
  lock: ModelLock,
  claims: Claims,
): Refusal | undefined {
  const { lockId, status, orderId } = lock;
  const isOthers =
    (status === 'CONFIRMED' && orderId !== claims.orderId) ||
    (status === 'ACTIVE' &&
      orderId !== undefined &&
      claims.orderId !== undefined &&
      orderId !== claims.orderId);
  if (isOthers) return refuse({ code: 'ORDER_CONFLICT', lockId });
  const refusal = mismatch(lock, claims);
  if (refusal !== undefined) return refusal;
  const isSettled = status === 'CONFIRMED' && !isUnsettled(lock);
  return isSettled ? refuse({ code: 'LOCK_CONFIRMED', lockId }) : undefined;
}

function confirm(state: ModelState, lock: ModelLock, orderId: Id | undefined): Confirmed {
  if (lock.status !== 'CONFIRMED') {
    lock.sale = {
      late: lock.status === 'EXPIRED',
      moment: (state.moment += 1),
      soldElsewhereThen: state.category(lock.eventId, lock.categoryId)?.soldElsewhere ?? 0,
      completedOrderId: undefined,
      countedFromMs: 0,
      settled: false,
    };
    lock.status = 'CONFIRMED';
    lock.orderId = orderId ?? lock.orderId;
    lock.endedAtMs = undefined;
    lock.refunds = lock.refunds.filter((refund) => isOther(refund.orderId, lock.orderId));
  }
  const { lockId, eventId, categoryId, userId, quantity } = lock;
  return {
    lockId,
    status: 'CONFIRMED',
    eventId,
    categoryId,
    userId,
    quantity,
    ...(lock.orderId !== undefined && { orderId: lock.orderId }),
    ...(lock.sale?.late === true && { late: true as const }),
  };
}

function isOther(orderId: Id | undefined, confirmed: Id | undefined): boolean {
  return orderId !== undefined && orderId !== confirmed;
}

function release(state: ModelState, lock: ModelLock): Released {
  if (lock.status === 'ACTIVE') state.end(lock, 'RELEASED', 'released');
  if (lock.status === 'CONFIRMED') state.end(lock, 'RELEASED', 'order-failed');
  const { lockId, eventId, categoryId, userId, quantity } = lock;
  const status = lock.status === 'EXPIRED' ? 'EXPIRED' : 'RELEASED';
  return { lockId, status, eventId, categoryId, userId, quantity };
}

/** Whatever is claimed of the lock must be true of it. */
function mismatch(lock: ModelLock, claims: Claims): Refusal | undefined {
  for (const field of ['eventId', 'categoryId', 'quantity'] as const) {
    if (claims[field] === undefined || claims[field] === lock[field]) continue;
    return refuse({ code: 'LOCK_MISMATCH', lockId: lock.lockId, field });
  }
  return undefined;
}

function claimsOf(
  command: LockClaims & {
    readonly lockId: string;
    readonly orderId?: Id | undefined;
    readonly requestId?: string | undefined;
  },
): Claims | Refusal {
  if (!isObject(command)) return malformed('command');
  const { lockId, quantity, requestId } = command;
  if (!isOpaque(lockId)) return malformed('lockId');
  for (const field of ['orderId', 'userId', 'eventId', 'categoryId'] as const) {
    const isGiven = command[field] !== undefined;
    if (isGiven && modelId(command[field]) === undefined) return malformed(field);
  }
  if (!isMissingOr(isPositive, quantity)) return malformed('quantity');
  if (!isMissingOr(isOpaque, requestId)) return malformed('requestId');
  return {
    lockId,
    orderId: modelId(command.orderId),
    userId: modelId(command.userId),
    eventId: modelId(command.eventId),
    categoryId: modelId(command.categoryId),
    quantity,
    requestId,
  };
}
