import type {
  Extended,
  ExtendCommand,
  LockCommand,
  LockGrant,
  LockLine,
  LockManyCommand,
  LockManyGrant,
  OnExisting,
} from '../../engine/command.js';
import type { Id } from '../../engine/id.js';
import type { ShortLine } from '../../engine/lock-error.js';
import type { Outcome } from '../../ports/ticket-locks.js';
import { recall, remember, repeat, scopeOf } from './model-requests.js';
import type { ModelRequestKey } from './model-requests.js';
import {
  isListUpTo,
  isMissingOr,
  isOpaque,
  isPositive,
  isObject,
  isRecord,
  modelId,
} from './model-shape.js';
import { accept, endOf, malformed, refuse } from './model-state.js';
import type { ModelLock, ModelState } from './model-state.js';

interface Wish {
  readonly eventId: Id;
  readonly userId: Id;
  readonly sessionId: string;
  readonly onExisting: OnExisting | undefined;
  readonly lines: readonly LockLine[];
}

export function modelLock(state: ModelState, command: LockCommand): Outcome<LockGrant> {
  if (!isObject(command)) return malformed('command');
  const eventId = modelId(command.eventId);
  const categoryId = modelId(command.categoryId);
  const { quantity } = command;
  if (eventId === undefined) return malformed('eventId');
  if (categoryId === undefined) return malformed('categoryId');
  if (!isPositive(quantity)) return malformed('quantity');
  const buyer = buyerOf(command);
  if ('ok' in buyer) return buyer;

  const content = JSON.stringify(['lock', categoryId, quantity, buyer.onExisting]);
  const key = keyOf(command, eventId, buyer.userId, content);
  const known = recall(state, key);
  if (known !== undefined && 'error' in known) return refuse(known.error);
  if (known !== undefined) return repeat(state, known.answer) as Outcome<LockGrant>;
  const granted = grant(state, { ...buyer, eventId, lines: [{ categoryId, quantity }] });
  if (!granted.ok) return granted;
  const [value] = granted.value;
  if (value === undefined) return malformed('quantity');
  remember(state, key, { kind: 'lock', value });
  return accept(value);
}

export function modelLockMany(state: ModelState, command: LockManyCommand): Outcome<LockManyGrant> {
  if (!isObject(command)) return malformed('command');
  const eventId = modelId(command.eventId);
  const lines = linesOf(command.items);
  if (eventId === undefined) return malformed('eventId');
  if (lines === undefined) return malformed('items');
  const buyer = buyerOf(command);
  if ('ok' in buyer) return buyer;

  const content = JSON.stringify(['lockMany', lines, buyer.onExisting]);
  const key = keyOf(command, eventId, buyer.userId, content);
  const known = recall(state, key);
  if (known !== undefined && 'error' in known) return refuse(known.error);
  if (known !== undefined) return repeat(state, known.answer) as Outcome<LockManyGrant>;
  const granted = grant(state, { ...buyer, eventId, lines });
  if (!granted.ok) return granted;
  const locks = granted.value;
  const value = { lockId: locks[0]?.lockId ?? '', eventId, locks };
  remember(state, key, { kind: 'lockMany', value });
  return accept(value);
}

