import fc from 'fast-check';

import type { Id } from '../engine/id.js';
import type { LockPolicy } from '../engine/lock-policy.js';
import type { TicketLock } from '../engine/ticket-lock.js';
import type { Lockstep } from './lockstep.js';
import {
  CATEGORY_IDS,
  EVENT_IDS,
  MALFORMED,
  ORDER_IDS,
  REQUEST_IDS,
  SESSION_IDS,
  spellingsOf,
  USER_IDS,
} from './small-world.js';

/** One of few ids, in any spelling. */
function idOf(ids: readonly Id[]): fc.Arbitrary<unknown> {
  return fc.constantFrom(...ids.flatMap(spellingsOf));
}

export const eventId = (): fc.Arbitrary<unknown> => idOf(EVENT_IDS);
export const categoryId = (): fc.Arbitrary<unknown> => idOf(CATEGORY_IDS);
export const userId = (): fc.Arbitrary<unknown> => idOf(USER_IDS);
export const orderId = (): fc.Arbitrary<unknown> => idOf(ORDER_IDS);
export const sessionId = (): fc.Arbitrary<string> => fc.constantFrom(...SESSION_IDS);
export const requestId = (): fc.Arbitrary<string> => fc.constantFrom(...REQUEST_IDS);

/** Tickets: mostly a few. */
export const quantity = (): fc.Arbitrary<number> => fc.constantFrom(1, 2, 3, 4, 12);

/** What no command accepts in most of its fields. */
export const malformed = (): fc.Arbitrary<unknown> =>
  fc.oneof(fc.constantFrom(...MALFORMED), fc.anything({ maxDepth: 1 }));

/** A policy whose limits are soon reached. */
export function lockPolicy(): fc.Arbitrary<LockPolicy> {
  const limit = (...values: number[]) => fc.constantFrom(...values, Infinity);
  return fc.record({
    ttlMs: fc.constantFrom(1, 5, 50, 1000),
    ticketsPerLockMax: limit(4, 2, 1),
    locksPerUserMax: limit(3, 2, 1),
    ticketsPerUserPerEventMax: limit(4, 3, 1),
    extensionsMax: limit(2, 1, 0),
    lockAgeMsMax: limit(1, 20, 1500),
    paymentTtlMs: fc.constantFrom(1, 7, 100, 3000),
    lateConfirm: fc.constantFrom('if-available', 'reject'),
    lateConfirmWindowMs: limit(10, 1, 0),
    expiringNoticeMs: fc.constantFrom(0, 1, 5, 1000, 60_000),
    endedLockRetentionMs: limit(1, 10, 1000),
    endedLocksMax: limit(0, 1, 3, 20),
    requestsMax: limit(0, 1, 3, 20),
  });
}

/** Picks a lock of a run when it is there: `lock-99`, which there is not, when there is none. */
export type PickLock = (run: Lockstep) => string;

/** A lock of the run, mostly one of the newest. */
export function anyLock(): fc.Arbitrary<PickLock> {
  const newest = fc.nat({ max: 5 }).map((age) => (run: Lockstep) => run.lockIds.at(-1 - age));
  const any = fc.nat().map((at) => (run: Lockstep) => run.lockIds[at % run.lockIds.length]);
  const pick = fc.oneof({ weight: 4, arbitrary: newest }, any);
  return pick.map((lockIdOf) => (run) => lockIdOf(run) ?? 'lock-99');
}

/**
 * An instant worth visiting: the end of a lock, or another edge of its life, one millisecond around
 * it.
 */
export function edge(): fc.Arbitrary<(run: Lockstep) => number> {
  const edges = fc.constantFrom<((lock: TicketLock, policy: Partial<LockPolicy>) => number)[]>(
    (lock) => lock.expiresAtMs,
    (lock, { expiringNoticeMs = 0 }) => lock.expiresAtMs - expiringNoticeMs,
    (lock, { lateConfirmWindowMs = 0 }) => lock.expiresAtMs + lateConfirmWindowMs,
    (lock, { endedLockRetentionMs = 0 }) => (lock.endedAtMs ?? 0) + endedLockRetentionMs,
  );
  return fc
    .tuple(edges, fc.nat(), fc.constantFrom(0, -1, 1))
    .map(([edgeOf, at, around]) => ({ sight, options }: Lockstep) => {
      const lock = sight.locks[at % sight.locks.length];
      return lock === undefined ? 0 : edgeOf(lock, options.policy) + around;
    });
}
