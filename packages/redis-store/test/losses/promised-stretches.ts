import type { LockErrorCode } from '@ticket-locks/lock-engine';

import type { Asked, LedgerSeen, LockStory } from './journal.js';

/** Tickets that were promised to somebody, or sold, for sure during all of this time. */
export interface Stretch {
  readonly lockId: string;
  readonly place: string;
  readonly fromMs: number;
  readonly untilMs: number;
  readonly quantity: number;
}

/** Clocks count whole milliseconds, and the life of a lock is told in them. */
const ROUNDING_MS = 2;

/** Nothing was changed by a call that was answered so. */
function isRefusal(code: 'ok' | LockErrorCode): boolean {
  return code !== 'ok' && code !== 'OUTCOME_UNKNOWN';
}

/**
 * When the tickets of a lock were taken for sure, by what its callers were told.
 *
 * A lock begins with the answer to its grant. It ends with the first call that may end it, with the
 * life that was told, or with its epoch, whichever comes first. One that was confirmed goes on,
 * until somebody asks for the return of it; a late confirm begins anew with its answer.
 */
export function stretchesOf(story: LockStory, epochEndMs: number): Stretch[] {
  const { lockId, place, asked } = story;
  const granted = asked.find(({ wish, code }) => wish === 'lock' && code === 'ok');
  if (granted === undefined) return [];
  const confirmed = asked.find(({ wish, code }) => wish === 'confirm' && code === 'ok');
  const isLate = confirmed?.late === true;
  const endMs =
    confirmed !== undefined && !isLate
      ? returnedAtMs(asked, confirmed)
      : Math.min(endedAtMs(asked), expiredAtMs(asked), epochEndMs);
  const stretches = stepsOf(story, granted, endMs);
  if (confirmed === undefined || !isLate) return stretches;
  const quantity = confirmed.quantity ?? stretches.at(-1)?.quantity ?? 0;
  const untilMs = returnedAtMs(asked, confirmed);
  return [...stretches, { lockId, place, fromMs: confirmed.answeredAtMs, untilMs, quantity }];
}

/** One stretch for each quantity that the lock had. */
function stepsOf({ lockId, place, asked }: LockStory, granted: Asked, endMs: number): Stretch[] {
  const steps = [{ atMs: granted.answeredAtMs, quantity: granted.quantity ?? 0 }];
  for (const one of asked) {
    if (one === granted || one.quantity === undefined || isRefusal(one.code)) continue;
    // More tickets are there with the answer at the latest, fewer with the call at the earliest.
    if (one.wish === 'lock' && one.code === 'ok')
      steps.push({ atMs: one.answeredAtMs, quantity: one.quantity });
    if (one.wish === 'give-back' && one.quantity > 0)
      steps.push({ atMs: one.calledAtMs, quantity: one.quantity });
  }
  steps.sort((a, b) => a.atMs - b.atMs);
  return steps.flatMap(({ atMs, quantity }, index) => {
    const untilMs = Math.min(endMs, steps[index + 1]?.atMs ?? Infinity);
    return untilMs > atMs ? [{ lockId, place, fromMs: atMs, untilMs, quantity }] : [];
  });
}

/** The first call that may have ended the lock. */
function endedAtMs(asked: readonly Asked[]): number {
  const ends = asked.filter(mayEnd).map(({ calledAtMs }) => calledAtMs);
  return Math.min(Infinity, ...ends);
}

function mayEnd({ wish, code, quantity }: Asked): boolean {
  if (wish === 'leave') return true;
  // A confirm that is refused may have been pinned before: what is left of the lock is open.
  if (wish === 'confirm') return code !== 'UNAVAILABLE';
  if (isRefusal(code)) return false;
  return wish === 'release' || (wish === 'give-back' && quantity === 0);
}

function expiredAtMs(asked: readonly Asked[]): number {
  const ends = asked.flatMap(({ calledAtMs, expiresInMs }) =>
    expiresInMs === undefined ? [] : [calledAtMs + expiresInMs - ROUNDING_MS],
  );
  return Math.max(...ends);
}

/** The first call after a confirm that may have given its tickets back. */
function returnedAtMs(asked: readonly Asked[], confirmed: Asked): number {
  const ends = asked
    .filter(({ wish, code }) => wish === 'release' && !isRefusal(code))
    .map(({ calledAtMs }) => calledAtMs)
    .filter((atMs) => atMs >= confirmed.calledAtMs);
  return Math.min(Infinity, ...ends);
}

/** The last instant at which an epoch was in force for sure. */
export function endOfEpoch(epoch: number, ledger: readonly LedgerSeen[]): number {
  if (!ledger.some((seen) => seen.epoch > epoch)) return Infinity;
  const during = ledger.filter((seen) => seen.epoch === epoch);
  return Math.max(-Infinity, ...during.map(({ calledAtMs }) => calledAtMs));
}

/** How many tickets of a place are taken for sure, from each instant at which that changes. */
export function takenOf(stretches: readonly Stretch[]): { atMs: number; taken: number }[] {
  const turns = stretches.flatMap(({ fromMs, untilMs, quantity }) => [
    { atMs: fromMs, by: quantity },
    { atMs: untilMs, by: -quantity },
  ]);
  // What ends goes before what begins.
  turns.sort((a, b) => a.atMs - b.atMs || a.by - b.by);
  let taken = 0;
  return turns.map(({ atMs, by }) => ({ atMs, taken: (taken += by) }));
}