export function modelExtend(state: ModelState, command: ExtendCommand): Outcome<Extended> {
  if (!isObject(command)) return malformed('command');
  const { lockId, requestId } = command;
  const userId = modelId(command.userId);
  if (!isOpaque(lockId)) return malformed('lockId');
  if (command.userId !== undefined && userId === undefined) return malformed('userId');
  if (!isMissingOr(isOpaque, requestId)) return malformed('requestId');

  const lock = state.lock(lockId);
  const isForeign = userId !== undefined && lock?.userId !== userId;
  if (lock === undefined || isForeign) return refuse({ code: 'LOCK_NOT_FOUND', lockId });
  const content = JSON.stringify(['extend', lockId]);
  const key = keyOf(command, lock.eventId, lock.userId, content);
  const known = recall(state, key);
  if (known !== undefined && 'error' in known) return refuse(known.error);
  if (known !== undefined) return repeat(state, known.answer) as Outcome<Extended>;

  if (isInPayment(state, lock)) return refuse({ code: 'ORDER_CONFLICT', lockId });
  const end = endOf(lock);
  if (end !== undefined) return end;
  const { extensionsMax, lockAgeMsMax, ttlMs } = state.policy;
  if (lock.extensionCount >= extensionsMax) {
    return refuse({ code: 'LIMIT_EXCEEDED', limit: 'extensionsMax', max: extensionsMax });
  }
  const latestMs = lock.createdAtMs + lockAgeMsMax;
  if (lock.expiresAtMs >= latestMs) {
    return refuse({ code: 'LIMIT_EXCEEDED', limit: 'lockAgeMsMax', max: lockAgeMsMax });
  }
  lock.extensionCount += 1;
  moveEnd(state, lock, Math.min(state.nowMs + ttlMs, latestMs));
  const { expiresAtMs, expiresInMs, extensionsLeft } = state.view(lock);
  const value = { lockId, expiresAtMs, expiresInMs, extensionsLeft };
  remember(state, key, { kind: 'extend', value });
  return accept(value);
}

/** Gives a lock a later end, never an earlier one. */
export function moveEnd(state: ModelState, lock: ModelLock, wantedMs: number): void {
  lock.expiresAtMs = Math.max(lock.expiresAtMs, wantedMs);
  lock.endSet = state.moment += 1;
  lock.noticed = false;
}

/** Tied to an order and not decided: its buyer does not change it any more. */
export function isInPayment(state: ModelState, lock: ModelLock): boolean {
  return state.isActive(lock) && lock.orderId !== undefined;
}

/** Grants every line or none. */
function grant(state: ModelState, wish: Wish): Outcome<LockGrant[]> {
  const { eventId, lines } = wish;
  const event = state.event(eventId);
  if (event === undefined || event.cancelled) return refuse({ code: 'EVENT_NOT_FOUND', eventId });
  for (const { categoryId } of lines) {
    if (state.category(eventId, categoryId) !== undefined) continue;
    return refuse({ code: 'CATEGORY_NOT_FOUND', eventId, categoryId });
  }
  const refusal =
    refusalOfExisting(state, wish) ?? refusalOfLimits(state, wish) ?? refusalOfShort(state, wish);
  return refusal ?? accept(lines.map((line) => take(state, wish, line)));
}

function existingOf(state: ModelState, wish: Wish, { categoryId }: LockLine) {
  return state.activeLockOf(wish.userId, wish.eventId, categoryId);
}

/** Tickets of the line's lock once it is granted. */
function targetOf(state: ModelState, wish: Wish, line: LockLine): number {
  const kept = wish.onExisting === 'add' ? (existingOf(state, wish, line)?.quantity ?? 0) : 0;
  return kept + line.quantity;
}

/** Tickets that the line takes in addition; negative when it gives some back. */
function growthOf(state: ModelState, wish: Wish, line: LockLine): number {
  return targetOf(state, wish, line) - (existingOf(state, wish, line)?.quantity ?? 0);
}

function refusalOfExisting(state: ModelState, wish: Wish) {
  const existing = wish.lines
    .map((line) => existingOf(state, wish, line))
    .filter((lock) => lock !== undefined);
  if (wish.onExisting !== undefined) {
    const paid = existing.find((lock) => isInPayment(state, lock));
    return paid && refuse({ code: 'ORDER_CONFLICT', lockId: paid.lockId });
  }
  const [lock] = existing;
  return lock && refuse({ code: 'DUPLICATE_LOCK', lockId: lock.lockId, lock: state.view(lock) });
}

