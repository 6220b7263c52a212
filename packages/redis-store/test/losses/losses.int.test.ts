// Redis forgets, in every way it can, while tickets are sold: nothing is sold or promised twice,
// what was told stays true, and of every lock that is lost it is said. A failure names its seed,
// which repeats the round as far as timing allows.
import { expect, test } from 'vitest';

import { firstSeed, roundsOf, tell } from './campaign-rounds.js';
import { cutTail, emptyRestart, failover, OPERATORS } from './faults.js';
import type { Fault } from './faults.js';
import { runRound } from './round.js';
import type { RoundResult } from './round.js';

const KINDS: readonly (readonly [string, number, string, readonly Fault[]])[] = [
  ['restarts without data', 10, 'CAMPAIGN_EMPTY_RESTARTS', [emptyRestart]],
  ['restarts without the newest writes', 5, 'CAMPAIGN_CUT_TAILS', [cutTail]],
  ['failovers to a replica that was cut off', 5, 'CAMPAIGN_FAILOVERS', [failover]],
  ['words of an operator', 4, 'CAMPAIGN_OPERATORS', OPERATORS],
];

// At the same time, unless the campaign picks one: most of a round is waiting.
test.concurrent.each(KINDS)('%s', { timeout: 0 }, async (what, usual, variable, faults) => {
  const rounds = roundsOf(variable, usual);
  const results: RoundResult[] = [];
  const problems: string[] = [];
  for (let seed = firstSeed(); results.length < rounds; seed += 1) {
    const fault = faults[seed % faults.length] ?? emptyRestart;
    const result = await runRound(fault, seed);
    results.push(result);
    const where = `${variable}=1 CAMPAIGN_SEED=${seed}: ${fault.name}, ${result.what}`;
    for (const problem of result.problems) problems.push(`${where}: ${problem}`);
  }
  const figures = sumsOf(results);
  tell(`${rounds} ${what}, seeds from ${firstSeed()}: ${JSON.stringify(figures)}`);
  expect(problems).toEqual([]);
  expect(figures.grants).toBeGreaterThan(rounds * 20);
  expect(figures.sales).toBeGreaterThan(rounds);
});

/** Over all rounds; of the first grants after a fault, the slowest and the middle one. */
function sumsOf(results: readonly RoundResult[]) {
  const sum = (name: keyof RoundResult['figures']) =>
    results.reduce((total, { figures }) => total + figures[name], 0);
  const first = results.flatMap(({ firstGrantMs }) => firstGrantMs).toSorted((a, b) => a - b);
  return {
    grants: sum('grants'),
    sales: sum('sales'),
    lost: sum('lost'),
    epochs: sum('epochs'),
    unknown: sum('unknown'),
    firstGrantMs: { median: at(first, 0.5), most: at(first, 1) },
  };
}

function at(sorted: readonly number[], share: number): number {
  return Math.round(sorted[Math.ceil(share * sorted.length) - 1] ?? 0);
}
