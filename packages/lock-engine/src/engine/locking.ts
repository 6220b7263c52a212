import type { CategoryRecord, EventRecord } from './category-record.js';
import type {
  CommandResult,
  Extended,
  ExtendCommand,
  LockCommand,
  LockGrant,
  LockLine,
  LockManyCommand,
  LockManyGrant,
  OnExisting,
} from './command.js';
import { canonicalId, isOpaqueId } from './id.js';
import type { Id } from './id.js';
import type { ShortLine } from './lock-error.js';
import type { LockRecord } from './lock-record.js';
import { buyerKey, repeatExtend, repeatLock, repeatLockMany } from './repeating.js';
import { isBatch, isObject, isOnExisting, isQuantity, isRequestId } from './shape.js';
import { about, isRefusal } from './step.js';
import type { Step } from './step.js';

/** What a user wants to lock, with canonical ids. */
interface Wish {
  readonly eventId: Id;
  readonly userId: Id;
  readonly sessionId: string;
  readonly onExisting: OnExisting | undefined;
}

/** One line of a wish on its way to a grant. */
interface Line {
  readonly category: CategoryRecord;
  /** As asked. */
  readonly quantity: number;
  /** The user's active lock in the category. */
  readonly existing: LockRecord | undefined;
  /** Tickets of the lock once it is granted. */
  readonly target: number;
}

/** See `LockEngine.lock`. Pure: reads no clock, performs no I/O. */
export function lockTickets(step: Step, command: LockCommand): CommandResult<LockGrant> {
  if (!isObject(command)) return step.invalid('command');
  const eventId = canonicalId(command.eventId);
  if (eventId === undefined) return step.invalid('eventId');
  const categoryId = canonicalId(command.categoryId);
  if (categoryId === undefined) return step.invalid('categoryId');
  const { quantity } = command;
  if (!isQuantity(quantity)) return step.invalid('quantity');
  const wish = wishOf(step, command, eventId);
  if ('ok' in wish) return wish;

  const key = buyerKey(command.requestId, wish.userId, () => [
    'lock',
    categoryId,
    quantity,
    wish.onExisting,
  ]);
  const recalled = step.recall(key, eventId);
  if (recalled !== undefined) {
    if (isRefusal(recalled)) return recalled;
    return repeatLock(step, recalled);
  }
  const granted = grant(step, wish, [{ categoryId, quantity }]);
  if (!granted.ok) return granted;
  const [value] = granted.value;
  if (value === undefined) return step.invalid('items');
  step.remember(key, eventId, { kind: 'lock', value });
  return step.ok(value);
}

/** See `LockEngine.lockMany`. Pure: reads no clock, performs no I/O. */
export function lockMany(step: Step, command: LockManyCommand): CommandResult<LockManyGrant> {
  if (!isObject(command)) return step.invalid('command');
  const eventId = canonicalId(command.eventId);
  if (eventId === undefined) return step.invalid('eventId');
  const items = itemsOf(command.items);
  if (items === undefined) return step.invalid('items');
  const wish = wishOf(step, command, eventId);
  if ('ok' in wish) return wish;

  const key = buyerKey(command.requestId, wish.userId, () => ['lockMany', items, wish.onExisting]);
  const recalled = step.recall(key, eventId);
  if (recalled !== undefined) {
    if (isRefusal(recalled)) return recalled;
    return repeatLockMany(step, recalled);
  }
  const granted = grant(step, wish, items);
  if (!granted.ok) return granted;
  const locks = granted.value;
  const value = { lockId: locks[0]?.lockId ?? '', eventId, locks };
  step.remember(key, eventId, { kind: 'lockMany', value });
  return step.ok(value);
}

