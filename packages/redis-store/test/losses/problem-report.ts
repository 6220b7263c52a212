import type { Asked, Heard, Journal, Problem } from './journal.js';

/** Of one kind; the rest is only counted. */
const SHOWN_MAX = 4;

/** The problems of a round for whoever mends them, with the stories of their locks. */
export function problemReport(problems: readonly Problem[], journal: Journal): string[] {
  const byRule = new Map<string, Problem[]>();
  for (const problem of problems)
    byRule.set(problem.rule, [...(byRule.get(problem.rule) ?? []), problem]);
  return [...byRule].flatMap(([rule, found]) => {
    const lines = found.slice(0, SHOWN_MAX).map(({ detail, lockIds = [] }) => {
      const told = lockIds.map((lockId) => toldOf(lockId, journal));
      return [`${rule}: ${detail}`, ...told].join('\n  ');
    });
    const more = found.length - lines.length;
    return more > 0 ? [...lines, `${rule}: and ${more} more`] : lines;
  });
}

function toldOf(lockId: string, { stories, heard }: Journal): string {
  const story = stories.get(lockId);
  if (story === undefined) return lockId;
  const { place, owner, asked } = story;
  const calls = asked.map((one) => ({ atMs: one.calledAtMs, text: callText(one) }));
  const news = heard
    .filter(({ change }) => 'lockId' in change && change.lockId === lockId)
    .map((one) => ({ atMs: one.heardAtMs, text: newsText(one) }));
  const lines = [...calls, ...news].toSorted((a, b) => a.atMs - b.atMs).map(({ text }) => text);
  return [`${lockId}, ${place}, session at store ${owner}`, ...lines].join('\n    ');
}

function newsText({ store, heardAtMs, change }: Heard): string {
  const reason = change.type === 'released' ? ` ${change.reason}` : '';
  return `${heardAtMs.toFixed(1)} store ${store} told ${change.type}${reason}, ${change.seq}`;
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
