import type { CategoryRecord, EventRecord } from './category-record.js';
import { completionKey } from './category-record.js';
import { about, withOrder } from './change-about-lock.js';
import type {
  CommandResult,
  CompletedOrder,
  InventorySet,
  SetInventoryCommand,
  Settled,
  SettleCommand,
} from './command.js';
import { canonicalId, isOpaqueId } from './id.js';
import type { Id } from './id.js';
import type { CategoryFigures } from './lock-change.js';
import type { LockRecord } from './lock-record.js';
import { isObject, isQuantity, isTicketCount } from './shape.js';
import type { Step } from './step.js';

/** See `LockEngine.setInventory`. Pure: reads no clock, performs no I/O. */
export function setInventory(
  step: Step,
  command: SetInventoryCommand,
): CommandResult<InventorySet> {
  if (!isObject(command)) return step.invalid('command');
  const eventId = canonicalId(command.eventId);
  if (eventId === undefined) return step.invalid('eventId');
  const event = step.state.events.get(eventId);
  const wasFetched = command.categories !== undefined || command.completed === undefined;
  const categories = wasFetched ? figuresOf(command.categories, event) : [];
  if (categories === undefined) return step.invalid('categories');
  const { fetchedAtMs: begunAtMs = step.nowMs } = command;
  if (typeof begunAtMs !== 'number' || !(begunAtMs >= 0 && begunAtMs < Infinity)) {
    return step.invalid('fetchedAtMs');
  }
  // `+ 0`: JSON, and so a ledger, does not know -0.
  const fetchedAtMs = begunAtMs + 0;
  const orders = completedOf(command.completed);
  if (orders === undefined) return step.invalid('completed');

  if (!wasFetched) return noteCompleted(step, eventId, match(step, event, orders));
  if (event !== undefined && fetchedAtMs < event.fetchedAtMs) {
    return step.ok({ eventId, applied: false, settledLockIds: [], unmatched: [] });
  }
  const { completed, unmatched } = match(step, event, orders);
  step.record({
    seq: step.nextSeq,
    atMs: step.nowMs,
    type: 'inventory-set',
    eventId,
    fetchedAtMs,
    categories,
    completed,
  });
  const settledLockIds = settleRisen(step, step.state.event(eventId));
  return step.ok({ eventId, applied: true, settledLockIds, unmatched });
}

/** See `LockEngine.settle`. Pure: reads no clock, performs no I/O. */
export function settleLock(step: Step, command: SettleCommand): CommandResult<Settled> {
  if (!isObject(command)) return step.invalid('command');
  const { lockId } = command;
  if (!isOpaqueId(lockId)) return step.invalid('lockId');
  const lock = step.state.locks.get(lockId);
  if (lock === undefined) return step.refuse({ code: 'LOCK_NOT_FOUND', lockId });
  const end = step.endOf(lock);
  if (end === undefined) return step.refuse({ code: 'LOCK_MISMATCH', lockId, field: 'status' });
  if (lock.status !== 'CONFIRMED') return end;
  if (lock.sale?.settled === false) recordSettled(step, lock, true);
  return step.ok({ lockId, status: 'CONFIRMED', settled: true });
}

/** Notes completed orders on their sales, of which nothing was fetched yet. */
function noteCompleted(
  step: Step,
  eventId: Id,
  { completed, unmatched }: ReturnType<typeof match>,
): CommandResult<InventorySet> {
  for (const { lockId, orderId } of completed) {
    const lock = step.state.lock(lockId);
    step.record(Object.assign(about(step, 'order-completed', lock), { orderId }), lock);
  }
  return step.ok({ eventId, applied: completed.length > 0, settledLockIds: [], unmatched });
}

/**
 * Settles every completed sale of the event whose tickets the source of truth shows by now, the
 * oldest first.
 */
function settleRisen(step: Step, event: EventRecord): string[] {
  const lockIds: string[] = [];
  for (const category of event.categories.values()) {
    for (const lock of category.unsettled) {
      if (!isRisen(category, lock)) continue;
      recordSettled(step, lock, false);
      lockIds.push(lock.lockId);
    }
  }
  return lockIds;
}

/**
 * Whether the count rose by the lock's tickets since it was confirmed, beyond what settled other
 * sales, by a fetch that began after its order was completed.
 */
