import type {
  CommandResult,
  CommandValue,
  Extended,
  LockGrant,
  LockManyGrant,
  Unlocked,
} from './command.js';
import type { Id } from './id.js';
import { invariant } from './invariant.js';
import type { RememberedRequest } from './request-memory.js';
import { isRefusal } from './step.js';
import type { RequestKey, Step } from './step.js';

/** The space of a buyer's request ids is the buyer's own, per event. */
export function buyerKey(requestId: string, userId: Id, content: readonly unknown[]): RequestKey {
  const scope = JSON.stringify(['user', userId]);
  return { scope, requestId, content: JSON.stringify(content) };
}

/** The space of the orders service's request ids: the command and the order. */
export function orderKey(
  requestId: string,
  order: readonly [verb: string, orderId: Id | undefined],
  lockIds: readonly string[],
): RequestKey {
  const [verb, orderId = null] = order;
  return { scope: JSON.stringify([verb, orderId]), requestId, content: JSON.stringify(lockIds) };
}

/** The answer to a request that was made before; `undefined` to a new one. */
export function answerBefore<Value>(
  step: Step,
  remembered: ReturnType<Step['recall']>,
  repeat: (step: Step, request: RememberedRequest) => CommandResult<Value>,
): CommandResult<Value> | undefined {
  if (remembered === undefined || isRefusal(remembered)) return remembered;
  return repeat(step, remembered);
}

/*
 * A request that was carried out before answers what it was answered then, with the times and
 * counts of now; or, when its lock has ended since, that end.
 */

export function repeatLock(step: Step, request: RememberedRequest): CommandResult<LockGrant> {
  const value = valueOf(request, 'lock');
  return endOfAny(step, [value.lockId]) ?? step.ok(regranted(step, value));
}

export function repeatLockMany(
  step: Step,
  request: RememberedRequest,
): CommandResult<LockManyGrant> {
  const value = valueOf(request, 'lockMany');
  const lockIds = value.locks.map((lock) => lock.lockId);
  const end = endOfAny(step, lockIds);
  if (end !== undefined) return end;
  return step.ok({ ...value, locks: value.locks.map((lock) => regranted(step, lock)) });
}

export function repeatUnlock(step: Step, request: RememberedRequest): CommandResult<Unlocked> {
  const value = valueOf(request, 'unlock');
  if (value.remaining === 0) return step.ok(value);
  return endOfAny(step, [value.lockId]) ?? step.ok(value);
}

export function repeatExtend(step: Step, request: RememberedRequest): CommandResult<Extended> {
  const value = valueOf(request, 'extend');
  const end = endOfAny(step, [value.lockId]);
  if (end !== undefined) return end;
  const { extensionCount } = step.state.lock(value.lockId);
  return step.ok({
    ...value,
    expiresInMs: Math.max(0, value.expiresAtMs - step.nowMs),
    extensionsLeft: Math.max(0, step.policy.extensionsMax - extensionCount),
  });
}

type ValueOf<Kind extends CommandValue['kind']> =
  Extract<CommandValue, { kind: Kind }> extends { value: infer Value } ? Value : never;

function valueOf<Kind extends 'lock' | 'lockMany' | 'unlock' | 'extend'>(
  { answer }: RememberedRequest,
  kind: Kind,
): ValueOf<Kind> {
  invariant(isKind(answer, kind), 'a request with the content of % has its answer', kind);
  return answer.value;
}

function isKind<Kind extends CommandValue['kind']>(
  answer: CommandValue,
  kind: Kind,
): answer is Extract<CommandValue, { kind: Kind }> & { value: ValueOf<Kind> } {
  return answer.kind === kind;
}

function endOfAny(step: Step, lockIds: readonly string[]): ReturnType<Step['endOf']> {
  for (const lockId of lockIds) {
    const lock = step.state.locks.get(lockId);
    if (lock === undefined) return step.refuse({ code: 'LOCK_NOT_FOUND', lockId });
    const end = step.endOf(lock);
    if (end !== undefined) return end;
  }
  return undefined;
}

function regranted(step: Step, before: LockGrant): LockGrant {
  const { category } = step.state.lock(before.lockId);
  return {
    ...before,
    expiresInMs: Math.max(0, before.expiresAtMs - step.nowMs),
    available: step.availableIn(category),
  };
}
