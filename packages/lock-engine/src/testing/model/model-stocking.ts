import type {
  CompletedOrder,
  InventorySet,
  SetInventoryCommand,
  Settled,
  SettleCommand,
} from '../../engine/command.js';
import type { Id } from '../../engine/id.js';
import type { CategoryFigures } from '../../engine/lock-change.js';
import type { Outcome } from '../../ports/ticket-locks.js';
import { isCount, isOpaque, isPositive, isObject, isRecord, modelId } from './model-shape.js';
import { accept, endOf, isUnsettled, malformed, refuse } from './model-state.js';
import type { ModelCategory, ModelEvent, ModelLock, ModelState } from './model-state.js';

export function modelSetInventory(
  state: ModelState,
  command: SetInventoryCommand,
): Outcome<InventorySet> {
  if (!isObject(command)) return malformed('command');
  const eventId = modelId(command.eventId);
  if (eventId === undefined) return malformed('eventId');
  const onlyNoted = command.categories === undefined && command.completed !== undefined;
  const figures = onlyNoted ? [] : figuresOf(state, eventId, command.categories);
  if (figures === undefined) return malformed('categories');
  const { fetchedAtMs = state.nowMs } = command;
  const isInstant = typeof fetchedAtMs === 'number' && fetchedAtMs >= 0 && fetchedAtMs < Infinity;
  if (!isInstant) return malformed('fetchedAtMs');
  const orders = ordersOf(command.completed);
  if (orders === undefined) return malformed('completed');

  const known = state.event(eventId);
  if (onlyNoted) {
    const noted = state.locks.filter((lock) => lock.sale?.completedOrderId !== undefined).length;
    const missed = orders.filter((order) => !complete(state, eventId, order, state.nowMs + 1));
    const after = state.locks.filter((lock) => lock.sale?.completedOrderId !== undefined).length;
    return accept({ eventId, applied: after > noted, settledLockIds: [], unmatched: missed });
  }
  if (known !== undefined && fetchedAtMs < known.fetchedAtMs) {
    return accept({ eventId, applied: false, settledLockIds: [], unmatched: [] });
  }
  const unmatched = orders.filter((order) => !complete(state, eventId, order, fetchedAtMs));
  const event = known ?? { eventId, cancelled: false, fetchedAtMs, categories: [] };
  if (known === undefined) state.events.push(event);
  event.fetchedAtMs = fetchedAtMs;
  for (const figure of figures) setFigures(state, event, figure);
  const settled = event.categories.flatMap((category) => settleRisen(state, event, category));
  const settledLockIds = settled.map((lock) => lock.lockId);
  return accept({ eventId, applied: true, settledLockIds, unmatched });
}

export function modelSettle(state: ModelState, command: SettleCommand): Outcome<Settled> {
  if (!isObject(command)) return malformed('command');
  const { lockId } = command;
  if (!isOpaque(lockId)) return malformed('lockId');
  const lock = state.lock(lockId);
  if (lock === undefined) return refuse({ code: 'LOCK_NOT_FOUND', lockId });
  if (lock.status === 'ACTIVE') return refuse({ code: 'LOCK_MISMATCH', lockId, field: 'status' });
  const refusal = lock.status === 'CONFIRMED' ? undefined : endOf(lock);
  if (refusal !== undefined) return refusal;
  if (isUnsettled(lock)) settle(state, lock);
  return accept({ lockId, status: 'CONFIRMED', settled: true });
}

/** A rise is written down with its moment. */
function setFigures(
  state: ModelState,
  event: ModelEvent,
  { categoryId, capacity, soldElsewhere }: CategoryFigures,
): void {
  const known = state.category(event.eventId, categoryId);
  if (known === undefined) {
    event.categories.push({ categoryId, capacity, soldElsewhere, rises: [] });
    return;
  }
  const delta = soldElsewhere - known.soldElsewhere;
  if (delta > 0) known.rises.push({ moment: (state.moment += 1), tickets: delta, used: 0 });
  known.capacity = capacity;
  known.soldElsewhere = soldElsewhere;
}