function refusalOfLimits(state: ModelState, wish: Wish) {
  const { ticketsPerLockMax, locksPerUserMax, ticketsPerUserPerEventMax } = state.policy;
  const { lines, userId, eventId } = wish;
  if (lines.some((line) => targetOf(state, wish, line) > ticketsPerLockMax)) {
    return refuse({ code: 'LIMIT_EXCEEDED', limit: 'ticketsPerLockMax', max: ticketsPerLockMax });
  }
  const own = state.locks.filter((lock) => lock.userId === userId && lock.eventId === eventId);
  const active = own.filter((lock) => state.isActive(lock));
  const added = lines.filter((line) => existingOf(state, wish, line) === undefined);
  if (added.length > 0 && active.length + added.length > locksPerUserMax) {
    return refuse({ code: 'LIMIT_EXCEEDED', limit: 'locksPerUserMax', max: locksPerUserMax });
  }
  const counted = own.filter((lock) => state.isActive(lock) || lock.status === 'CONFIRMED');
  const tickets = counted.reduce((sum, lock) => sum + lock.quantity, 0);
  const growth = lines.reduce((sum, line) => sum + growthOf(state, wish, line), 0);
  const max = ticketsPerUserPerEventMax;
  if (growth <= 0 || tickets + growth <= max) return undefined;
  return refuse({ code: 'LIMIT_EXCEEDED', limit: 'ticketsPerUserPerEventMax', max });
}

function refusalOfShort(state: ModelState, wish: Wish) {
  const short: ShortLine[] = [];
  for (const line of wish.lines) {
    const available = state.available(wish.eventId, line.categoryId);
    const growth = growthOf(state, wish, line);
    if (growth <= 0 || growth <= available) continue;
    short.push({ categoryId: line.categoryId, requested: line.quantity, available });
  }
  const [first] = short;
  if (first === undefined) return undefined;
  const { requested, available } = first;
  return refuse({ code: 'INSUFFICIENT_TICKETS', available, requested, lines: short });
}

function take(state: ModelState, wish: Wish, line: LockLine): LockGrant {
  const quantity = targetOf(state, wish, line);
  const lock = existingOf(state, wish, line) ?? create(state, wish, line, quantity);
  lock.quantity = quantity;
  const { lockId, eventId, categoryId, expiresAtMs, expiresInMs } = state.view(lock);
  const available = state.available(eventId, categoryId);
  return { lockId, eventId, categoryId, quantity, expiresAtMs, expiresInMs, available };
}

function create(state: ModelState, wish: Wish, line: LockLine, quantity: number): ModelLock {
  const lock: ModelLock = {
    lockId: state.newLockId(),
    eventId: wish.eventId,
    categoryId: line.categoryId,
    userId: wish.userId,
    sessionId: wish.sessionId,
    createdAtMs: state.nowMs,
    quantity,
    status: 'ACTIVE',
    expiresAtMs: state.nowMs + state.policy.ttlMs,
    endSet: (state.moment += 1),
    extensionCount: 0,
    noticed: false,
    orderId: undefined,
    sale: undefined,
    reason: undefined,
    endedAtMs: undefined,
    endedIn: 0,
    refunds: [],
  };
  state.locks.push(lock);
  return lock;
}

function buyerOf(command: LockCommand | LockManyCommand) {
  const { sessionId, onExisting, requestId } = command;
  const userId = modelId(command.userId);
  if (userId === undefined) return malformed('userId');
  if (!isOpaque(sessionId)) return malformed('sessionId');
  if (onExisting !== undefined && onExisting !== 'set' && onExisting !== 'add') {
    return malformed('onExisting');
  }
  if (!isMissingOr(isOpaque, requestId)) return malformed('requestId');
  return { userId, sessionId, onExisting };
}

function linesOf(input: unknown): LockLine[] | undefined {
  if (!isListUpTo(1000, input)) return undefined;
  const lines: LockLine[] = [];
  for (const item of input) {
    if (!isRecord(item)) return undefined;
    const categoryId = modelId(item['categoryId']);
    const quantity = item['quantity'];
    if (categoryId === undefined || !isPositive(quantity)) return undefined;
    if (lines.some((line) => line.categoryId === categoryId)) return undefined;
    lines.push({ categoryId, quantity });
  }
  return lines;
}

/** A buyer's request ids are his own, per event. */
export function keyOf(
  { requestId }: { readonly requestId?: string | undefined },
  eventId: Id,
  userId: Id,
  content: string,
): ModelRequestKey {
  return { eventId, scope: scopeOf('user', userId), requestId, content };
}
