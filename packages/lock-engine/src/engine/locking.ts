import type { CategoryRecord, EventRecord } from './category-record.js';
import { about } from './change-about-lock.js';
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
import { answerBefore, buyerKey, repeatExtend, repeatLock, repeatLockMany } from './repeating.js';
import { isBatch, isObject, isOnExisting, isQuantity, isRequestId } from './shape.js';
import type { Step } from './step.js';

type Refusal = ReturnType<Step['refuse']>;

/** What a user wants to lock, with canonical ids. */
interface Wish {
  readonly eventId: Id;
  readonly userId: Id;
  readonly sessionId: string;
  readonly onExisting: OnExisting | undefined;
}

/** What a user has in the event. */
interface Own {
  readonly lockCount: number;
  /** Tickets, locked and confirmed here. */
  readonly tickets: number;
}

/** One line of a wish on its way to a grant. */
interface Line {
  readonly category: CategoryRecord;
  /** As asked. */
  readonly quantity: number;
  /** The user's active lock in the category. */
  existing: LockRecord | undefined;
  /** Tickets of the lock once it is granted. */
  target: number;
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

  const { requestId } = command;
  const key =
    requestId === undefined
      ? undefined
      : buyerKey(requestId, wish.userId, ['lock', categoryId, quantity, wish.onExisting]);
  const before = answerBefore(step, step.recall(key, eventId), repeatLock);
  if (before !== undefined) return before;
  const event = findEvent(step, eventId);
  if ('ok' in event) return event;
  const category = findCategory(step, event, categoryId);
  if ('ok' in category) return category;
  const line: Line = { category, quantity, existing: undefined, target: quantity };
  const lines = [line];
  const refusal = refuseAny(step, wish, ownLocks(step, wish, event, lines), lines);
  if (refusal !== undefined) return refusal;
  const value = take(step, wish, line);
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

  const { requestId } = command;
  const key =
    requestId === undefined
      ? undefined
      : buyerKey(requestId, wish.userId, ['lockMany', items, wish.onExisting]);
  const before = answerBefore(step, step.recall(key, eventId), repeatLockMany);
  if (before !== undefined) return before;
  const event = findEvent(step, eventId);
  if ('ok' in event) return event;
  const categories: CategoryRecord[] = [];
  for (const { categoryId } of items) {
    const category = findCategory(step, event, categoryId);
    if ('ok' in category) return category;
    categories.push(category);
  }
  const lines: Line[] = categories.map((category, index) => ({
    category,
    quantity: items[index]?.quantity ?? 0,
    existing: undefined,
    target: items[index]?.quantity ?? 0,
  }));
  const refusal = refuseAny(step, wish, ownLocks(step, wish, event, lines), lines);
  if (refusal !== undefined) return refusal;
  const locks = lines.map((line) => take(step, wish, line));
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
  const key =
    requestId === undefined ? undefined : buyerKey(requestId, lock.user.userId, ['extend', lockId]);
  const before = answerBefore(step, step.recall(key, eventId), repeatExtend);
  if (before !== undefined) return before;
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
  step.record(Object.assign(about(step, 'extended', lock), { expiresAtMs }), lock);
  const value = { lockId, expiresAtMs, expiresInMs: expiresAtMs - step.nowMs };
  step.remember(key, eventId, { kind: 'extend', value });
  return step.ok({ ...value, extensionsLeft: extensionsMax - lock.extensionCount });
}

/** Checks the fields that `lock` and `lockMany` share. */
function wishOf(step: Step, command: LockCommand | LockManyCommand, eventId: Id): Wish | Refusal {
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

function findEvent(step: Step, eventId: Id): EventRecord | Refusal {
  const event = step.state.events.get(eventId);
  if (event !== undefined && !event.cancelled) return event;
  return step.refuse({ code: 'EVENT_NOT_FOUND', eventId });
}

function findCategory(step: Step, event: EventRecord, categoryId: Id): CategoryRecord | Refusal {
  const { eventId } = event;
  const category = event.categories.get(categoryId);
  return category ?? step.refuse({ code: 'CATEGORY_NOT_FOUND', eventId, categoryId });
}

function ownLocks(step: Step, wish: Wish, event: EventRecord, lines: readonly Line[]): Own {
  const user = step.state.users.get(wish.userId);
  let lockCount = 0;
  let tickets = user?.boughtIn(event.eventId) ?? 0;
  let next = user?.firstLock;
  while (next !== undefined) {
    const lock = next;
    next = lock.nextOfUser;
    if (lock.category.event !== event) continue;
    if (lock.isDue(step.nowMs)) {
      step.expire(lock);
    } else {
      lockCount += 1;
      tickets += lock.quantity;
      for (const line of lines) {
        if (line.category !== lock.category) continue;
        line.existing = lock;
        if (wish.onExisting === 'add') line.target += lock.quantity;
      }
    }
  }
  return { lockCount, tickets };
}

/** The refusal of the whole wish. The checks run in the order of the codes, each over all lines. */
function refuseAny(step: Step, wish: Wish, own: Own, lines: readonly Line[]): Refusal | undefined {
  return (
    refuseExisting(step, wish, lines) ?? refuseLimit(step, own, lines) ?? refuseShort(step, lines)
  );
}

function refuseExisting(step: Step, wish: Wish, lines: readonly Line[]): Refusal | undefined {
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

function refuseLimit(step: Step, own: Own, lines: readonly Line[]): Refusal | undefined {
  const { ticketsPerLockMax, locksPerUserMax, ticketsPerUserPerEventMax } = step.policy;
  let lockCount = own.lockCount;
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
  if (lockCount > own.lockCount && lockCount > locksPerUserMax) {
    return step.refuse({ code: 'LIMIT_EXCEEDED', limit: 'locksPerUserMax', max: locksPerUserMax });
  }
  if (growth > 0 && own.tickets + growth > ticketsPerUserPerEventMax) {
    const max = ticketsPerUserPerEventMax;
    return step.refuse({ code: 'LIMIT_EXCEEDED', limit: 'ticketsPerUserPerEventMax', max });
  }
  return undefined;
}

function refuseShort(step: Step, lines: readonly Line[]): Refusal | undefined {
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
      seq: step.nextSeq,
      atMs: step.nowMs,
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
    const quantities = { quantity: target, previousQuantity };
    step.record(Object.assign(about(step, 'quantity-changed', existing), quantities), existing);
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
