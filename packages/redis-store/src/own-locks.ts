import type { DecisionRecord, LockChange, LockedChange } from '@ticket-locks/lock-engine';

import { routeOf } from './event-key.js';

/** What is known of an active lock: enough to say that it is lost. */
type OwnLock = Omit<LockedChange, 'type' | 'sessionId' | 'expiresAtMs'>;

const ENDS = new Set<LockChange['type']>(['confirmed', 'released', 'expired']);

/**
 * The active locks of the sessions on this instance, so that their owners hear of it when Redis has
 * lost them.
 */
export class OwnLocks {
  readonly #byTag = new Map<string, Map<string, OwnLock>>();

  /** Events in which there are some. */
  get tags(): string[] {
    return [...this.#byTag.keys()];
  }

  /** Hears a change of any instance; `isOwn` tells whether a session is here. */
  note(tag: string, change: LockChange, isOwn: (sessionId: string) => boolean): void {
    if (!('lockId' in change)) return;
    if (change.type === 'locked') {
      if (!isOwn(change.sessionId)) return;
      const locks = this.#byTag.get(tag) ?? new Map<string, OwnLock>();
      this.#byTag.set(tag, locks);
      locks.set(change.lockId, aboutOf(change));
      return;
    }
    const locks = this.#byTag.get(tag);
    const known = locks?.get(change.lockId);
    if (locks === undefined || known === undefined) return;
    if (!ENDS.has(change.type)) {
      locks.set(change.lockId, aboutOf(change));
      return;
    }
    locks.delete(change.lockId);
    if (locks.size === 0) this.#byTag.delete(tag);
  }

  /** The locks of an event that were granted before an epoch. */
  before(tag: string, epoch: number): string[] {
    const lockIds = [...(this.#byTag.get(tag)?.keys() ?? [])];
    return lockIds.filter((lockId) => (routeOf(lockId)?.epoch ?? 0) < epoch);
  }

  /**
   * Takes the locks of an event that were granted before an epoch, and says how each of them ended:
   * as its record says, else it is lost.
   */
  lose(tag: string, epoch: number, records: readonly DecisionRecord[]): LockChange[] {
    const locks = this.#byTag.get(tag);
    const byLock = new Map(records.map((record) => [record.lockId, record]));
    const ends: LockChange[] = [];
    for (const lockId of this.before(tag, epoch)) {
      const about = locks?.get(lockId);
      locks?.delete(lockId);
      if (about !== undefined) ends.push(endOf(about, byLock.get(lockId)));
    }
    if (locks?.size === 0) this.#byTag.delete(tag);
    return ends;
  }
}

function endOf(about: OwnLock, record: DecisionRecord | undefined): LockChange {
  const { outcome, orderId, late } = record ?? {};
  const order = orderId === undefined ? {} : { orderId };
  if (outcome === 'returned')
    return { ...about, ...order, type: 'released', reason: 'order-failed' };
  if (outcome !== 'sold') return { ...about, type: 'released', reason: 'lost' };
  return { ...about, ...order, type: 'confirmed', ...(late === true && { late }) };
}

function aboutOf({ seq, atMs, lockId, eventId, categoryId, userId, quantity }: OwnLock): OwnLock {
  return { seq, atMs, lockId, eventId, categoryId, userId, quantity };
}
