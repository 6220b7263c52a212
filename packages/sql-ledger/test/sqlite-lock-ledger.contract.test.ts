import { describe } from 'vitest';
import { cpSync } from 'node:fs';
import { join } from 'node:path';

import {
  describeChangeOutboxContract,
  describeLockLedgerContract,
  ledgerOutbox,
} from '@ticket-locks/lock-engine/testing';
import type { LedgerUnderTest } from '@ticket-locks/lock-engine/testing';
import { SqliteLockLedger } from '@ticket-locks/sql-ledger/sqlite';

import { SqliteStore } from '../src/sqlite/sqlite-store.js';
import { inlineLedger } from './inline-ledger.js';
import { keptFolder, removeFolder } from './temp-folder.js';

const crash = { not: 'a thread cannot be killed like a process; kill.test.ts kills processes' };

function onDisk(): LedgerUnderTest {
  const folder = keptFolder();
  const open = () => new SqliteLockLedger({ folder, outbox: true });
  return { ledger: open(), reopen: open, dispose: () => removeFolder(folder) };
}

describeChangeOutboxContract({
  name: 'SqliteLockLedger',
  create: () => ledgerOutbox(onDisk()),
  supports: { crash },
});

describeLockLedgerContract({
  name: 'SqliteLockLedger',
  create: onDisk,
  supports: {
    crash,
    'failing disk': { not: 'the disk is on the other side of the thread; see fail-stop.test.ts' },
  },
});

describe.each([
  ['that never folds', 1_000_000],
  ['that folds after every write', 1],
])('in one thread, and', (how, foldAtLatest) => {
  const create = () => inOneThread(foldAtLatest);
  describeLockLedgerContract({ name: `GroupCommitLedger on SqliteStore ${how}`, create });
  describeChangeOutboxContract({
    name: `GroupCommitLedger on SqliteStore ${how}`,
    create: () => ledgerOutbox(create()),
  });
});

function inOneThread(foldAtLatest: number): LedgerUnderTest {
  const parent = keptFolder();
  let folder = join(parent, 'live');
  let isBroken = false;
  const open = () => {
    isBroken = false;
    const store = new SqliteStore({
      folder,
      onStep: () => {
        if (isBroken) throw new Error('no space left on device');
      },
    });
    return inlineLedger({ store, foldAtLatest, outbox: true });
  };
  return {
    ledger: open(),
    reopen: open,
    crash: () => {
      // What the process leaves on the disk; its lock and its memory end with it.
      const left = join(parent, 'left');
      const isKept = (path: string) => !path.endsWith('-shm') && !path.endsWith('.lock');
      cpSync(folder, left, { recursive: true, filter: isKept });
      folder = left;
    },
    breakDisk: () => {
      isBroken = true;
    },
    dispose: () => removeFolder(parent),
  };
}
