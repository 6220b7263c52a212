import type { Id } from '../engine/id.js';
import type { LockEngine } from '../engine/lock-engine.js';
import type { LedgerContents } from '../ports/lock-ledger.js';
import type { RestartedClock } from './restarted-clock.js';

/** What a start found in the ledger. */
export interface Recovery {
  readonly activeLocks: number;
  /** Confirmed and not settled. */
  readonly unsettledLocks: number;
  /** Changes that were replayed on the snapshot. */
  readonly changeCount: number;
  /**
   * By how much the clock stood behind the newest change; 0 when it did not. Ends are counted from
   * the newest change then, so that no lock lives shorter or longer than it was given, and instants
   * are ahead of the wall by so much.
   */
  readonly clockMovedBackMs: number;
}

/**
 * Puts what was recorded into a new engine, and lets its clock go on from there. Throws
 * `InvariantError` when it does not fit.
 */
export function recover(
  engine: LockEngine,
  clock: RestartedClock,
  { snapshot, changes }: Pick<LedgerContents, 'snapshot' | 'changes'>,
): Recovery {
  if (snapshot !== undefined) engine.restore(snapshot);
  for (const change of changes) engine.apply(change);
  engine.assertConsistent();
  const newestMs = changes.at(-1)?.atMs ?? snapshot?.changedAtMs ?? 0;
  const { activeLocks, unsettledLocks } = engine.stats();
  return {
    activeLocks,
    unsettledLocks,
    changeCount: changes.length,
    clockMovedBackMs: Math.ceil(clock.continueFrom(newestMs)),
  };
}

/** When the fetch of the newest figures of each recorded event began. */
export function fetchInstants({
  snapshot,
  changes,
}: Pick<LedgerContents, 'snapshot' | 'changes'>): ReadonlyMap<Id, number> {
  const instants = new Map<Id, number>();
  for (const { eventId, fetchedAtMs } of snapshot?.events ?? []) instants.set(eventId, fetchedAtMs);
  for (const change of changes) {
    if (change.type === 'inventory-set') instants.set(change.eventId, change.fetchedAtMs);
  }
  return instants;
}
