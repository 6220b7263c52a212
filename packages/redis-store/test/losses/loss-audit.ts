import type { LockChange, LockErrorCode } from '@ticket-locks/lock-engine';

import type { Evidence, Heard, LockStory, Problem } from './journal.js';

/** What may be said of a lock that was lost without a decision. */
const LOST = new Set<'ok' | LockErrorCode>(['LOCK_LOST']);
/** And of one of which it was written that it is not sold, or that had an end before. */
const OVER = new Set<'ok' | LockErrorCode>(['LOCK_LOST', 'LOCK_RELEASED', 'LOCK_EXPIRED']);

/** Every lock that was lost is said to be: to whoever asks, and once to its owner. */
export function lossProblems(evidence: Evidence): Problem[] {
  return [...unknownLocks(evidence), ...wrongVerdicts(evidence), ...wrongNews(evidence)];
}

/** Nobody may be told that there never was such a lock. */
function unknownLocks({ stories }: Evidence): Problem[] {
  return stories.flatMap(({ lockId, asked }) => {
    const missing = asked.find(
      ({ code, isForAnother }) => code === 'LOCK_NOT_FOUND' && isForAnother !== true,
    );
    return missing === undefined ? [] : [unsaid(lockId, `${missing.wish}: LOCK_NOT_FOUND`)];
  });
}

function wrongVerdicts({ verdicts, records, stories }: Evidence): Problem[] {
  const recorded = new Set(records.map(({ lockId }) => lockId));
  const known = new Map(stories.map((story) => [story.lockId, story]));
  return verdicts.flatMap(({ lockId, confirm, unlock, isListed }) => {
    const story = known.get(lockId);
    const isOver = recorded.has(lockId) || story?.asked.some(({ isReleased }) => isReleased);
    const allowed = isOver === true ? OVER : LOST;
    return [
      ...(allowed.has(confirm) ? [] : [unsaid(lockId, `confirm says ${confirm} afterwards`)]),
      ...(allowed.has(unlock) ? [] : [unsaid(lockId, `unlock says ${unlock} afterwards`)]),
      ...(isListed ? [unsaid(lockId, 'is still among the locks of its user')] : []),
    ];
  });
}

/** The news of each lock's end reaches its owner, once; what is sold is not said to be lost. */
function wrongNews({ heard, stories, records }: Evidence): Problem[] {
  const outcomes = new Map(records.map(({ lockId, outcome }) => [lockId, outcome]));
  const endsOf = newsByLock(heard);
  return stories.flatMap((story) => {
    const { lockId } = story;
    const ends = endsOf.get(lockId) ?? [];
    const outcome = outcomes.get(lockId);
    if (outcome === 'sold' || outcome === 'returned')
      return ends.some(isLoss) ? [unsaid(lockId, `is ${outcome}, and was said to be lost`)] : [];
    return wrongEnds(story, ends);
  });
}

function wrongEnds(story: LockStory, ends: readonly Heard[]): Problem[] {
  const { lockId, owner, asked } = story;
  const here = ends.filter(({ store }) => store === owner);
  const told = here.map(({ change }) => newsText(change)).join(', ');
  // A late confirm takes a lock up again, and may be refused then: it expires once more.
  const mayEndAgain = asked.some(({ wish }) => wish === 'confirm') && !here.some(isLoss);
  const isTwice = new Set(here.map(({ change }) => change.seq)).size < here.length;
  if (isTwice || (here.length > 1 && !mayEndAgain))
    return [unsaid(lockId, `its owner was told ${here.length} ends: ${told}`)];
  // Nobody is there to be told when the session has ended.
  const isThere = story.isKnownToOwner && !asked.some(({ wish }) => wish === 'leave');
  return isThere && here.length === 0 ? [unsaid(lockId, 'its owner was told no end of it')] : [];
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

function newsText(change: LockChange): string {
  const reason = change.type === 'released' ? ` (${change.reason})` : '';
  return `${change.type}${reason} as change ${change.seq}`;
}

function unsaid(lockId: string, detail: string): Problem {
  return { rule: 'loss unsaid', detail, lockIds: [lockId] };
}
