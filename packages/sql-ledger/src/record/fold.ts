import { LockEngine } from '@ticket-locks/lock-engine';
import type { LockChange, LockSnapshot } from '@ticket-locks/lock-engine';

import { keyOf, lockRow, snapshotRow, valueOf } from './snapshot-rows.js';
import type { EventSnapshot, LedgerHead, LockRecordSnapshot } from './snapshot-rows.js';
import type { LockRow, SnapshotRow } from './snapshot-rows.js';

/**
 * The part of the snapshot that some changes touch: what must be read before they can be folded in.
 */
export interface FoldNeeds {
  readonly lockIds: readonly string[];
  /** Keys of events. */
  readonly events: readonly string[];
  /**
   * Keys of the events for which the oldest unsettled lock of each category that is not among
   * `lockIds` is needed.
   */
  readonly restocked: readonly string[];
  /** How many of the ended locks, in their order. */
  readonly endedCount: number;
}

/** What was read: rows of `FoldNeeds`, a lock once, and the events of all of them. */
export interface FoldRows {
  readonly locks: readonly LockRow[];
  readonly events: readonly SnapshotRow[];
}

/** What the snapshot becomes. */
export interface Fold {
  readonly head: LedgerHead;
  readonly events: readonly SnapshotRow[];
  readonly locks: readonly LockRow[];
  readonly forgottenLockIds: readonly string[];
  readonly requests: readonly SnapshotRow[];
  /** How many requests go, the oldest first, after `requests` were added. */
  readonly forgottenRequestCount: number;
}

/** Returns what must be read before `fold`. */
export function needsOf(changes: readonly LockChange[]): FoldNeeds {
  const lockIds = new Set<string>();
  const events = new Set<string>();
  const restocked = new Set<string>();
  let endedCount = 0;
  for (const change of changes) {
    if ('lockId' in change) lockIds.add(change.lockId);
    if ('eventId' in change) events.add(keyOf(change.eventId));
    if (change.type === 'inventory-set') {
      restocked.add(keyOf(change.eventId));
      for (const { lockId } of change.completed) lockIds.add(lockId);
    }
    if (change.type === 'forgotten') endedCount += change.lockCount;
    // It leaves the queue of ended locks: one more of them may be forgotten.
    if (change.type === 'confirmed' && change.late === true) endedCount += 1;
  }
  return { lockIds: [...lockIds], events: [...events], restocked: [...restocked], endedCount };
}

/**
 * Folds changes into the snapshot's rows: replays them on an engine that holds only the part they
 * touch.
 *
 * Architecture invariant: the rows afterwards are those of the whole state's snapshot, so the cost
 * depends on the changes and not on how many locks there are, and nobody stands still for it. It
 * holds because a change touches its own lock, its event's figures, the oldest unsettled locks (by
 * which rises are forgotten) and the oldest ended ones (which are forgotten), and the sums over all
 * locks are recomputed at the next load. Pure: reads no clock, performs no I/O.
 */
export function fold(head: LedgerHead, rows: FoldRows, changes: readonly LockChange[]): Fold {
  const before = partOf(head, rows);
  const engine = new LockEngine({ clock: STOPPED_CLOCK, ids: NO_IDS });
  engine.restore(before);
  const orders = new Map(rows.locks.map((row) => [row.key, row.order]));
  const eventOrders = new Map(rows.events.map((row) => [row.key, row.order]));
  const touched = new Set(needsOf(changes).lockIds);
  const requests: SnapshotRow[] = [];
  let forgottenRequestCount = 0;
  for (const change of changes) {
    engine.apply(change);
    if (PLACING.has(change.type) && 'lockId' in change) orders.set(change.lockId, change.seq);
    if (change.type === 'inventory-set') noteFirst(eventOrders, change.eventId, change.seq);
    if (change.type === 'forgotten') forgottenRequestCount += change.requestCount;
    // As the engine keeps it.
    if (change.type === 'request-remembered') {
      requests.push(snapshotRow(String(change.seq), change.seq, change));
    }
  }
  const after = engine.snapshot();
  const kept = new Set(after.locks.map((lock) => lock.lockId));
  const known = new Set(before.locks.map((lock) => lock.lockId));
  const addedCount = [...kept].filter((lockId) => !known.has(lockId)).length;
  const forgottenLockIds = [...known].filter((lockId) => !kept.has(lockId));
  const newEvents = after.events.length - before.events.length;
  return {
    head: {
      seq: after.seq,
      changedAtMs: after.changedAtMs,
      eventCount: head.eventCount + newEvents,
      lockCount: head.lockCount + addedCount - forgottenLockIds.length,
      requestCount: head.requestCount + requests.length - forgottenRequestCount,
    },
    events: after.events.map((event) => {
      const key = keyOf(event.eventId);
      return snapshotRow(key, eventOrders.get(key) ?? 0, event);
    }),
    locks: after.locks
      .filter(({ lockId }) => touched.has(lockId))
      .map((lock) => lockRow(lock, orders.get(lock.lockId) ?? lock.placedSeq)),
    forgottenLockIds,
    requests,
    forgottenRequestCount,
  };
}

/** Kinds of changes that put a lock into the list in which it stands. */
const PLACING: ReadonlySet<LockChange['type']> = new Set([
  'locked',
  'confirmed',
  'released',
  'expired',
  'settled',
]);

/** Replaying decides nothing: it asks for no instant and no id. */
const STOPPED_CLOCK = { nowMs: () => 0 };
const NO_IDS = {
  lockId(): string {
    throw new TypeError('a replay makes no locks');
  },
};

function partOf(head: LedgerHead, rows: FoldRows): LockSnapshot {
  const inOrder = rows.locks.toSorted((a, b) => a.order - b.order);
  return {
    format: 1,
    seq: head.seq,
    changedAtMs: head.changedAtMs,
    events: rows.events.map((row) => valueOf('event', row) as EventSnapshot),
    locks: inOrder.map((row) => valueOf('lock', row) as LockRecordSnapshot),
    requests: [],
  };
}

function noteFirst(orders: Map<string, number>, eventId: unknown, seq: number): void {
  const key = keyOf(eventId);
  if (!orders.has(key)) orders.set(key, seq);
}
