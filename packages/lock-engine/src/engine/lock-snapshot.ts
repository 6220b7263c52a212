import { CategoryRecord, completionKey, EventRecord } from './category-record.js';
import type { Id } from './id.js';
import { invariant } from './invariant.js';
import { LockRecord } from './lock-record.js';
import type { Sale } from './lock-record.js';
import type { LockState, Refund } from './lock-state.js';
import type { RememberedRequest } from './request-memory.js';
import type { RisesSnapshot } from './rises.js';
import type { LockStatus, ReleaseReason } from './ticket-lock.js';

/**
 * The whole state of an engine as plain JSON. Restoring it and replaying the changes after `seq`
 * gives the later state.
 */
export interface LockSnapshot {
  readonly format: 1;
  /** The newest change that is in the snapshot. */
  readonly seq: number;
  readonly changedAtMs: number;
  readonly events: readonly EventSnapshot[];
  /**
   * Active locks by their ends, then unsettled sales by their confirms, then the others by their
   * ends.
   */
  readonly locks: readonly LockRecordSnapshot[];
  /** Oldest first. */
  readonly requests: readonly RememberedRequest[];
}

interface EventSnapshot {
  readonly eventId: Id;
  readonly cancelled: boolean;
  readonly fetchedAtMs: number;
  readonly categories: readonly CategorySnapshot[];
}

interface CategorySnapshot {
  readonly categoryId: Id;
  readonly capacity: number;
  readonly soldElsewhere: number;
  readonly version: number;
  readonly rises: RisesSnapshot;
}

interface LockRecordSnapshot {
  readonly lockId: string;
  readonly eventId: Id;
  readonly categoryId: Id;
  readonly userId: Id;
  readonly sessionId: string;
  readonly quantity: number;
  readonly status: LockStatus;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  readonly placedSeq: number;
  readonly noticed: boolean;
  readonly extensionCount: number;
  readonly orderId?: Id;
  readonly sale?: Readonly<Sale>;
  readonly reason?: ReleaseReason;
  readonly endedAtMs?: number;
  readonly refunds?: readonly Refund[];
}

/** Returns the state as plain data that shares nothing with it. */
export function snapshotOf(state: LockState): LockSnapshot {
  return {
    format: 1,
    seq: state.seq,
    changedAtMs: state.changedAtMs,
    events: [...state.events.values()].map(eventSnapshot),
    locks: [...locksInOrder(state)].map((lock) =>
      lockSnapshot(lock, state.refunds.get(lock.lockId)),
    ),
    requests: [...state.requests.values()].map((request) => ({ ...request })),
  };
}

/**
 * Puts a snapshot into an empty state.
 *
 * Throws `TypeError` when the format is not known and `InvariantError` when its figures contradict
 * each other.
 */
export function restoreInto(state: LockState, snapshot: LockSnapshot): void {
  invariant(state.seq === 0 && state.locks.size === 0, 'only an empty engine is restored');
  if (snapshot.format !== 1)
    throw new TypeError(`snapshot.format must be 1, got ${String(snapshot.format)}`);
  for (const event of snapshot.events) restoreEvent(state, event);
  for (const lock of snapshot.locks) restoreLock(state, lock);
  for (const request of snapshot.requests) state.requests.remember(request);
  state.seq = snapshot.seq;
  state.changedAtMs = snapshot.changedAtMs;
}

function* locksInOrder(state: LockState): Generator<LockRecord> {
  const active = [...state.locks.values()].filter((lock) => lock.status === 'ACTIVE');
  yield* active.toSorted((a, b) => a.expiresAtMs - b.expiresAtMs || a.placedSeq - b.placedSeq);
  for (const event of state.events.values()) {
    for (const category of event.categories.values()) yield* category.unsettled;
  }
  for (let lock = state.ended.first; lock !== undefined; lock = lock.next) yield lock;
}

function eventSnapshot(event: EventRecord): EventSnapshot {
  return {
    eventId: event.eventId,
    cancelled: event.cancelled,
    fetchedAtMs: event.fetchedAtMs,
    categories: [...event.categories.values()].map((category) => ({
      categoryId: category.categoryId,
      capacity: category.capacity,
      soldElsewhere: category.soldElsewhere,
      version: category.version,
      rises: category.rises.snapshot(),
    })),
  };
}

