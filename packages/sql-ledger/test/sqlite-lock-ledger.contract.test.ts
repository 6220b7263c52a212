import { describe } from 'vitest';
import { cpSync } from 'node:fs';
import { join } from 'node:path';

import { describeLockLedgerContract } from '@ticket-locks/lock-engine/testing';
import { SqliteLockLedger } from '@ticket-locks/sql-ledger/sqlite';

import { SqliteStore } from '../src/sqlite/sqlite-store.js';
import { inlineLedger } from './inline-ledger.js';
import { keptFolder, removeFolder } from './temp-folder.js';

describeLockLedgerContract({
  name: 'SqliteLockLedger',
  create: () => {
    const folder = keptFolder();
    const open = () => new SqliteLockLedger({ folder, outbox: true });
    return { ledger: open(), reopen: open, dispose: () => removeFolder(folder) };
  },
  supports: {
    crash: { not: 'a thread cannot be killed like a process; kill.test.ts kills processes' },
    'failing disk': { not: 'the disk is on the other side of the thread; see fail-stop.test.ts' },
  },
});

describe.each([
  ['that never folds', 1_000_000],
  ['that folds after every write', 1],
])('in one thread, and', (how, foldAtLatest) => {
  describeLockLedgerContract({
    name: `GroupCommitLedger on SqliteStore ${how}`,
    create: () => {
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
    },
  });
});
