import { join } from 'node:path';

import Database from 'libsql';
import { expect, test, vi } from 'vitest';

import { SqliteStore } from '../src/sqlite/sqlite-store.js';
import { BoxOffice } from './box-office.js';
import { inlineLedger } from './inline-ledger.js';
import { ManualTimers } from './manual-timers.js';
import { tempFolder } from './temp-folder.js';

// Real files and threads, on a machine that may be busy.
vi.setConfig({ testTimeout: 60_000 });

const HISTORY_MS = 600_000;
const STEPS = 6_000;

/** The sizes of the database in the course of a steady load, in pages. */
async function sizesUnderLoad(historyMs: number): Promise<number[]> {
  const folder = tempFolder();
  const timers = new ManualTimers();
  const office = new BoxOffice(3);
  const ledger = inlineLedger({
    store: new SqliteStore({ folder }),
    historyMs,
    timers,
    foldAfter: 200,
    foldChangesMax: 200,
  });
  await ledger.load();
  const sizes: number[] = [];
  for (let step = 1; step <= STEPS; step += 1) {
    void ledger.append(office.act());
    if (step % 100 !== 0) continue;
    await ledger.append(office.act());
    await quiet(timers);
    if (step % 1_000 === 0) sizes.push(pageCount(folder));
  }
  await ledger.close();
  return [...sizes, pageCount(folder)];
}

function pageCount(folder: string): number {
  const db = new Database(join(folder, 'ledger.db'));
  const row = db.prepare('PRAGMA page_count').raw().get() as [number];
  db.close();
  return row[0];
}

/** Lets quiet moments pass until there is nothing left to tidy up. */
async function quiet(timers: ManualTimers): Promise<void> {
  for (let moment = 0; moment < 12; moment += 1) {
    timers.advance(20);
    await new Promise(setImmediate);
  }
}

test('the file stops growing under a steady load, where without an end of the history it goes on', async () => {
  const bounded = await sizesUnderLoad(HISTORY_MS);
  const unbounded = await sizesUnderLoad(1e12);
  expect(bounded, bounded.join()).toHaveLength(7);
  expect(bounded.at(-1)).toBeLessThan((bounded[2] ?? 0) * 1.3);
  expect(unbounded.at(-1)).toBeGreaterThan((bounded.at(-1) ?? 0) * 2);
}, 60_000);