/** Ties the order to the unsettled lock that it is about; tells whether it is accounted for. */
function complete(
  state: ModelState,
  eventId: Id,
  order: CompletedOrder,
  countedFromMs: number,
): boolean {
  const { orderId, categoryId } = order;
  const inCategory = state.locks.filter(
    (lock) => lock.eventId === eventId && lock.categoryId === categoryId,
  );
  if (inCategory.some((lock) => lock.sale?.completedOrderId === orderId)) return true;
  const meant = inCategory
    .filter((lock) => isUnsettled(lock) && lock.sale?.completedOrderId === undefined)
    .filter((lock) => lock.userId === order.userId && lock.quantity === order.quantity)
    .filter((lock) => lock.orderId === undefined || lock.orderId === orderId)
    .filter((lock) => order.lockId === undefined || lock.lockId === order.lockId)
    .toSorted(byConfirm);
  const lock = meant.find((candidate) => candidate.orderId === orderId) ?? meant[0];
  if (lock?.sale === undefined) return false;
  lock.sale.completedOrderId = orderId;
  lock.sale.countedFromMs = countedFromMs;
  return true;
}

/**
 * Settles, the oldest sale first, what is completed and shown by the source with rises of its own.
 */
function settleRisen(state: ModelState, event: ModelEvent, category: ModelCategory): ModelLock[] {
  const settled: ModelLock[] = [];
  const waiting = state.locks
    .filter((lock) => lock.eventId === event.eventId && lock.categoryId === category.categoryId)
    .filter((lock) => isUnsettled(lock) && lock.sale?.completedOrderId !== undefined)
    .toSorted(byConfirm);
  for (const lock of waiting) {
    const { sale, quantity } = lock;
    if (sale === undefined || event.fetchedAtMs < sale.countedFromMs) continue;
    const used = risesSince(category, sale.moment).reduce((sum, rise) => sum + rise.used, 0);
    const netRise = category.soldElsewhere - sale.soldElsewhereThen;
    if (netRise - used < quantity) continue;
    settle(state, lock);
    settled.push(lock);
  }
  return settled;
}

/** Whoever settles uses the oldest rises since his confirm, as far as there are any. */
function settle(state: ModelState, lock: ModelLock): void {
  const { sale, eventId, categoryId } = lock;
  const category = state.category(eventId, categoryId);
  if (sale === undefined || category === undefined) return;
  sale.settled = true;
  let missing = lock.quantity;
  for (const rise of risesSince(category, sale.moment)) {
    const used = Math.min(missing, rise.tickets - rise.used);
    rise.used += used;
    missing -= used;
  }
  state.markEnded(lock);
}

function risesSince(category: ModelCategory, moment: number): ModelCategory['rises'] {
  return category.rises.filter((rise) => rise.moment > moment);
}

export function byConfirm(a: ModelLock, b: ModelLock): number {
  return (a.sale?.moment ?? 0) - (b.sale?.moment ?? 0);
}

function figuresOf(state: ModelState, eventId: Id, input: unknown): CategoryFigures[] | undefined {
  if (!Array.isArray(input)) return undefined;
  const figures: CategoryFigures[] = [];
  for (const entry of input as unknown[]) {
    if (!isRecord(entry)) return undefined;
    const categoryId = modelId(entry['categoryId']);
    if (categoryId === undefined) return undefined;
    if (figures.some((figure) => figure.categoryId === categoryId)) return undefined;
    const known = state.category(eventId, categoryId)?.soldElsewhere ?? 0;
    const { capacity, soldElsewhere = known } = entry;
    if (!isCount(capacity) || !isCount(soldElsewhere)) return undefined;
    figures.push({
      categoryId,
      capacity: Math.abs(capacity),
      soldElsewhere: Math.abs(soldElsewhere),
    });
  }
  return figures;
}

function ordersOf(input: unknown): CompletedOrder[] | undefined {
  if (input === undefined) return [];
  if (!Array.isArray(input)) return undefined;
  const orders: CompletedOrder[] = [];
  for (const entry of input as unknown[]) {
    if (!isRecord(entry)) return undefined;
    const orderId = modelId(entry['orderId']);
    const categoryId = modelId(entry['categoryId']);
    const userId = modelId(entry['userId']);
    const { quantity, lockId } = entry;
    if (lockId !== undefined && !isOpaque(lockId)) return undefined;
    if (orderId === undefined || categoryId === undefined || userId === undefined) return undefined;
    if (!isPositive(quantity)) return undefined;
    orders.push({
      orderId,
      categoryId,
      userId,
      quantity,
      ...(lockId !== undefined && { lockId }),
    });
  }
  return orders;
}
