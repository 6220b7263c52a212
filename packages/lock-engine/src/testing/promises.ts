import type { CommandResult } from '../engine/command.js';
import type { Id } from '../engine/id.js';
import type { LockChange } from '../engine/lock-change.js';
import type { LockEngine } from '../engine/lock-engine.js';
import type { CategoryAvailability, TicketLock } from '../engine/ticket-lock.js';
import { literalOf } from './literal.js';

/** Everything outsiders can see of an engine at one instant. */
export interface Sight {
  readonly locks: readonly TicketLock[];
  readonly categories: readonly CategoryAvailability[];
}

/** Sees everything in these events, and each of these locks. */
export function see(engine: LockEngine, eventIds: Iterable<Id>, lockIds: readonly string[]): Sight {
  const locks: TicketLock[] = [];
  for (const lockId of lockIds) {
    const lock = engine.lockById(lockId);
    if (lock !== undefined) locks.push(lock);
  }
  const categories: CategoryAvailability[] = [];
  for (const eventId of eventIds) {
    for (const category of engine.availability(eventId) ?? []) categories.push(category);
  }
  return { locks, categories };
}

/**
 * The invariants of the engine, seen from outside: they hold whatever was asked, without knowing
 * what the answer should be.
 *
 * Each method returns the broken rule, or `undefined`.
 */
export class Promises {
  #before: Sight = { locks: [], categories: [] };

  /** Checks what is seen after a call, and what `changes` have made of it since the call before. */
  brokenBy(
    sight: Sight,
    changes: readonly LockChange[],
    result: CommandResult<unknown> | undefined,
  ): string | undefined {
    const before = this.#before;
    this.#before = sight;
    return (
      brokenCounts(sight) ??
      brokenVersions(sight.categories, before.categories, changes) ??
      brokenLives(sight.locks, before.locks) ??
      brokenGrant(changes, sight) ??
      (result && brokenRefusal(result))
    );
  }
}

function brokenCounts({ categories, locks }: Sight): string | undefined {
  const active = locks.filter((lock) => lock.status === 'ACTIVE');
  const unsettled = locks.filter((lock) => lock.status === 'CONFIRMED' && lock.settled !== true);
  for (const category of categories) {
    const broken =
      brokenSum(category.locked, active, category, 'locked') ??
      brokenSum(category.confirmed, unsettled, category, 'confirmed') ??
      brokenArithmetic(category);
    if (broken !== undefined) return `${broken}: ${literalOf(category)}`;
  }
  return undefined;
}

/** A version never goes back, and grows whenever a figure is changed by more than time. */
function brokenVersions(
  categories: readonly CategoryAvailability[],
  before: readonly CategoryAvailability[],
  changes: readonly LockChange[],
): string | undefined {
  for (const was of before) {
    const { eventId, categoryId } = was;
    const now = categories.find((it) => it.categoryId === categoryId && it.eventId === eventId);
    if (now !== undefined && now.version > was.version) continue;
    if (now?.version !== was.version) return `a version went back: ${literalOf(was)}`;
    const isChanged =
      now.capacity !== was.capacity ||
      now.soldElsewhere !== was.soldElsewhere ||
      now.confirmed !== was.confirmed ||
      (now.locked !== was.locked && changes.some((change) => isAbout(change, now)));
    if (isChanged) return `a version stood still: ${literalOf(now)}`;
  }
  return undefined;
}

function isAbout(change: LockChange, { eventId, categoryId }: CategoryAvailability): boolean {
  return 'categoryId' in change && change.categoryId === categoryId && change.eventId === eventId;
}

/**
 * Both lists are in the order in which the locks were made; forgotten ones are missing in the
 * later.
 */
function brokenLives(
  locks: readonly TicketLock[],
  before: readonly TicketLock[],
): string | undefined {
  let at = 0;
  for (const lock of locks) {
    while (at < before.length && before[at]?.lockId !== lock.lockId) at += 1;
    const broken = brokenLife(lock, before[at]);
    if (broken !== undefined) return broken;
  }
  return undefined;
}

function brokenSum(
  count: number,
  locks: readonly TicketLock[],
  { eventId, categoryId }: CategoryAvailability,
  name: string,
): string | undefined {
  let sum = 0;
  for (const lock of locks) {
    if (lock.categoryId === categoryId && lock.eventId === eventId) sum += lock.quantity;
  }
  return sum === count ? undefined : `${name} is ${count}, its locks hold ${sum}`;
}

function brokenArithmetic(category: CategoryAvailability): string | undefined {
  const { capacity, available, deficit, locked, sold, confirmed, soldElsewhere } = category;
  const isCount = (count: number) => Number.isInteger(count) && count >= 0;
  const isEveryCount =
    isCount(capacity) &&
    isCount(available) &&
    isCount(deficit) &&
    isCount(locked) &&
    isCount(sold) &&
    isCount(confirmed) &&
    isCount(soldElsewhere);
  if (!isEveryCount) return 'a count is no number of tickets';
  const free = capacity - sold - locked;
  const isRight =
    sold === soldElsewhere + confirmed &&
    available === Math.max(0, free) &&
    deficit === Math.max(0, -free);
  return isRight ? undefined : 'the figures do not add up';
}

function brokenLife(lock: TicketLock, before: TicketLock | undefined): string | undefined {
  if (before === undefined) {
    return lock.status === 'ACTIVE' ? undefined : `a new lock is ${lock.status}`;
  }
  if (lock.expiresAtMs < before.expiresAtMs) return `the end of ${lock.lockId} came nearer`;
  const isFixed =
    lock.createdAtMs === before.createdAtMs &&
    lock.userId === before.userId &&
    lock.sessionId === before.sessionId &&
    lock.categoryId === before.categoryId &&
    (before.orderId === undefined || lock.orderId === before.orderId);
  if (!isFixed) return `what never changes of ${lock.lockId} changed`;
  if (before.status === 'ACTIVE') return undefined;
  if (lock.quantity !== before.quantity) return `tickets of ${lock.lockId} changed after its end`;
  if (lock.status === before.status) return undefined;
  const isLate = before.status === 'EXPIRED' && lock.status === 'CONFIRMED' && lock.late === true;
  const isReturn =
    before.status === 'CONFIRMED' &&
    before.settled !== true &&
    lock.status === 'RELEASED' &&
    lock.reason === 'order-failed';
  if (isLate || isReturn) return undefined;
  return `${lock.lockId} went from ${before.status} to ${lock.status}`;
}

/** A grant never makes `sold + locked` exceed `capacity`. */
function brokenGrant(changes: readonly LockChange[], sight: Sight): string | undefined {
  for (const change of changes) {
    const isGrant =
      change.type === 'locked' ||
      (change.type === 'quantity-changed' && change.quantity > change.previousQuantity) ||
      (change.type === 'confirmed' && change.late === true);
    if (!isGrant) continue;
    const category = sight.categories.find((it) => isAbout(change, it));
    if (category === undefined) return 'granted in a category that is not there';
    if (category.deficit > 0) return `a grant made a deficit of ${category.deficit}`;
  }
  return undefined;
}

/** A refusal changes nothing but expiries; what that makes too many may be forgotten. */
function brokenRefusal(result: CommandResult<unknown>): string | undefined {
  if (result.ok) return undefined;
  const made = result.changes.find(({ type }) => type !== 'expired' && type !== 'forgotten');
  return made && `a refusal changed something: ${literalOf(made)}`;
}
