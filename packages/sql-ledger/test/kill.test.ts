import { SqliteLockLedger } from '@ticket-locks/sql-ledger/sqlite';
import { expect, test } from 'vitest';

import { randomIntegers } from './box-office.js';
import { killRounds } from './kill-rounds.js';
import { tempFolder } from './temp-folder.js';

test('kill -9 under load, twenty times on the same folder, loses nothing that was told', async () => {
  const folder = tempFolder();
  const report = await killRounds({
    folder,
    rounds: 20,
    openLedger: () => new SqliteLockLedger({ folder }),
    random: randomIntegers(20),
  });
  expect(report.problems).toEqual([]);
  expect(report.answers).toBeGreaterThan(1_000);
  expect(report.unanswered).toBeGreaterThan(20);
}, 120_000);
