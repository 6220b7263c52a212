import type { EventRecord } from './category-record.js';
import { canonicalId } from './id.js';
import type { Id } from './id.js';
import { viewOf } from './lock-record.js';
import type { LockRecord } from './lock-record.js';
import type { LockState } from './lock-state.js';
import type { CategoryAvailability, LockStats, TicketLock } from './ticket-lock.js';

/** From where a state is looked at. */
export interface Sight {
  readonly state: LockState;
  readonly nowMs: number;
  readonly extensionsMax: number;
}

export function eventOf(state: LockState, eventId: Id): EventRecord | undefined {
  return state.events.get(canonicalId(eventId) ?? '');
}

export function lockOf(sight: Sight, lockId: string): TicketLock | undefined {
  const { state, nowMs, extensionsMax } = sight;
  const lock = state.locks.get(lockId);
  return lock && viewOf(lock, nowMs, extensionsMax);
}

/** The locks of a chain that are not over, the oldest first. */
export function activeLocksOf(
  { nowMs, extensionsMax }: Sight,
  first: LockRecord | undefined,
  nextOf: (lock: LockRecord) => LockRecord | undefined,
): TicketLock[] {
  const locks: TicketLock[] = [];
  for (let lock = first; lock !== undefined; lock = nextOf(lock)) {
    if (!lock.isDue(nowMs)) locks.push(viewOf(lock, nowMs, extensionsMax));
  }
  return locks.toSorted((a, b) => a.createdAtMs - b.createdAtMs || (a.lockId < b.lockId ? -1 : 1));
}

export function unsettledLocksOf(sight: Sight, eventId: Id): TicketLock[] {
  const { state, nowMs, extensionsMax } = sight;
  const categories = eventOf(state, eventId)?.categories.values() ?? [];
  return [...categories].flatMap(({ unsettled }) =>
    [...unsettled].map((lock) => viewOf(lock, nowMs, extensionsMax)),
  );
}

export function availabilityOf(
  { state, nowMs }: Sight,
  eventId: Id,
): CategoryAvailability[] | undefined {
  const event = eventOf(state, eventId);
  if (event === undefined) return undefined;
  return [...event.categories.values()].map((category) =>
    category.view(state.dueIn(category, nowMs)),
  );
}

export function statsOf({ count, locks, events, requests }: LockState): LockStats {
  const { active, expired, confirmed, released } = count;
  return {
    totalLocks: locks.size,
    activeLocks: active,
    usersWithLocks: count.users,
    categoriesWithLocks: count.categories,
    locksByStatus: { active, expired, confirmed, released },
    unsettledLocks: count.unsettled,
    rememberedRequests: requests.size,
    events: events.size,
  };
}

/** The instant of the next end or notice. */
export function nextDueAtMsOf({ expiry }: LockState, expiringNoticeMs: number): number | undefined {
  const expiryAtMs = expiry.peek()?.expiresAtMs;
  const unnoticed = expiringNoticeMs > 0 ? expiry.peekUnnoticed() : undefined;
  if (expiryAtMs === undefined || unnoticed === undefined) return expiryAtMs;
  return Math.min(expiryAtMs, unnoticed.expiresAtMs - expiringNoticeMs);
}
