import type {
  ReleaseSessionCommand,
  SessionReleased,
  UnlockCommand,
  Unlocked,
} from '../../engine/command.js';
import type { Id } from '../../engine/id.js';
import type { Outcome } from '../../ports/ticket-locks.js';
import { isInPayment, keyOf } from './model-locking.js';
import { recall, remember, repeat } from './model-requests.js';
import { isMissingOr, isOpaque, isPositive, isObject, modelId } from './model-shape.js';
import { accept, endOf, malformed, refuse } from './model-state.js';
import type { ModelLock, ModelState } from './model-state.js';

/** Which lock is meant: by its id, or as the user's in a category. */
type Naming = IdNaming | OwnNaming;

interface IdNaming {
  readonly lockId: string;
  readonly userId: Id | undefined;
}

interface OwnNaming {
  readonly eventId: Id;
  readonly categoryId: Id;
  readonly userId: Id;
}

export function modelUnlock(state: ModelState, command: UnlockCommand): Outcome<Unlocked> {
  if (!isObject(command)) return malformed('command');
  const naming = namingOf(command);
  if ('ok' in naming) return naming;
  const { quantity, requestId } = command;
  if (!isMissingOr(isPositive, quantity)) return malformed('quantity');
  if (!isMissingOr(isOpaque, requestId)) return malformed('requestId');

  // By its id, a lock must be found first: it says whose request this is, and of which event.
  const found = 'lockId' in naming ? lockNamed(state, naming) : undefined;
  if (found !== undefined && 'ok' in found) return found;
  const { eventId, userId } = found ?? (naming as OwnNaming);
  const what = 'lockId' in naming ? ['lock', naming.lockId] : ['category', naming.categoryId];
  const content = JSON.stringify(['unlock', ...what, quantity ?? null]);
  const key = keyOf(command, eventId, userId, content);
  const known = recall(state, key);
  if (known !== undefined && 'error' in known) return refuse(known.error);
  if (known !== undefined) return repeat(state, known.answer) as Outcome<Unlocked>;

  const lock = found ?? lockInCategory(state, naming as OwnNaming);
  if ('ok' in lock) return lock;
  const unlocked = giveBack(state, lock, quantity);
  if (unlocked.ok) remember(state, key, { kind: 'unlock', value: unlocked.value });
  return unlocked;
}

export function modelReleaseSession(
  state: ModelState,
  command: ReleaseSessionCommand,
): Outcome<SessionReleased> {
  if (!isObject(command)) return malformed('command');
  const { sessionId } = command;
  if (!isOpaque(sessionId)) return malformed('sessionId');
  const given = state.locks.filter(
    (lock) => lock.sessionId === sessionId && state.isActive(lock) && !isInPayment(state, lock),
  );
  for (const lock of given) state.end(lock, 'RELEASED', 'disconnected');
  return accept({ sessionId, lockIds: given.map((lock) => lock.lockId) });
}

function namingOf(command: UnlockCommand): Naming | ReturnType<typeof malformed> {
  const userId = modelId(command.userId);
  if (command.lockId !== undefined) {
    if (!isOpaque(command.lockId)) return malformed('lockId');
    if (command.userId !== undefined && userId === undefined) return malformed('userId');
    return { lockId: command.lockId, userId };
  }
  const eventId = modelId(command.eventId);
  const categoryId = modelId(command.categoryId);
  if (eventId === undefined) return malformed('eventId');
  if (categoryId === undefined) return malformed('categoryId');
  if (userId === undefined) return malformed('userId');
  return { eventId, categoryId, userId };
}

function lockNamed(
  state: ModelState,
  { lockId, userId }: IdNaming,
): ModelLock | ReturnType<typeof refuse> {
  const lock = state.lock(lockId);
  const isForeign = userId !== undefined && lock?.userId !== userId;
  return lock === undefined || isForeign ? refuse({ code: 'LOCK_NOT_FOUND', lockId }) : lock;
}

function lockInCategory(
  state: ModelState,
  { eventId, categoryId, userId }: OwnNaming,
): ModelLock | ReturnType<typeof refuse> {
  if (state.event(eventId) === undefined) return refuse({ code: 'EVENT_NOT_FOUND', eventId });
  if (state.category(eventId, categoryId) === undefined) {
    return refuse({ code: 'CATEGORY_NOT_FOUND', eventId, categoryId });
  }
  return state.activeLockOf(userId, eventId, categoryId) ?? refuse({ code: 'LOCK_NOT_FOUND' });
}

function giveBack(
  state: ModelState,
  lock: ModelLock,
  quantity: number | undefined,
): Outcome<Unlocked> {
  const { lockId, eventId, categoryId } = lock;
  if (isInPayment(state, lock)) return refuse({ code: 'ORDER_CONFLICT', lockId });
  const isBack = lock.status === 'RELEASED' || lock.status === 'EXPIRED';
  if (isBack && quantity === undefined) {
    return accept({ lockId, eventId, categoryId, quantity: 0, remaining: 0 });
  }
  const end = endOf(lock);
  if (end !== undefined) return end;
  const given = quantity ?? lock.quantity;
  const remaining = lock.quantity - given;
  if (remaining < 0) {
    return refuse({ code: 'INVALID_REQUEST', field: 'quantity', locked: lock.quantity });
  }
  if (remaining === 0) state.end(lock, 'RELEASED', 'unlocked');
  else lock.quantity = remaining;
  return accept({ lockId, eventId, categoryId, quantity: given, remaining });
}
