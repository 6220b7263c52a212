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
import { invariant } from './invariant.js';
import type { ShortLine } from './lock-error.js';
import type { LockRecord, UserRecord } from './lock-record.js';
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

/** What the user has in the event. */
interface Own {
  readonly user: UserRecord | undefined;
  readonly lockCount: number;
  /** Tickets, locked and confirmed here. */
  readonly tickets: number;
}

interface Asked {
  readonly category: CategoryRecord;
  readonly quantity: number;
}

/** What a grant adds to what the user has. */
interface More {
  readonly newLocks: number;
  /** Tickets. */
  readonly growth: number;
}

/** One line of a wish on its way to a grant. */
interface Line extends Asked, More {
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

  const { requestId } = command;
  const key =
    requestId === undefined
      ? undefined
      : buyerKey(requestId, wish.userId, ['lock', categoryId, quantity, wish.onExisting]);
  const before = key && answerBefore(step, step.recall(key, eventId), repeatLock);
  if (before !== undefined) return before;
  const event = findEvent(step, eventId);
  if ('ok' in event) return event;
  const category = findCategory(step, event, categoryId);
  if ('ok' in category) return category;
  const own = ownIn(step, wish.userId, event);
  const line = lineOf(wish, own, { category, quantity });
  const refusal =
    refuseExisting(step, wish, line) ?? refuseLarge(step, line) ?? refuseMore(step, own, line);
  if (refusal !== undefined) return refusal;
  const short = shortOf(step, line);
  if (short !== undefined) return refuseShort(step, [short]);
  const value = take(step, wish, line);
  if (key !== undefined) step.remember(key, eventId, { kind: 'lock', value });
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
  const before = key && answerBefore(step, step.recall(key, eventId), repeatLockMany);
  if (before !== undefined) return before;
  const event = findEvent(step, eventId);
  if ('ok' in event) return event;
  const asked: Asked[] = [];
  for (const { categoryId, quantity } of items) {
    const category = findCategory(step, event, categoryId);
    if ('ok' in category) return category;
    asked.push({ category, quantity });
  }
  const own = ownIn(step, wish.userId, event);
  const lines = asked.map((line) => lineOf(wish, own, line));
  const refusal = refuseAny(step, wish, own, lines);
  if (refusal !== undefined) return refusal;
  const locks = lines.map((line) => take(step, wish, line));
  const [first] = locks;
  invariant(first !== undefined, 'a batch has a first line');
  const value = { lockId: first.lockId, eventId, locks };
  if (key !== undefined) step.remember(key, eventId, { kind: 'lockMany', value });
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
  const before = key && answerBefore(step, step.recall(key, eventId), repeatExtend);
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
  if (key !== undefined) step.remember(key, eventId, { kind: 'extend', value });
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

/**
 * What the user has in the event. What is over is expired on the way: it neither blocks nor counts.
 */
function ownIn(step: Step, userId: Id, event: EventRecord): Own {
  const user = step.state.users.get(userId);
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
    }
  }
  return { user, lockCount, tickets };
}

function lineOf(wish: Wish, own: Own, { category, quantity }: Asked): Line {
  const existing = own.user?.lockIn(category);
  const locked = existing === undefined ? 0 : existing.quantity;
  const target = wish.onExisting === 'add' ? locked + quantity : quantity;
  const newLocks = existing === undefined ? 1 : 0;
  return { category, quantity, existing, target, newLocks, growth: target - locked };
}

/*
 * The checks, in the order of their codes. Several lines are all put to one check before the next.
 */

function refuseExisting(step: Step, wish: Wish, { existing }: Line): Refusal | undefined {
  if (existing === undefined) return undefined;
  const { lockId } = existing;
  if (wish.onExisting === undefined)
    return step.refuse({ code: 'DUPLICATE_LOCK', lockId, lock: step.view(existing) });
  return existing.inPayment ? step.refuse({ code: 'ORDER_CONFLICT', lockId }) : undefined;
}

function refuseLarge(step: Step, { target }: Line): Refusal | undefined {
  const { ticketsPerLockMax: max } = step.policy;
  if (target <= max) return undefined;
  return step.refuse({ code: 'LIMIT_EXCEEDED', limit: 'ticketsPerLockMax', max });
}

function refuseMore(step: Step, own: Own, { newLocks, growth }: More): Refusal | undefined {
  const { locksPerUserMax, ticketsPerUserPerEventMax } = step.policy;
  if (newLocks > 0 && own.lockCount + newLocks > locksPerUserMax) {
    return step.refuse({ code: 'LIMIT_EXCEEDED', limit: 'locksPerUserMax', max: locksPerUserMax });
  }
  if (growth > 0 && own.tickets + growth > ticketsPerUserPerEventMax) {
    const max = ticketsPerUserPerEventMax;
    return step.refuse({ code: 'LIMIT_EXCEEDED', limit: 'ticketsPerUserPerEventMax', max });
  }
  return undefined;
}

/** What the line falls short of, if it does. */
function shortOf(step: Step, { category, quantity, growth }: Line): ShortLine | undefined {
  if (growth <= 0) return undefined;
  step.expireUntilFree(category, growth);
  const { available, categoryId } = category;
  if (available < growth) return { categoryId, requested: quantity, available };
  return undefined;
}

function refuseShort(step: Step, lines: readonly [ShortLine, ...ShortLine[]]): Refusal {
  const [first] = lines;
  const { available, requested } = first;
  return step.refuse({ code: 'INSUFFICIENT_TICKETS', available, requested, lines });
}

function refuseAny(step: Step, wish: Wish, own: Own, lines: readonly Line[]): Refusal | undefined {
  for (const line of lines) {
    const refusal = refuseExisting(step, wish, line);
    if (refusal !== undefined) return refusal;
  }
  const more = { newLocks: 0, growth: 0 };
  for (const line of lines) {
    const refusal = refuseLarge(step, line);
    if (refusal !== undefined) return refusal;
    more.newLocks += line.newLocks;
    more.growth += line.growth;
  }
  const refusal = refuseMore(step, own, more);
  if (refusal !== undefined) return refusal;
  const [first, ...others] = lines.flatMap((line) => shortOf(step, line) ?? []);
  return first === undefined ? undefined : refuseShort(step, [first, ...others]);
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
