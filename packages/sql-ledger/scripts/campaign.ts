// The long run: two hundred kills, or as many as are asked for. `npm run campaign -- 500 7` takes
// rounds and seed.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { SqliteLockLedger } from '@ticket-locks/sql-ledger/sqlite';

import { randomIntegers } from '../test/box-office.js';
import { killRounds } from '../test/kill-rounds.js';

const rounds = Number(process.argv[2] ?? 200);
const seed = Number(process.argv[3] ?? Date.now() % 1_000_000);
const folder = mkdtempSync(join(tmpdir(), 'ticket-locks-campaign-'));
const startMs = performance.now();
const report = await killRounds({
  folder,
  rounds,
  openLedger: () => new SqliteLockLedger({ folder }),
  random: randomIntegers(seed),
});
const seconds = ((performance.now() - startMs) / 1000).toFixed(0);
const { problems, ...figures } = report;
console.log(`kill -9 campaign, seed ${seed}, ${seconds} s: ${JSON.stringify(figures)}`);
for (const problem of problems) console.log(problem);
console.log(problems.length === 0 ? 'Nothing lost, nothing invented.' : `See ${folder}`);
if (problems.length === 0) rmSync(folder, { recursive: true });
process.exitCode = problems.length === 0 ? 0 : 1;
