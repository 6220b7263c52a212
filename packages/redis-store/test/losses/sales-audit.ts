import type { DecisionRecord } from '@ticket-locks/lock-engine';

import type { Asked, Evidence, LockStory, Problem } from './journal.js';
import { placeOf } from './journal.js';

/** What is sold is no more than there is, and is what callers were told. */
export function salesProblems(evidence: Evidence): Problem[] {
  const { records, stories } = evidence;
  const byLock = new Map(records.map((record) => [record.lockId, record]));
  return [
    ...oversold(evidence),
    ...stories.flatMap((story) => {
      const record = byLock.get(story.lockId);
      return [...untrue(story, record), ...soldAgainstWord(story, record)];
    }),
  ];
}

function oversold({ records, capacities, ledger }: Evidence): Problem[] {
  const problems: Problem[] = [];
  const check = (place: string, sold: number, when: string) => {
    const capacity = capacities.get(place) ?? 0;
    if (sold <= capacity) return;
    problems.push({ rule: 'oversell', detail: `${sold} of ${capacity} of ${place} ${when}` });
  };
  const sold = new Map<string, number>();
  for (const { eventId, categoryId, quantity, outcome } of records) {
    const place = placeOf(eventId, categoryId);
    if (outcome === 'sold') sold.set(place, (sold.get(place) ?? 0) + quantity);
  }
  for (const [place, quantity] of sold) check(place, quantity, 'in the end');
  for (const seen of ledger) {
    const when = `at ${seen.calledAtMs.toFixed(1)} ms`;
    for (const [place, quantity] of seen.sold) check(place, quantity, when);
  }
  return problems;
}

/** What was told of the lock, and is not so. */
function untrue({ lockId, asked }: LockStory, record: DecisionRecord | undefined): Problem[] {
  const yes = asked.filter(isYes);
  const details: string[] = [];
  const given = asked.find(({ isReleased }) => isReleased === true);
  for (const { orderId, quantity } of yes) {
    const isReturned = record?.outcome === 'returned' && mayBeReturned(asked);
    if (record?.outcome !== 'sold' && !isReturned)
      details.push(`was told as confirmed, its record is ${record?.outcome ?? 'not there'}`);
    else if (orderId !== undefined && record?.orderId !== orderId)
      details.push(`was confirmed for order ${orderId}, its record says ${record?.orderId}`);
    else if (quantity !== undefined && record?.quantity !== quantity)
      details.push(`was confirmed with ${quantity} tickets, its record has ${record?.quantity}`);
  }
  if (given !== undefined && record?.outcome === 'sold')
    details.push(`was told as given back at ${given.answeredAtMs.toFixed(1)} ms, and is sold`);
  return details.map((detail) => ({ rule: 'told', detail, lockIds: [lockId] }));
}

/** Sold, although whoever wanted to confirm was told "no", or "nothing was changed". */
function soldAgainstWord(story: LockStory, record: DecisionRecord | undefined): Problem[] {
  if (record?.outcome !== 'sold') return [];
  const { lockId, asked } = story;
  const yes = asked.filter(isYes);
  const problem = (detail: string): Problem[] => [
    { rule: 'refused', detail: `is sold, ${detail}`, lockIds: [lockId] },
  ];
  if (yes.length === 0) {
    const codes = asked.filter(({ wish }) => wish === 'confirm').map(({ code }) => code);
    return problem(`and no confirm of it was told so: ${codes.join(', ') || 'none was asked'}`);
  }
  return asked.flatMap((one) => {
    if (one.wish !== 'confirm' || !isNo(one)) return [];
    // A late confirm may find tickets that an earlier one did not find.
    const isExcused =
      one.code === 'LOCK_EXPIRED' &&
      yes.some(({ late, answeredAtMs }) => late === true && answeredAtMs >= one.calledAtMs);
    const at = one.answeredAtMs.toFixed(1);
    return isExcused ? [] : problem(`and a confirm was answered ${one.code} at ${at} ms`);
  });
}

function isYes({ wish, code }: Asked): boolean {
  return wish === 'confirm' && code === 'ok';
}

/** An answer that says for good that the lock is not sold. */
function isNo({ code, isForAnother }: Asked): boolean {
  if (isForAnother === true) return false;
  return code === 'LOCK_LOST' || code === 'LOCK_RELEASED' || code === 'LOCK_EXPIRED';
}

function mayBeReturned(asked: readonly Asked[]): boolean {
  return asked.some(
    ({ wish, code }) => wish === 'release' && (code === 'ok' || code === 'OUTCOME_UNKNOWN'),
  );
}
