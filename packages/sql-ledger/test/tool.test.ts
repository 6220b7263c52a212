import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { LocalTicketLocks } from '@ticket-locks/lock-engine';
import { SqliteLockLedger } from '@ticket-locks/sql-ledger/sqlite';
import Database from 'libsql';
import { expect, test, vi } from 'vitest';

import { sealBlock } from '../src/record/change-block.js';
import { runTool } from '../src/tool/run-tool.js';
import { SqliteStore } from '../src/sqlite/sqlite-store.js';
import { BoxOffice } from './box-office.js';
import { busyOptions } from './busy-options.js';
import { inlineLedger } from './inline-ledger.js';
import { tempFolder } from './temp-folder.js';

// Real files and threads, on a machine that may be busy.
vi.setConfig({ testTimeout: 60_000 });

async function tool(folder: string, ...args: string[]) {
  const lines: string[] = [];
  const print = (line: string) => void lines.push(line);
  const exitCode = await runTool([...args, '--data-dir', folder], { environment: {}, print });
  return { exitCode, output: lines.join('\n') };
}

/** A ledger with a whole life in it, the first part of its history forgotten or not. */
async function livedIn(historyMs: number): Promise<{ folder: string; office: BoxOffice }> {
  const folder = tempFolder();
  const office = new BoxOffice(11);
  const store = new SqliteStore({ folder });
  const ledger = inlineLedger({ store, historyMs, foldAtLatest: 100 });
  await ledger.load();
  for (let step = 0; step < 500; step += 1) await ledger.append(office.act());
  await ledger.close();
  return { folder, office };
}

test.each([
  ['whole', 1e12],
  ['short', 1],
])('verify recounts everything from a history that is %s', async (_length, historyMs) => {
  const { folder } = await livedIn(historyMs);
  const { exitCode, output } = await tool(folder, 'verify');
  expect(output).toMatch(/recounted\nAll is well\.$/);
  expect(exitCode).toBe(0);
});

test('verify finds a counter that does not add up, though every checksum is right', async () => {
  const { folder, office } = await livedIn(1e12);
  const [sold] = [1, 2].flatMap((eventId) => office.engine.unsettledLocks(eventId));
  // A sale that was never recorded: its block is made anew, checksum and all.
  const db = new Database(join(folder, 'ledger.db'));
  const rows = db.prepare('SELECT * FROM changes ORDER BY first_seq').raw().all() as unknown[][];
  const row = rows.findLast(
    ([, , , , , body]) =>
      String(body).includes('"type":"confirmed"') && String(body).includes(String(sold?.lockId)),
  ) as unknown[];
  const [firstSeq, lastSeq, fromMs, toMs] = row.map(Number) as [number, number, number, number];
  const body = String(row[5]).replace('"type":"confirmed"', '"type":"expiring"');
  const { checksum } = sealBlock({ firstSeq, lastSeq, fromMs, toMs, body });
  db.prepare('UPDATE changes SET body = ?, checksum = ? WHERE first_seq = ?').run(
    body,
    checksum,
    firstSeq,
  );
  db.close();
  const { exitCode, output } = await tool(folder, 'verify');
  expect(output).toMatch(/(?:locked|confirmed) is \d+, the records add up to \d+/);
  expect(exitCode).toBe(1);
});

test('history tells who held what when, and why it ended, while the service runs', async () => {
  const folder = tempFolder();
  const locks = new LocalTicketLocks({
    ...busyOptions(),
    ledger: new SqliteLockLedger({ folder }),
  });
  await locks.start();
  const wish = { eventId: 1, categoryId: 2, quantity: 3, userId: 7, sessionId: 'session-7' };
  const granted = await locks.lock(wish);
  const lockId = granted.ok ? granted.value.lockId : '';
  await locks.unlock({ lockId, quantity: 1 });
  await locks.beginPayment({ lockId, orderId: 99 });
  await locks.confirm({ lockId, orderId: 99 });
  await locks.release({ lockId, orderId: 99 });

  const { exitCode, output } = await tool(folder, 'history', lockId);
  const [locked, changed, paying, sold, released] = output.split('\n');
  expect(locked).toMatch(
    /locked by user 7 \(session session-7\): 3 tickets of category 2, event 1/,
  );
  expect(changed).toMatch(/changed to 2 tickets, before 3/);
  expect(paying).toMatch(/in payment for order 99/);
  expect(sold).toMatch(/sold: 2 tickets for order 99/);
  expect(released).toMatch(/released: its order failed after it had been confirmed/);
  expect(exitCode).toBe(0);
  expect(await tool(folder, 'history', 'nobody')).toMatchObject({ exitCode: 1 });
  const figures = await tool(folder, 'stats');
  expect(figures.output).toMatch(/0 active, 0 confirmed \(0 unsettled\), 1 released/);
  await locks.stop();
});

test('a backup that is made while the service runs is a whole ledger, and can be restored', async () => {
  const folder = tempFolder();
  const locks = new LocalTicketLocks({
    ...busyOptions(),
    ledger: new SqliteLockLedger({ folder }),
  });
  await locks.start();
  const told: string[] = [];
  const state = { isBusy: true };
  const load = (async () => {
    for (let userId = 1; state.isBusy; userId += 1) {
      const wish = { eventId: 1, categoryId: 1, quantity: 1, userId, sessionId: `s-${userId}` };
      const granted = await locks.lock(wish);
      if (granted.ok) told.push(granted.value.lockId);
    }
  })();
  while (told.length < 50) await new Promise(setImmediate);
  const before = [...told];
  const file = join(folder, 'backup.db');
  expect(await tool(folder, 'backup', file)).toMatchObject({ exitCode: 0 });
  state.isBusy = false;
  await load;
  await locks.stop();

  // Into an empty folder, under the ledger's name: that is all.
  const restored = join(tempFolder(), 'restored');
  mkdirSync(restored);
  copyFileSync(file, join(restored, 'ledger.db'));
  expect((await tool(restored, 'verify')).output).toMatch(/All is well\.$/);
  const again = new LocalTicketLocks({
    ...busyOptions(),
    ledger: new SqliteLockLedger({ folder: restored }),
  });
  await again.start();
  for (const lockId of before)
    expect(await again.lockById(lockId)).toMatchObject({ status: 'ACTIVE' });
  await again.stop();
  expect(await tool(folder, 'backup', file)).toMatchObject({ exitCode: 1 });
});

test('the tool says what is wrong with its arguments', async () => {
  const folder = tempFolder();
  expect(await tool(folder, 'verify')).toMatchObject({
    exitCode: 1,
    output: expect.stringContaining('there is no ledger in') as string,
  });
  for (const args of [[], ['history'], ['verify', 'x'], ['mend']]) {
    expect(await tool(folder, ...args)).toMatchObject({
      exitCode: 2,
      output: expect.stringContaining('Usage') as string,
    });
  }
});
