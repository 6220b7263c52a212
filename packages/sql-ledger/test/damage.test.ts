// What happens to files: bits flip, ends are cut off, files vanish, other programs and newer
// versions write them.
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

import type { LedgerContents } from '@ticket-locks/lock-engine';
import Database from 'libsql';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

import { LedgerError } from '../src/ledger-error.js';
import { SqliteStore } from '../src/sqlite/sqlite-store.js';
import { BoxOffice } from './box-office.js';
import { inlineLedger } from './inline-ledger.js';
import { keptFolder, removeFolder, tempFolder } from './temp-folder.js';

// Real files and threads, on a machine that may be busy.
vi.setConfig({ testTimeout: 60_000 });

const open = (folder: string) => inlineLedger({ store: new SqliteStore({ folder }) });

async function contentsOf(folder: string): Promise<LedgerContents> {
  const ledger = open(folder);
  try {
    return await ledger.load();
  } finally {
    await ledger.close();
  }
}

/** A ledger with a snapshot and changes after it. `killed`: the write-ahead log is still there. */
async function ledgerFolder(end: 'closed' | 'killed', folder = tempFolder()): Promise<string> {
  const live = join(folder, 'live');
  const office = new BoxOffice(5);
  const folding = inlineLedger({ store: new SqliteStore({ folder: live }), foldAtLatest: 40 });
  await folding.load();
  for (let count = 0; count < 80; count += 1) await folding.append(office.act());
  await folding.close();
  const ledger = open(live);
  await ledger.load();
  for (let count = 0; count < 20; count += 1) await ledger.append(office.act());
  const left = join(folder, 'left');
  if (end === 'closed') await ledger.close();
  copyLedger(live, left);
  if (end === 'killed') await ledger.close();
  return left;
}

function copyLedger(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  const isKept = (path: string) => !path.endsWith('-shm') && !path.endsWith('.lock');
  cpSync(from, to, { recursive: true, filter: isKept });
}

/** Loads a damaged copy: either it says so, or nothing is different. */
async function outcome(folder: string, whole: LedgerContents): Promise<'noticed' | 'harmless'> {
  const result = await contentsOf(folder).catch((error: unknown) => error);
  if (result instanceof LedgerError && /^LEDGER_(?:DAMAGED|FORMAT)$/.test(result.code)) {
    return 'noticed';
  }
  expect(JSON.stringify(result)).toBe(JSON.stringify(whole));
  return 'harmless';
}

describe.each(['closed', 'killed'] as const)('a ledger that was %s', (end) => {
  let whole: LedgerContents;
  let folder: string;
  let parent: string;

  beforeAll(async () => {
    parent = keptFolder();
    folder = await ledgerFolder(end, parent);
    const copy = `${folder}-whole`;
    copyLedger(folder, copy);
    whole = await contentsOf(copy);
    expect(whole.changes.length).toBeGreaterThan(10);
    expect(whole.snapshot?.seq).toBeGreaterThan(30);
  });

  afterAll(() => removeFolder(parent));

  test.each([
    ['a flipped bit', 389],
    ['a lost end', 613],
  ])(
    '%s is noticed wherever it is, or is harmless',
    async (kind, stride) => {
      const names = readdirSync(folder).filter((name) => /\.db(?:-wal)?$/.test(name));
      const outcomes = { noticed: 0, harmless: 0 };
      for (const name of names) {
        const { length } = readFileSync(join(folder, name));
        for (let at = stride % 97; at < length; at += stride) {
          const copy = `${folder}-${at}`;
          copyLedger(folder, copy);
          if (kind === 'a flipped bit') flip(join(copy, name), at);
          else truncateSync(join(copy, name), at);
          outcomes[await outcome(copy, whole)] += 1;
          rmSync(copy, { recursive: true });
        }
      }
      expect(outcomes.noticed).toBeGreaterThan(20);
      expect(outcomes.noticed + outcomes.harmless).toBeGreaterThan(80);
    },
    60_000,
  );

  test('a vanished file is noticed', async () => {
    const names = readdirSync(folder).filter((file) => /\.db(?:-wal)?$/.test(file));
    // The log of a ledger that was closed is empty.
    for (const name of names.filter((file) => statSync(join(folder, file)).size > 0)) {
      const copy = `${folder}-without-${name}`;
      copyLedger(folder, copy);
      rmSync(join(copy, name));
      expect(await outcome(copy, whole)).toBe('noticed');
    }
  });
});

function flip(file: string, at: number): void {
  const bytes = readFileSync(file);
  bytes[at] = (bytes[at] ?? 0) ^ 0x10;
  writeFileSync(file, bytes);
}

/** Changes something in the database as another program would. */
async function tampered(sql: string): Promise<string> {
  const folder = await ledgerFolder('closed');
  const db = new Database(join(folder, 'ledger.db'));
  db.exec(sql);
  db.close();
  return folder;
}

describe('the message names the place', () => {
  test.each([
    [
      'an altered change',
      `UPDATE changes SET body = replace(body, '"quantity":', '"quantity":1') WHERE last_seq > (SELECT seq FROM head)`,
      /changes \d+ to \d+ were altered/,
    ],
    [
      'a missing change',
      'DELETE FROM changes WHERE first_seq = (SELECT first_seq FROM changes ORDER BY first_seq DESC LIMIT 1 OFFSET 3)',
      /changes \d+ to \d+ are missing/,
    ],
    [
      'the missing end of the changes',
      'DELETE FROM changes WHERE first_seq = (SELECT max(first_seq) FROM changes)',
      /ends with change \d+, and changes up to \d+ were answered/,
    ],
    [
      'an altered lock',
      `UPDATE locks SET body = replace(body, '"quantity":', '"quantity":1')`,
      /the snapshot's lock lock-a-\d+ was altered/,
    ],
    ['a missing lock', 'DELETE FROM locks WHERE rowid = 5', /has \d+ locks, not \d+/],
    ['an altered head', 'UPDATE head SET seq = seq + 1', /head was altered/],
  ])('%s', async (_what, sql, message) => {
    const folder = await tampered(sql);
    await expect(contentsOf(folder)).rejects.toMatchObject({ code: 'LEDGER_DAMAGED' });
    await expect(contentsOf(folder)).rejects.toThrow(message);
  });

  test.each([
    ['a newer format', 'PRAGMA user_version = 99', /format 99 .* use a newer one/],
    ['something else', 'PRAGMA application_id = 7', /not a ledger/],
  ])('%s is refused', async (_what, sql, message) => {
    const folder = await tampered(sql);
    await expect(contentsOf(folder)).rejects.toMatchObject({ code: 'LEDGER_FORMAT' });
    await expect(contentsOf(folder)).rejects.toThrow(message);
  });
});