/** See `LockEngine.extend`. Pure: reads no clock, performs no I/O. */
export function extendLock(step: Step, command: ExtendCommand): CommandResult<Extended> {
  if (!isObject(command)) return step.invalid('command');
  const { lockId, requestId } = command;
  if (!isOpaqueId(lockId)) return step.invalid('lockId');
  const userId = canonicalId(command.userId);
  if (userId === undefined && command.userId !== undefined) return step.invalid('userId');
  if (!isRequestId(requestId)) return step.invalid('requestId');

  const lock = step.state.locks.get(lockId);
  if (lock === undefined || (userId !== undefined && userId !== lock.user.userId)) {
    return step.refuse({ code: 'LOCK_NOT_FOUND', lockId });
  }
  const eventId = lock.category.event.eventId;
  const key = buyerKey(command.requestId, lock.user.userId, () => ['extend', lockId]);
  const recalled = step.recall(key, eventId);
  if (recalled !== undefined) {
    if (isRefusal(recalled)) return recalled;
    return repeatExtend(step, recalled);
  }
  if (lock.inPayment && !lock.isDue(step.nowMs))
    return step.refuse({ code: 'ORDER_CONFLICT', lockId });
  const end = step.endOf(lock);
  if (end !== undefined) return end;
  const { extensionsMax, lockAgeMsMax, ttlMs } = step.policy;
  if (lock.extensionCount >= extensionsMax) {
    return step.refuse({ code: 'LIMIT_EXCEEDED', limit: 'extensionsMax', max: extensionsMax });
  }
  const latestMs = lock.createdAtMs + lockAgeMsMax;
  if (lock.expiresAtMs >= latestMs) {
    return step.refuse({ code: 'LIMIT_EXCEEDED', limit: 'lockAgeMsMax', max: lockAgeMsMax });
  }
  const expiresAtMs = Math.max(lock.expiresAtMs, Math.min(step.nowMs + ttlMs, latestMs));
  step.record({ type: 'extended', ...about(lock), expiresAtMs });
  const value = { lockId, expiresAtMs, expiresInMs: expiresAtMs - step.nowMs };
  step.remember(key, eventId, { kind: 'extend', value });
  return step.ok({ ...value, extensionsLeft: extensionsMax - lock.extensionCount });
}

/** Checks the fields that `lock` and `lockMany` share. */
function wishOf(
  step: Step,
  command: LockCommand | LockManyCommand,
  eventId: Id,
): Wish | ReturnType<Step['refuse']> {
  const { sessionId, onExisting, requestId } = command;
  const userId = canonicalId(command.userId);
  if (userId === undefined) return step.invalid('userId');
  if (!isOpaqueId(sessionId)) return step.invalid('sessionId');
  if (!isOnExisting(onExisting)) return step.invalid('onExisting');
  if (!isRequestId(requestId)) return step.invalid('requestId');
  return { eventId, userId, sessionId, onExisting };
}

/** The lines with canonical ids, or `undefined` when one is malformed or names a category twice. */
function itemsOf(input: unknown): readonly { categoryId: Id; quantity: number }[] | undefined {
  if (!isBatch(input)) return undefined;
  const items = new Map<Id, { categoryId: Id; quantity: number }>();
  for (const item of input) {
    if (!isObject(item)) return undefined;
    const { categoryId: id, quantity } = item as Partial<LockLine>;
    const categoryId = canonicalId(id);
    if (categoryId === undefined || items.has(categoryId) || !isQuantity(quantity))
      return undefined;
    items.set(categoryId, { categoryId, quantity });
  }
  return [...items.values()];
}

/** Grants every line or none. The checks run in the order of the codes, each over all lines. */
function grant(
  step: Step,
  wish: Wish,
  items: readonly { readonly categoryId: Id; readonly quantity: number }[],
): CommandResult<LockGrant[]> {
  const { eventId } = wish;
  const event = step.state.events.get(eventId);
  if (event === undefined || event.cancelled)
    return step.refuse({ code: 'EVENT_NOT_FOUND', eventId });
  const categories: CategoryRecord[] = [];
  for (const { categoryId } of items) {
    const category = event.categories.get(categoryId);
    if (category === undefined)
      return step.refuse({ code: 'CATEGORY_NOT_FOUND', eventId, categoryId });
    categories.push(category);
  }
  const own = ownLocks(step, wish.userId, event);
  const lines = categories.map((category, index) => {
    const quantity = items[index]?.quantity ?? 0;
    const existing = own.locks.find((lock) => lock.category === category);
    const kept = wish.onExisting === 'add' && existing !== undefined ? existing.quantity : 0;
    return { category, quantity, existing, target: kept + quantity };
  });
  return (
    refuseExisting(step, wish, lines) ??
    refuseLimit(step, wish, lines, own) ??
    refuseShort(step, lines) ??
    step.ok(lines.map((line) => take(step, wish, line)))
  );
}