function isRisen(category: CategoryRecord, { sale, quantity }: LockRecord): boolean {
  if (sale?.completedOrderId === undefined) return false;
  if (category.event.fetchedAtMs < sale.countedFromMs) return false;
  const netRise = category.soldElsewhere - sale.soldElsewhereBefore;
  return netRise - category.rises.usedSince(sale.risenBefore) >= quantity;
}

function recordSettled(step: Step, lock: LockRecord, byOperator: boolean): void {
  const change = withOrder(about(step, 'settled', lock), lock.orderId);
  step.record(byOperator ? Object.assign(change, { byOperator: true as const }) : change, lock);
}

/**
 * Finds for each completed order the unsettled sale it is about; one that settled already is
 * neither found nor missed.
 */
function match(
  step: Step,
  event: EventRecord | undefined,
  orders: readonly CompletedOrder[],
): { completed: { lockId: string; orderId: Id }[]; unmatched: CompletedOrder[] } {
  const completed: { lockId: string; orderId: Id }[] = [];
  const unmatched: CompletedOrder[] = [];
  const keys = new Set<string>();
  const taken = new Set<LockRecord>();
  for (const order of orders) {
    const key = completionKey(order.orderId, order.categoryId);
    if (event?.completed.has(key) === true || keys.has(key)) continue;
    const category = event?.categories.get(order.categoryId);
    const lock = category && saleOf(step, category, order, taken);
    if (lock === undefined) {
      unmatched.push(order);
      continue;
    }
    keys.add(key);
    taken.add(lock);
    completed.push({ lockId: lock.lockId, orderId: order.orderId });
  }
  return { completed, unmatched };
}

function saleOf(
  step: Step,
  category: CategoryRecord,
  order: CompletedOrder,
  taken: ReadonlySet<LockRecord>,
): LockRecord | undefined {
  const isMeant = (lock: LockRecord) =>
    !taken.has(lock) &&
    lock.sale?.completedOrderId === undefined &&
    lock.user.userId === order.userId &&
    lock.quantity === order.quantity &&
    (lock.orderId === undefined || lock.orderId === order.orderId);
  if (order.lockId !== undefined) {
    const lock = step.state.locks.get(order.lockId);
    const isSale = lock?.category === category && lock.isUnsettled;
    return isSale && isMeant(lock) ? lock : undefined;
  }
  let oldest: LockRecord | undefined;
  for (const lock of category.unsettled) {
    if (!isMeant(lock)) continue;
    if (lock.orderId === order.orderId) return lock;
    oldest ??= lock;
  }
  return oldest;
}

/**
 * The figures with canonical ids, or `undefined` when one is malformed or a category is named
 * twice.
 */
function figuresOf(input: unknown, event: EventRecord | undefined): CategoryFigures[] | undefined {
  if (!Array.isArray(input)) return undefined;
  const figures = new Map<Id, CategoryFigures>();
  for (const entry of input as readonly unknown[]) {
    if (!isObject(entry)) return undefined;
    const given = entry as Partial<CategoryFigures>;
    const categoryId = canonicalId(given.categoryId);
    if (categoryId === undefined || figures.has(categoryId)) return undefined;
    const known = event?.categories.get(categoryId)?.soldElsewhere ?? 0;
    const { capacity, soldElsewhere = known } = given;
    if (!isTicketCount(capacity) || !isTicketCount(soldElsewhere)) return undefined;
    figures.set(categoryId, {
      categoryId,
      capacity: capacity + 0,
      soldElsewhere: soldElsewhere + 0,
    });
  }
  return [...figures.values()];
}

function completedOf(input: unknown): CompletedOrder[] | undefined {
  if (input === undefined) return [];
  if (!Array.isArray(input)) return undefined;
  const orders: CompletedOrder[] = [];
  for (const entry of input as readonly unknown[]) {
    if (!isObject(entry)) return undefined;
    const { quantity, lockId, ...ids } = entry as Partial<CompletedOrder>;
    const orderId = canonicalId(ids.orderId);
    const categoryId = canonicalId(ids.categoryId);
    const userId = canonicalId(ids.userId);
    if (orderId === undefined || categoryId === undefined || userId === undefined) return undefined;
    if (!isQuantity(quantity) || (lockId !== undefined && !isOpaqueId(lockId))) return undefined;
    orders.push({ orderId, categoryId, userId, quantity, ...(lockId !== undefined && { lockId }) });
  }
  return orders;
}
