import type {
  CancelEventCommand,
  EventCancelled,
  ExpiredDue,
  ExpireDueCommand,
  Forgotten,
} from '../../engine/command.js';
import type { Outcome } from '../../ports/ticket-locks.js';
import { isPositive, isObject, modelId } from './model-shape.js';
import { accept, byEnd, isEnded, malformed, refuse } from './model-state.js';
import type { ModelLock, ModelState } from './model-state.js';

/** Writes down the end of the locks that are over, in the order of their ends; returns how many. */
export function sweep(state: ModelState, limit = Infinity): number {
  const due = dueLocks(state).toSorted(byEnd).slice(0, limit);
  for (const lock of due) state.end(lock, 'EXPIRED');
  return due.length;
}

export function modelExpireDue(state: ModelState, command: ExpireDueCommand): Outcome<ExpiredDue> {
  if (!isObject(command)) return malformed('command');
  const { limit = Infinity } = command;
  if (limit !== Infinity && !isPositive(limit)) return malformed('limit');
  const expiredCount = sweep(state, limit);
  const isMoreDue = dueLocks(state).length > 0;
  const near = nearLocks(state);
  for (const lock of near.slice(0, limit)) lock.noticed = true;
  return accept({ expiredCount, more: isMoreDue || near.length > limit });
}

export function modelCancelEvent(
  state: ModelState,
  command: CancelEventCommand,
): Outcome<EventCancelled> {
  if (!isObject(command)) return malformed('command');
  const eventId = modelId(command.eventId);
  if (eventId === undefined) return malformed('eventId');
  const event = state.event(eventId);
  if (event === undefined) return refuse({ code: 'EVENT_NOT_FOUND', eventId });
  event.cancelled = true;
  const active = state.locks.filter((lock) => lock.eventId === eventId && state.isActive(lock));
  for (const lock of active) state.end(lock, 'RELEASED', 'event-cancelled');
  return accept({ eventId, lockIds: active.map((lock) => lock.lockId) });
}

/**
 * Forgets the oldest ended locks and requests: all past their retention (`byAge`), and, when there
 * are more than the policy keeps, so many that a sixteenth of what it keeps is free again.
 */
export function forget(
  state: ModelState,
  byAge: boolean,
  isForgotten: (lockId: string) => boolean,
): Forgotten {
  const { endedLockRetentionMs, endedLocksMax, requestsMax } = state.policy;
  const isOld = (atMs: number | undefined) =>
    byAge && atMs !== undefined && state.nowMs - atMs >= endedLockRetentionMs;
  const ended = state.locks.filter(isEnded);
  const lockCount = Math.max(
    overNumber(ended.length, endedLocksMax),
    ended.filter((lock) => isOld(lock.endedAtMs)).length,
  );
  const requestCount = Math.max(
    overNumber(state.requests.length, requestsMax),
    state.requests.filter((request) => isOld(request.atMs)).length,
  );
  forgetOldest(state, lockCount, requestCount, isForgotten);
  return { lockCount, requestCount };
}

/** Which of the locks that ended in one command comes first, `isForgotten` decides. */
function forgetOldest(
  state: ModelState,
  lockCount: number,
  requestCount: number,
  isForgotten: (lockId: string) => boolean,
): void {
  if (lockCount > 0) {
    const rank = (lock: ModelLock) => (isForgotten(lock.lockId) ? 0 : 1);
    const oldest = state.locks
      .filter(isEnded)
      .toSorted((a, b) => a.endedIn - b.endedIn || byRecordedEnd(a, b) || rank(a) - rank(b))
      .slice(0, lockCount);
    state.locks = state.locks.filter((lock) => !oldest.includes(lock));
  }
  state.requests = state.requests.slice(requestCount);
}

/** The active locks that end soon and were not reported, by their ends. */
function nearLocks(state: ModelState): ModelLock[] {
  const { expiringNoticeMs } = state.policy;
  if (expiringNoticeMs === 0) return [];
  return state.locks
    .filter((lock) => state.isActive(lock) && !lock.noticed)
    .filter((lock) => lock.expiresAtMs - expiringNoticeMs <= state.nowMs)
    .toSorted(byEnd);
}

function dueLocks(state: ModelState): ModelLock[] {
  return state.locks.filter((lock) => lock.status === 'ACTIVE' && !state.isActive(lock));
}

/** Expired in one command: in the order of their ends. */
function byRecordedEnd(a: ModelLock, b: ModelLock): number {
  return a.status === 'EXPIRED' && b.status === 'EXPIRED' ? byEnd(a, b) : 0;
}

/** How many to forget of `count` when `max` are kept. */
function overNumber(count: number, max: number): number {
  return count > max ? count - (max - Math.floor(max / 16)) : 0;
}