/**
 * The user's active locks in the event. What is over is expired on the way: it neither blocks nor
 * counts.
 */
function ownLocks(
  step: Step,
  userId: Id,
  event: EventRecord,
): { locks: LockRecord[]; tickets: number } {
  const locks: LockRecord[] = [];
  let tickets = 0;
  let next = step.state.users.get(userId)?.firstLock;
  while (next !== undefined) {
    const lock = next;
    next = lock.nextOfUser;
    if (lock.category.event !== event) continue;
    if (lock.isDue(step.nowMs)) {
      step.expire(lock);
    } else {
      locks.push(lock);
      tickets += lock.quantity;
    }
  }
  return { locks, tickets };
}

function refuseExisting(
  step: Step,
  wish: Wish,
  lines: readonly Line[],
): ReturnType<Step['refuse']> | undefined {
  for (const { existing } of lines) {
    if (wish.onExisting !== undefined && existing?.inPayment === true) {
      return step.refuse({ code: 'ORDER_CONFLICT', lockId: existing.lockId });
    }
  }
  if (wish.onExisting !== undefined) return undefined;
  for (const { existing } of lines) {
    if (existing !== undefined) {
      return step.refuse({
        code: 'DUPLICATE_LOCK',
        lockId: existing.lockId,
        lock: step.view(existing),
      });
    }
  }
  return undefined;
}

function refuseLimit(
  step: Step,
  wish: Wish,
  lines: readonly Line[],
  own: { readonly locks: readonly LockRecord[]; readonly tickets: number },
): ReturnType<Step['refuse']> | undefined {
  const { ticketsPerLockMax, locksPerUserMax, ticketsPerUserPerEventMax } = step.policy;
  let lockCount = own.locks.length;
  let growth = 0;
  for (const { existing, target } of lines) {
    if (target > ticketsPerLockMax) {
      return step.refuse({
        code: 'LIMIT_EXCEEDED',
        limit: 'ticketsPerLockMax',
        max: ticketsPerLockMax,
      });
    }
    if (existing === undefined) lockCount += 1;
    growth += target - (existing?.quantity ?? 0);
  }
  if (lockCount > own.locks.length && lockCount > locksPerUserMax) {
    return step.refuse({ code: 'LIMIT_EXCEEDED', limit: 'locksPerUserMax', max: locksPerUserMax });
  }
  const bought = step.state.users.get(wish.userId)?.boughtIn(wish.eventId) ?? 0;
  if (growth > 0 && bought + own.tickets + growth > ticketsPerUserPerEventMax) {
    const max = ticketsPerUserPerEventMax;
    return step.refuse({ code: 'LIMIT_EXCEEDED', limit: 'ticketsPerUserPerEventMax', max });
  }
  return undefined;
}

function refuseShort(step: Step, lines: readonly Line[]): ReturnType<Step['refuse']> | undefined {
  const short: ShortLine[] = [];
  for (const { category, existing, quantity, target } of lines) {
    const growth = target - (existing?.quantity ?? 0);
    if (growth <= 0) continue;
    step.expireUntilFree(category, growth);
    const { available, categoryId } = category;
    if (available < growth) short.push({ categoryId, requested: quantity, available });
  }
  const [first] = short;
  if (first === undefined) return undefined;
  const { available, requested } = first;
  return step.refuse({ code: 'INSUFFICIENT_TICKETS', available, requested, lines: short });
}

function take(step: Step, wish: Wish, { category, existing, target }: Line): LockGrant {
  const { eventId, userId, sessionId } = wish;
  const { categoryId } = category;
  const lockId = existing?.lockId ?? step.newLockId();
  const expiresAtMs = existing?.expiresAtMs ?? step.nowMs + step.policy.ttlMs;
  if (existing === undefined) {
    step.record({
      type: 'locked',
      lockId,
      eventId,
      categoryId,
      userId,
      sessionId,
      quantity: target,
      expiresAtMs,
    });
  } else if (existing.quantity !== target) {
    const previousQuantity = existing.quantity;
    step.record({
      type: 'quantity-changed',
      ...about(existing),
      quantity: target,
      previousQuantity,
    });
  }
  return {
    lockId,
    eventId,
    categoryId,
    quantity: target,
    expiresAtMs,
    expiresInMs: expiresAtMs - step.nowMs,
    available: step.availableIn(category),
  };
}
