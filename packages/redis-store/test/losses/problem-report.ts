import type { Asked, LockStory, Problem } from './journal.js';

/** Of one kind; the rest is only counted. */
const SHOWN_MAX = 4;

/** The problems of a round for whoever mends them, a line each, with the story of the lock. */
export function problemReport(
  problems: readonly Problem[],
  stories: ReadonlyMap<string, LockStory>,
): string[] {
  const byRule = new Map<string, Problem[]>();
  for (const problem of problems)
    byRule.set(problem.rule, [...(byRule.get(problem.rule) ?? []), problem]);
  return [...byRule].flatMap(([rule, found]) => {
    const lines = found.slice(0, SHOWN_MAX).map(({ detail, lockIds = [] }) => {
      const told = lockIds.map((lockId) => toldOf(lockId, stories.get(lockId)));
      return [`${rule}: ${detail}`, ...told].join('\n  ');
    });
    const more = found.length - lines.length;
    return more > 0 ? [...lines, `${rule}: and ${more} more`] : lines;
  });
}

function toldOf(lockId: string, story: LockStory | undefined): string {
  if (story === undefined) return lockId;
  const { place, owner, asked } = story;
  const calls = asked.toSorted((a, b) => a.calledAtMs - b.calledAtMs).map(callText);
  return [`${lockId}, ${place}, session at store ${owner}`, ...calls].join('\n    ');
}

function callText({ wish, code, store, orderId, calledAtMs, answeredAtMs, ...facts }: Asked) {
  const when = `${calledAtMs.toFixed(1)}-${answeredAtMs.toFixed(1)}`;
  const { quantity, expiresInMs, late, isReleased } = facts;
  const parts = [
    ...(quantity === undefined ? [] : [`${quantity} tickets`]),
    ...(orderId === undefined ? [] : [`order ${orderId}`]),
    ...(expiresInMs === undefined ? [] : [`${expiresInMs} ms`]),
    ...(late === true ? ['late'] : []),
    ...(isReleased === true ? ['given back'] : []),
  ];
  return `${when} store ${store} ${wish} ${code} ${parts.join(', ')}`.trim();
}
