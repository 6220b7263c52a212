// The long run: random commands to the engine and to the reference model, until they differ.
//
//   node --import tsx scripts/simulate.ts --commands=100000000 --seed=7
//
// Prints the seed and the rate. At a difference it prints the shortest script that was found, and
// exits with 1.
import { parseArgs } from 'node:util';

import { playEpisode } from '../src/testing/random-run.js';

const COMMANDS_DEFAULT = 1e8;
const REPORT_EVERY_MS = 10_000;
/** Seeds of two runs that were not given one should not meet. */
const SEED_MAX = 2 ** 31;

const { values } = parseArgs({
  options: { commands: { type: 'string' }, seed: { type: 'string' } },
});
const commandCount = countOption('commands', values.commands ?? String(COMMANDS_DEFAULT));
const seed = countOption('seed', values.seed ?? String(Date.now() % SEED_MAX));

process.exitCode = simulate();

function simulate(): number {
  const startedAtMs = performance.now();
  let reportAtMs = startedAtMs + REPORT_EVERY_MS;
  let done = 0;
  console.log(`seed ${seed}, ${commandCount.toLocaleString('en')} commands`);
  for (let episode = seed; done < commandCount; episode += 1) {
    try {
      done += playEpisode(episode);
    } catch (error) {
      console.error(error instanceof Error ? error.message : error);
      return 1;
    }
    if (performance.now() < reportAtMs) continue;
    reportAtMs += REPORT_EVERY_MS;
    report(done, startedAtMs);
  }
  report(done, startedAtMs);
  return 0;
}

function report(done: number, startedAtMs: number): void {
  const seconds = (performance.now() - startedAtMs) / 1000;
  const rate = Math.round(done / seconds);
  const counts = [done, rate].map((count) => count.toLocaleString('en'));
  console.log(`${counts[0]} commands in ${seconds.toFixed(0)} s, ${counts[1]} a second`);
}

function countOption(name: string, text: string): number {
  const count = Number(text);
  if (text.trim() !== '' && Number.isSafeInteger(count) && count >= 0) return count;
  console.error(`--${name} must be an integer that is not negative, got '${text}'`);
  return process.exit(2);
}