function lockSnapshot(
  lock: LockRecord,
  refunds: readonly Refund[] | undefined,
): LockRecordSnapshot {
  return {
    lockId: lock.lockId,
    eventId: lock.category.event.eventId,
    categoryId: lock.category.categoryId,
    userId: lock.user.userId,
    sessionId: lock.session.sessionId,
    quantity: lock.quantity,
    status: lock.status,
    createdAtMs: lock.createdAtMs,
    expiresAtMs: lock.expiresAtMs,
    placedSeq: lock.placedSeq,
    noticed: lock.noticed,
    extensionCount: lock.extensionCount,
    ...(lock.orderId !== undefined && { orderId: lock.orderId }),
    ...(lock.sale !== undefined && { sale: { ...lock.sale } }),
    ...(lock.reason !== undefined && { reason: lock.reason }),
    ...(lock.endedAtMs !== undefined && { endedAtMs: lock.endedAtMs }),
    ...(refunds !== undefined && { refunds: refunds.map((refund) => ({ ...refund })) }),
  };
}

function restoreEvent(state: LockState, snapshot: EventSnapshot): void {
  const event = new EventRecord(snapshot.eventId);
  event.cancelled = snapshot.cancelled;
  event.fetchedAtMs = snapshot.fetchedAtMs;
  state.events.set(event.eventId, event);
  for (const figures of snapshot.categories) {
    const category = new CategoryRecord(event, figures.categoryId, figures.version);
    category.capacity = figures.capacity;
    category.soldElsewhere = figures.soldElsewhere;
    category.rises.restore(figures.rises);
    event.categories.set(category.categoryId, category);
  }
}

function restoreLock(state: LockState, snapshot: LockRecordSnapshot): void {
  const category = state.event(snapshot.eventId).categories.get(snapshot.categoryId);
  invariant(
    category !== undefined,
    'category % of lock % exists',
    snapshot.categoryId,
    snapshot.lockId,
  );
  const isActive = snapshot.status === 'ACTIVE';
  const lock = new LockRecord(
    snapshot.lockId,
    category,
    state.user(snapshot.userId),
    state.session(snapshot.sessionId),
    snapshot.quantity,
    snapshot.createdAtMs,
    snapshot.expiresAtMs,
  );
  lock.status = snapshot.status;
  lock.placedSeq = snapshot.placedSeq;
  lock.noticed = snapshot.noticed;
  lock.extensionCount = snapshot.extensionCount;
  lock.orderId = snapshot.orderId;
  lock.sale = snapshot.sale && {
    ...snapshot.sale,
    completedOrderId: snapshot.sale.completedOrderId,
  };
  lock.reason = snapshot.reason;
  lock.endedAtMs = snapshot.endedAtMs;
  if (snapshot.refunds !== undefined) state.refunds.set(lock.lockId, [...snapshot.refunds]);
  invariant(!state.locks.has(lock.lockId), 'lock % is there once', lock.lockId);
  if (isActive) {
    state.link(lock);
    category.locked += lock.quantity;
  } else restoreEnded(state, lock);
  if (category.locked === lock.quantity && isActive) state.count.categories += 1;
}

function restoreEnded(state: LockState, lock: LockRecord): void {
  const { category, sale } = lock;
  state.locks.set(lock.lockId, lock);
  if (sale?.completedOrderId !== undefined) {
    category.event.completed.add(completionKey(sale.completedOrderId, category.categoryId));
  }
  if (lock.status === 'CONFIRMED') {
    state.count.confirmed += 1;
    lock.user.buy(category.event.eventId, lock.quantity);
  } else state.count[lock.status === 'RELEASED' ? 'released' : 'expired'] += 1;
  if (lock.status === 'CONFIRMED' && sale?.settled === false) {
    category.confirmed += lock.quantity;
    category.unsettled.append(lock);
    state.count.unsettled += 1;
  } else state.ended.append(lock);
  state.dropIdle(lock);
}
