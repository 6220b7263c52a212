import type { LockErrorCode } from '@ticket-locks/lock-engine';

import type { Evidence, Heard, LockStory, Problem } from './journal.js';

/** What may be said of a lock that was lost without a decision. */
const LOST = new Set<'ok' | LockErrorCode>(['LOCK_LOST']);
/** And of one of which it was written that it is not sold, or that had an end before. */
const OVER = new Set<'ok' | LockErrorCode>(['LOCK_LOST', 'LOCK_RELEASED', 'LOCK_EXPIRED']);

/** Every lock that was lost is said to be: to whoever asks, and once to its owner. */
export function lossProblems(evidence: Evidence): Problem[] {
  const details = [...unknownLocks(evidence), ...wrongVerdicts(evidence), ...wrongNews(evidence)];
  return details.map((detail) => ({ rule: 'loss unsaid', detail }));
}

/** Nobody may be told that there never was such a lock. */
function unknownLocks({ stories }: Evidence): string[] {
  return stories.flatMap(({ lockId, asked }) => {
    const missing = asked.find(({ code }) => code === 'LOCK_NOT_FOUND');
    if (missing === undefined) return [];
    const at = missing.answeredAtMs.toFixed(1);
    return [`${lockId}: ${missing.wish} was answered LOCK_NOT_FOUND at ${at} ms`];
  });
}

function wrongVerdicts({ verdicts, records, stories }: Evidence): string[] {
  const recorded = new Set(records.map(({ lockId }) => lockId));
  const known = new Map(stories.map((story) => [story.lockId, story]));
  return verdicts.flatMap(({ lockId, confirm, unlock, isListed }) => {
    const story = known.get(lockId);
    const isOver = recorded.has(lockId) || story?.asked.some(({ isReleased }) => isReleased);
    const allowed = isOver === true ? OVER : LOST;
    return [
      ...(allowed.has(confirm) ? [] : [`${lockId}: confirm is answered ${confirm} afterwards`]),
      ...(allowed.has(unlock) ? [] : [`${lockId}: unlock is answered ${unlock} afterwards`]),
      ...(isListed ? [`${lockId} is still among the locks of its user`] : []),
    ];
  });
}

/** The news of each lock's end reaches its owner, once; what is sold is not said to be lost. */
function wrongNews({ heard, stories, records }: Evidence): string[] {
  const outcomes = new Map(records.map(({ lockId, outcome }) => [lockId, outcome]));
  const endsOf = newsByLock(heard);
  return stories.flatMap((story) => {
    const { lockId } = story;
    const ends = endsOf.get(lockId) ?? [];
    const outcome = outcomes.get(lockId);
    if (outcome === 'sold' || outcome === 'returned') {
      const isLost = ends.some(isLoss);
      return isLost ? [`${lockId} is ${outcome}, and was said to be lost`] : [];
    }
    return wrongEnds(story, ends);
  });
}

function wrongEnds({ lockId, owner, isKnownToOwner }: LockStory, ends: readonly Heard[]): string[] {
  const here = ends.filter(({ store }) => store === owner);
  const lost = here.filter(isLoss);
  if (lost.length > 1) return [`${lockId} was said to be lost ${lost.length} times`];
  if (!isKnownToOwner || here.length === 1) return [];
  const told = here.map(({ change }) => change.type).join(', ');
  return [`${lockId}: its owner was told ${here.length} ends: ${told || 'none'}`];
}

function newsByLock(heard: readonly Heard[]): Map<string, Heard[]> {
  const byLock = new Map<string, Heard[]>();
  for (const one of heard) {
    const { change } = one;
    if (change.type !== 'released' && change.type !== 'expired') continue;
    const ends = byLock.get(change.lockId) ?? [];
    ends.push(one);
    byLock.set(change.lockId, ends);
  }
  return byLock;
}

function isLoss({ change }: Heard): boolean {
  return change.type === 'released' && change.reason === 'lost';
}
