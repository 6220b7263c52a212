import { about, releasedChange } from './change-about-lock.js';
import type {
  CommandResult,
  SessionReleased,
  ReleaseSessionCommand,
  UnlockCommand,
  Unlocked,
} from './command.js';
import { canonicalId, isOpaqueId } from './id.js';
import type { LockRecord } from './lock-record.js';
import { answerBefore, buyerKey, repeatUnlock } from './repeating.js';
import { isObject, isQuantity, isRequestId } from './shape.js';
import type { RequestKey, Step } from './step.js';

type Refusal = ReturnType<Step['refuse']>;
type UnlockOwnCommand = Extract<UnlockCommand, { readonly lockId?: undefined }>;

/** See `LockEngine.unlock`. Pure: reads no clock, performs no I/O. */
export function unlockTickets(step: Step, command: UnlockCommand): CommandResult<Unlocked> {
  if (!isObject(command)) return step.invalid('command');
  return command.lockId === undefined ? unlockOwn(step, command) : unlockById(step, command);
}

/** See `LockEngine.releaseSession`. Pure: reads no clock, performs no I/O. */
export function releaseSession(
  step: Step,
  command: ReleaseSessionCommand,
): CommandResult<SessionReleased> {
  if (!isObject(command)) return step.invalid('command');
  const { sessionId } = command;
  if (!isOpaqueId(sessionId)) return step.invalid('sessionId');
  const lockIds: string[] = [];
  let next = step.state.sessions.get(sessionId)?.firstLock;
  while (next !== undefined) {
    const lock = next;
    next = lock.nextOfSession;
    if (lock.isDue(step.nowMs)) {
      step.expire(lock);
    } else if (!lock.inPayment) {
      lockIds.push(lock.lockId);
      step.record(releasedChange(step, lock, 'disconnected'), lock);
    }
  }
  return step.ok({ sessionId, lockIds });
}

/** Unlocks the lock of that id. */
function unlockById(step: Step, command: UnlockCommand): CommandResult<Unlocked> {
  const { lockId, quantity, requestId } = command;
  if (!isOpaqueId(lockId)) return step.invalid('lockId');
  const userId = canonicalId(command.userId);
  if (userId === undefined && command.userId !== undefined) return step.invalid('userId');
  const malformed = refuseMalformed(step, command);
  if (malformed !== undefined) return malformed;
  const lock = step.state.locks.get(lockId);
  if (lock === undefined || (userId !== undefined && userId !== lock.user.userId)) {
    return step.refuse({ code: 'LOCK_NOT_FOUND', lockId });
  }
  const { eventId } = lock.category.event;
  const content = ['unlock', 'lock', lockId, quantity ?? null];
  const key = requestId === undefined ? undefined : buyerKey(requestId, lock.user.userId, content);
  const before = key && answerBefore(step, step.recall(key, eventId), repeatUnlock);
  if (before !== undefined) return before;
  return remembered(step, key, giveBack(step, lock, quantity));
}

/** Unlocks the lock that the user has in that category. */
function unlockOwn(step: Step, command: UnlockOwnCommand): CommandResult<Unlocked> {
  const { quantity, requestId } = command;
  const eventId = canonicalId(command.eventId);
  if (eventId === undefined) return step.invalid('eventId');
  const categoryId = canonicalId(command.categoryId);
  if (categoryId === undefined) return step.invalid('categoryId');
  const userId = canonicalId(command.userId);
  if (userId === undefined) return step.invalid('userId');
  const malformed = refuseMalformed(step, command);
  if (malformed !== undefined) return malformed;
  const content = ['unlock', 'category', categoryId, quantity ?? null];
  const key = requestId === undefined ? undefined : buyerKey(requestId, userId, content);
  const before = key && answerBefore(step, step.recall(key, eventId), repeatUnlock);
  if (before !== undefined) return before;

  const event = step.state.events.get(eventId);
  if (event === undefined) return step.refuse({ code: 'EVENT_NOT_FOUND', eventId });
  const category = event.categories.get(categoryId);
  if (category === undefined)
    return step.refuse({ code: 'CATEGORY_NOT_FOUND', eventId, categoryId });
  let lock = step.state.users.get(userId)?.firstLock;
  const isOther = (other: LockRecord) => other.category !== category || other.isDue(step.nowMs);
  while (lock !== undefined && isOther(lock)) lock = lock.nextOfUser;
  if (lock === undefined) return step.refuse({ code: 'LOCK_NOT_FOUND' });
  return remembered(step, key, giveBack(step, lock, quantity));
}

function remembered(
  step: Step,
  key: RequestKey | undefined,
  result: CommandResult<Unlocked>,
): CommandResult<Unlocked> {
  if (key === undefined || !result.ok) return result;
  const { value } = result;
  step.remember(key, value.eventId, { kind: 'unlock', value });
  return result;
}

/** Checks the fields that both ways to name a lock share. */
function refuseMalformed(step: Step, command: UnlockCommand): Refusal | undefined {
  const { quantity, requestId } = command;
  if (quantity !== undefined && !isQuantity(quantity)) return step.invalid('quantity');
  return isRequestId(requestId) ? undefined : step.invalid('requestId');
}

/** Gives `quantity` tickets back, all of them when it is not said how many. */
function giveBack(
  step: Step,
  lock: LockRecord,
  quantity: number | undefined,
): CommandResult<Unlocked> {
  const { lockId } = lock;
  if (lock.inPayment && !lock.isDue(step.nowMs))
    return step.refuse({ code: 'ORDER_CONFLICT', lockId });
  const end = step.endOf(lock);
  if (end !== undefined) {
    const isBack = lock.status === 'RELEASED' || lock.status === 'EXPIRED';
    return isBack && quantity === undefined ? step.ok(unlocked(lock, 0, 0)) : end;
  }
  const locked = lock.quantity;
  const given = quantity ?? locked;
  if (given > locked) return step.refuse({ code: 'INVALID_REQUEST', field: 'quantity', locked });
  const remaining = locked - given;
  if (remaining === 0) {
    step.record(releasedChange(step, lock, 'unlocked'), lock);
  } else {
    const quantities = { quantity: remaining, previousQuantity: locked };
    step.record(Object.assign(about(step, 'quantity-changed', lock), quantities), lock);
  }
  return step.ok(unlocked(lock, given, remaining));
}

function unlocked(lock: LockRecord, quantity: number, remaining: number): Unlocked {
  const { lockId, category } = lock;
  const { categoryId, event } = category;
  return { lockId, eventId: event.eventId, categoryId, quantity, remaining };
}
