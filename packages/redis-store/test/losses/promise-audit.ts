import type { Evidence, FiguresSeen, Problem } from './journal.js';
import { endOfEpoch, stretchesOf, takenOf } from './promised-stretches.js';
import type { Stretch } from './promised-stretches.js';

/**
 * No ticket was promised twice at any instant, and none was shown as free while it was taken: live
 * locks of the epoch in force and sold tickets together, by what callers were told.
 */
export function promiseProblems(evidence: Evidence): Problem[] {
  const { stories, ledger, capacities, figures } = evidence;
  const ends = new Map<number, number>();
  for (const { epoch } of stories) {
    if (!ends.has(epoch)) ends.set(epoch, endOfEpoch(epoch, ledger));
  }
  const stretches = stories.flatMap((story) => stretchesOf(story, ends.get(story.epoch) ?? 0));
  return [...capacities].flatMap(([place, capacity]) => {
    const here = stretches.filter((one) => one.place === place);
    const seen = figures.filter((one) => one.place === place);
    return [...doublyPromised(here, place, capacity), ...shownTooMany(here, seen, capacity)];
  });
}

function doublyPromised(here: readonly Stretch[], place: string, capacity: number): Problem[] {
  const worst = takenOf(here).find(({ taken }) => taken > capacity);
  if (worst === undefined) return [];
  const { atMs, taken } = worst;
  const holders = here.filter(({ fromMs, untilMs }) => fromMs <= atMs && atMs < untilMs);
  const lockIds = holders.map(({ lockId }) => lockId);
  const detail = `${taken} of ${capacity} tickets of ${place} at ${ms(atMs)}`;
  return [{ rule: 'double promise', detail, lockIds }];
}

function shownTooMany(
  here: readonly Stretch[],
  figures: readonly FiguresSeen[],
  capacity: number,
): Problem[] {
  const steps = takenOf(here);
  return figures.flatMap((seen) => {
    const taken = leastTaken(steps, seen);
    if (seen.available <= capacity - taken) return [];
    const at = `${ms(seen.calledAtMs)} to ${ms(seen.answeredAtMs)}`;
    const shown = `store ${seen.store} showed ${seen.available} free of ${seen.place} at ${at}`;
    return [{ rule: 'availability', detail: `${shown}, ${taken} of ${capacity} were taken` }];
  });
}

/** The fewest tickets that were taken at any instant of a call. */
function leastTaken(
  steps: readonly { atMs: number; taken: number }[],
  { calledAtMs, answeredAtMs }: FiguresSeen,
): number {
  const before = steps.findLast(({ atMs }) => atMs <= calledAtMs)?.taken ?? 0;
  const during = steps.filter(({ atMs }) => atMs > calledAtMs && atMs <= answeredAtMs);
  return Math.min(before, ...during.map(({ taken }) => taken));
}

function ms(instantMs: number): string {
  return `${instantMs.toFixed(1)} ms`;
}
