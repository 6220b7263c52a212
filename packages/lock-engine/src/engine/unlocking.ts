import type {
  CommandResult,
  SessionReleased,
  ReleaseSessionCommand,
  UnlockCommand,
  Unlocked,
} from './command.js';
import { canonicalId, isOpaqueId } from './id.js';
import type { Id } from './id.js';
import type { LockRecord } from './lock-record.js';
import { buyerKey, repeatUnlock } from './repeating.js';
import { isObject, isQuantity, isRequestId } from './shape.js';
import { about, isRefusal } from './step.js';
import type { Step } from './step.js';

type Refusal = ReturnType<Step['refuse']>;

/** Which lock a buyer means, and in whose space his request id is looked up. */
interface Target {
  readonly eventId: Id;
  readonly userId: Id;
  readonly content: readonly unknown[];
  readonly find: () => LockRecord | Refusal;
}

/** See `LockEngine.unlock`. Pure: reads no clock, performs no I/O. */
export function unlockTickets(step: Step, command: UnlockCommand): CommandResult<Unlocked> {
  if (!isObject(command)) return step.invalid('command');
  const target =
    command.lockId === undefined ? ownTarget(step, command) : lockTarget(step, command);
  if ('ok' in target) return target;
  const { quantity, requestId } = command;
  const key = buyerKey(requestId, target.userId, () => [
    'unlock',
    ...target.content,
    quantity ?? null,
  ]);
  const recalled = step.recall(key, target.eventId);
  if (recalled !== undefined) {
    if (isRefusal(recalled)) return recalled;
    return repeatUnlock(step, recalled);
  }
  const lock = target.find();
  if ('ok' in lock) return lock;
  const unlocked = giveBack(step, lock, quantity);
  if (unlocked.ok) step.remember(key, target.eventId, { kind: 'unlock', value: unlocked.value });
  return unlocked;
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
      step.record({ type: 'released', ...about(lock), reason: 'disconnected' });
    }
  }
  return step.ok({ sessionId, lockIds });
}

function lockTarget(step: Step, command: UnlockCommand): Target | Refusal {
  const { lockId } = command;
  if (!isOpaqueId(lockId)) return step.invalid('lockId');
  const userId = canonicalId(command.userId);
  if (userId === undefined && command.userId !== undefined) return step.invalid('userId');
  const malformed = refuseMalformed(step, command);
  if (malformed !== undefined) return malformed;
  const lock = step.state.locks.get(lockId);
  if (lock === undefined || (userId !== undefined && userId !== lock.user.userId)) {
    return step.refuse({ code: 'LOCK_NOT_FOUND', lockId });
  }
  return {
    eventId: lock.category.event.eventId,
    userId: lock.user.userId,
    content: ['lock', lockId],
    find: () => lock,
  };
}

function ownTarget(step: Step, command: UnlockCommand): Target | Refusal {
  if (command.lockId !== undefined) return step.invalid('lockId');
  const eventId = canonicalId(command.eventId);
  if (eventId === undefined) return step.invalid('eventId');
  const categoryId = canonicalId(command.categoryId);
  if (categoryId === undefined) return step.invalid('categoryId');
  const userId = canonicalId(command.userId);
  if (userId === undefined) return step.invalid('userId');
  const malformed = refuseMalformed(step, command);
  if (malformed !== undefined) return malformed;
  return {
    eventId,
    userId,
    content: ['category', categoryId],
    find: () => {
      const event = step.state.events.get(eventId);
      if (event === undefined) return step.refuse({ code: 'EVENT_NOT_FOUND', eventId });
      const category = event.categories.get(categoryId);
      if (category === undefined)
        return step.refuse({ code: 'CATEGORY_NOT_FOUND', eventId, categoryId });
      let lock = step.state.users.get(userId)?.firstLock;
      const isOther = (other: LockRecord) => other.category !== category || other.isDue(step.nowMs);
      while (lock !== undefined && isOther(lock)) lock = lock.nextOfUser;
      return lock ?? step.refuse({ code: 'LOCK_NOT_FOUND' });
    },
  };
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
  const { lockId, category } = lock;
  const answer = { lockId, eventId: category.event.eventId, categoryId: category.categoryId };
  if (lock.inPayment && !lock.isDue(step.nowMs))
    return step.refuse({ code: 'ORDER_CONFLICT', lockId });
  const end = step.endOf(lock);
  if (end !== undefined) {
    const isBack = lock.status === 'RELEASED' || lock.status === 'EXPIRED';
    return isBack && quantity === undefined
      ? step.ok({ ...answer, quantity: 0, remaining: 0 })
      : end;
  }
  const locked = lock.quantity;
  const given = quantity ?? locked;
  if (given > locked) return step.refuse({ code: 'INVALID_REQUEST', field: 'quantity', locked });
  const remaining = locked - given;
  if (remaining === 0) {
    step.record({ type: 'released', ...about(lock), reason: 'unlocked' });
  } else {
    step.record({
      type: 'quantity-changed',
      ...about(lock),
      quantity: remaining,
      previousQuantity: locked,
    });
  }
  return step.ok({ ...answer, quantity: given, remaining });
}
