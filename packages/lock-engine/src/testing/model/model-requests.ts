import type { CommandValue, LockGrant } from '../../engine/command.js';
import type { Id } from '../../engine/id.js';
import type { LockError } from '../../engine/lock-error.js';
import type { Outcome } from '../../ports/ticket-locks.js';
import { accept, endOf, malformed, refuse } from './model-state.js';
import type { ModelState } from './model-state.js';

/** A request id in its scope, with everything that was asked. */
export interface ModelRequestKey {
  readonly eventId: Id;
  readonly scope: string;
  readonly requestId: string | undefined;
  readonly content: string;
}

/** What was answered before, or the refusal, or `undefined` when the request is new. */
export type Recalled =
  | { readonly answer: CommandValue }
  | { readonly error: LockError }
  | undefined;

export function scopeOf(...parts: readonly (Id | undefined)[]): string {
  return JSON.stringify(parts);
}

export function recall(state: ModelState, key: ModelRequestKey): Recalled {
  const known = find(state, key);
  if (known === undefined || key.requestId === undefined) return undefined;
  if (known.content === key.content) return { answer: known.answer };
  return { error: { code: 'REQUEST_CONFLICT', requestId: key.requestId } };
}

export function remember(state: ModelState, key: ModelRequestKey, answer: CommandValue): void {
  const { requestId, eventId, scope, content } = key;
  if (requestId === undefined || state.policy.requestsMax === 0) return;
  if (find(state, key) !== undefined) return;
  state.requests.push({ eventId, scope, requestId, content, answer, atMs: state.nowMs });
}

/** The same answer once more with the times and counts of now, or how the lock has ended since. */
export function repeat(state: ModelState, answer: CommandValue): Outcome<unknown> {
  if (answer.kind === 'lock') {
    return endOfAny(state, [answer.value.lockId]) ?? accept(asOfNow(state, answer.value));
  }
  if (answer.kind === 'lockMany') {
    const { locks } = answer.value;
    const end = endOfAny(
      state,
      locks.map((lock) => lock.lockId),
    );
    return end ?? accept({ ...answer.value, locks: locks.map((lock) => asOfNow(state, lock)) });
  }
  if (answer.kind === 'unlock') {
    if (answer.value.remaining === 0) return accept(answer.value);
    return endOfAny(state, [answer.value.lockId]) ?? accept(answer.value);
  }
  if (answer.kind === 'extend') {
    const { lockId, expiresAtMs } = answer.value;
    const end = endOfAny(state, [lockId]);
    const lock = state.lock(lockId);
    if (end !== undefined || lock === undefined) return end ?? malformed('lockId');
    const { extensionsLeft } = state.view(lock);
    const expiresInMs = Math.max(0, expiresAtMs - state.nowMs);
    return accept({ lockId, expiresAtMs, expiresInMs, extensionsLeft });
  }
  return malformed('requestId');
}

function asOfNow(state: ModelState, granted: LockGrant): LockGrant {
  return {
    ...granted,
    expiresInMs: Math.max(0, granted.expiresAtMs - state.nowMs),
    available: state.available(granted.eventId, granted.categoryId),
  };
}

/** How the first of the locks that is over ended; one that is forgotten is not found. */
function endOfAny(
  state: ModelState,
  lockIds: readonly string[],
): ReturnType<typeof refuse> | undefined {
  for (const lockId of lockIds) {
    const lock = state.lock(lockId);
    if (lock === undefined) return refuse({ code: 'LOCK_NOT_FOUND', lockId });
    const end = endOf(lock);
    if (end !== undefined) return end;
  }
  return undefined;
}

function find(state: ModelState, { eventId, scope, requestId }: ModelRequestKey) {
  return state.requests.find(
    (request) =>
      request.eventId === eventId && request.scope === scope && request.requestId === requestId,
  );
}
