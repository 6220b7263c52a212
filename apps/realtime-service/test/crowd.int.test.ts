import { expect, test } from 'vitest';

import { runCrowd } from '../scripts/crowd-run.js';

// `npm run crowd` is the same with 10,000, and says how long everything takes.
test('a crowd of 1,000 that is dropped at once costs no lock before its time', async () => {
  const report = await runCrowd({ socketCount: 1000, lockCount: 100 });
  expect(report).toMatchObject({
    fewestLocks: 100,
    returnedCount: 20,
    keptCount: 20,
    availableTickets: 100,
    exitCode: 0,
  });
  expect(report.settledMs).toBeLessThan(5000);
});
