import { about, releasedChange, withOrder } from './change-about-lock.js';
import type {
  CancelEventCommand,
  CommandResult,
  EventCancelled,
  ExpiredDue,
  ExpireDueCommand,
} from './command.js';
import { canonicalId } from './id.js';
import { isObject } from './shape.js';
import type { Step } from './step.js';

/** See `LockEngine.expireDue`. Pure: reads no clock, performs no I/O. */
export function expireDue(step: Step, command: ExpireDueCommand): CommandResult<ExpiredDue> {
  if (!isObject(command)) return step.invalid('command');
  const { limit = Infinity } = command;
  if (limit !== Infinity && !(Number.isSafeInteger(limit) && limit >= 1))
    return step.invalid('limit');
  const { expiry } = step.state;
  let expiredCount = 0;
  let lock = expiry.peek();
  while (lock?.isDue(step.nowMs) === true && expiredCount < limit) {
    step.expire(lock);
    expiredCount += 1;
    lock = expiry.peek();
  }
  const moreNotices = notice(step, limit);
  return step.ok({ expiredCount, more: lock?.isDue(step.nowMs) === true || moreNotices });
}

/** See `LockEngine.cancelEvent`. Pure: reads no clock, performs no I/O. */
export function cancelEvent(
  step: Step,
  command: CancelEventCommand,
): CommandResult<EventCancelled> {
  if (!isObject(command)) return step.invalid('command');
  const eventId = canonicalId(command.eventId);
  if (eventId === undefined) return step.invalid('eventId');
  const event = step.state.events.get(eventId);
  if (event === undefined) return step.refuse({ code: 'EVENT_NOT_FOUND', eventId });
  const lockIds: string[] = [];
  if (event.cancelled) return step.ok({ eventId, lockIds });
  for (const lock of step.state.locks.values()) {
    if (lock.status !== 'ACTIVE' || lock.category.event !== event) continue;
    if (lock.isDue(step.nowMs)) {
      step.expire(lock);
    } else {
      lockIds.push(lock.lockId);
      step.record(releasedChange(step, lock, 'event-cancelled'), lock);
    }
  }
  step.record({ seq: step.nextSeq, atMs: step.nowMs, type: 'event-cancelled', eventId });
  return step.ok({ eventId, lockIds });
}

/**
 * Forgets what is past its retention, and, when there is more than the policy keeps, the oldest of
 * it.
 *
 * Over the number a sixteenth goes at once, so that forgetting is not a change of its own for every
 * lock that ends.
 */
export function forgetEnded(step: Step, scope: 'by number' | 'by age and number'): void {
  const { ended, requests } = step.state;
  const { endedLockRetentionMs, endedLocksMax, requestsMax } = step.policy;
  const forgetBeforeMs = step.nowMs - endedLockRetentionMs;
  let lockCount = overNumber(ended.size, endedLocksMax);
  let requestCount = overNumber(requests.size, requestsMax);
  if (scope === 'by age and number') {
    lockCount = Math.max(lockCount, endedBefore(step, forgetBeforeMs));
    requestCount = Math.max(requestCount, requestsBefore(step, forgetBeforeMs));
  }
  if (lockCount === 0 && requestCount === 0) return;
  step.record({
    seq: step.nextSeq,
    atMs: step.nowMs,
    type: 'forgotten',
    lockCount,
    requestCount,
  });
}

/** How many to forget of what there may be `max` of. */
function overNumber(size: number, max: number): number {
  return size > max ? size - (max - Math.floor(max / 16)) : 0;
}

/** Reports locks that end soon; returns whether more are left to report. */
function notice(step: Step, limit: number): boolean {
  const { expiringNoticeMs } = step.policy;
  if (expiringNoticeMs === 0) return false;
  const { expiry } = step.state;
  const nearest = () => {
    const lock = expiry.peekUnnoticed();
    const isNear = lock !== undefined && lock.expiresAtMs - expiringNoticeMs <= step.nowMs;
    return isNear ? lock : undefined;
  };
  let lock = nearest();
  for (let count = 0; lock !== undefined && count < limit; count += 1) {
    if (lock.isDue(step.nowMs)) return true;
    const { expiresAtMs, orderId } = lock;
    const change = Object.assign(about(step, 'expiring', lock), { expiresAtMs });
    step.record(withOrder(change, orderId), lock);
    lock = nearest();
  }
  return lock !== undefined;
}

function endedBefore(step: Step, instantMs: number): number {
  let count = 0;
  for (let lock = step.state.ended.first; lock !== undefined; lock = lock.next) {
    if (lock.endedAtMs === undefined || lock.endedAtMs > instantMs) break;
    count += 1;
  }
  return count;
}

function requestsBefore(step: Step, instantMs: number): number {
  let count = 0;
  for (const request of step.state.requests.values()) {
    if (request.atMs > instantMs) break;
    count += 1;
  }
  return count;
}
