import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { LocalTicketLocks } from '@ticket-locks/lock-engine';
import type { LockLedger } from '@ticket-locks/lock-engine';
import { SqliteLockLedger } from '@ticket-locks/sql-ledger/sqlite';
import { expect, onTestFinished, test, vi } from 'vitest';

import { SqliteStore } from '../src/sqlite/sqlite-store.js';
import { busyOptions } from './busy-options.js';
import { inlineLedger } from './inline-ledger.js';
import { tempFolder } from './temp-folder.js';

// Real files and threads, on a machine that may be busy.
vi.setConfig({ testTimeout: 60_000 });

const serviceOn = (ledger: LockLedger) => new LocalTicketLocks({ ...busyOptions(), ledger });

/** Locks until something goes wrong; returns what was told by then. */
async function lockUntilItFails(locks: LocalTicketLocks) {
  const failures: Error[] = [];
  locks.on('failure', (error) => failures.push(error));
  const grantedIds: string[] = [];
  const codes: string[] = [];
  for (let userId = 1; failures.length === 0 && userId < 200_000; userId += 20) {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        locks.lock({
          eventId: 1,
          categoryId: 1,
          quantity: 1,
          userId: userId + index,
          sessionId: `s-${userId}`,
        }),
      ),
    );
    for (const answer of answers) {
      if (answer.ok) grantedIds.push(answer.value.lockId);
      else codes.push(answer.error.code);
    }
  }
  return { failures, grantedIds, codes };
}

async function expectFailStop(locks: LocalTicketLocks, message: RegExp): Promise<string[]> {
  const { failures, grantedIds, codes } = await lockUntilItFails(locks);
  expect(grantedIds.length).toBeGreaterThan(0);
  // What was in flight is unknown; nothing is granted any more; and it is said once, with the
  // reason.
  expect(new Set(codes)).toEqual(new Set(['OUTCOME_UNKNOWN']));
  const wish = { eventId: 1, categoryId: 1, quantity: 1, userId: 9e6, sessionId: 's' };
  expect(await locks.lock(wish)).toMatchObject({ ok: false, error: { code: 'UNAVAILABLE' } });
  expect(await locks.availability(1)).toMatchObject({ ok: false, error: { code: 'UNAVAILABLE' } });
  expect(failures).toHaveLength(1);
  expect(failures[0]?.message).toMatch(message);
  await locks.stop();
  return grantedIds;
}

async function expectAllThere(ledger: LockLedger, lockIds: readonly string[]): Promise<void> {
  const locks = serviceOn(ledger);
  await locks.start();
  for (const lockId of lockIds) {
    expect(await locks.lockById(lockId)).toMatchObject({ status: 'ACTIVE' });
  }
  expect((await locks.stats()).activeLocks).toBeGreaterThanOrEqual(lockIds.length);
  await locks.stop();
}

test('a full database stops the service, and nothing told is missing after the repair', async () => {
  const folder = tempFolder();
  const locks = serviceOn(inlineLedger({ store: new SqliteStore({ folder, pagesMax: 60 }) }));
  await locks.start();
  const granted = await expectFailStop(locks, /database or disk is full/);
  await expectAllThere(inlineLedger({ store: new SqliteStore({ folder }) }), granted);
});

test('a full disk stops the service, and nothing told is missing after the repair', async () => {
  const disk = tempFolder();
  if (!mounted(disk)) return expectNoMounting();
  const folder = join(disk, 'data');
  mkdirSync(folder);
  // What fills the disk beside us.
  writeFileSync(join(disk, 'ballast'), Buffer.alloc(1_500_000));
  const locks = serviceOn(new SqliteLockLedger({ folder }));
  await locks.start();
  const granted = await expectFailStop(locks, /disk|full|space|I\/O/i);
  rmSync(join(disk, 'ballast'));
  await expectAllThere(new SqliteLockLedger({ folder }), granted);
});

/** A file system of 3 MB in the folder, where we may make one. */
function mounted(folder: string): boolean {
  const mount = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', folder]);
  if (mount.status !== 0) return false;
  onTestFinished(() => void execFileSync('umount', ['-l', folder]));
  return true;
}

/**
 * Without the right to mount, the test before this one has shown the same by a bound on the
 * database.
 */
function expectNoMounting(): void {
  expect(process.getuid?.() === 0 && process.platform === 'linux').toBe(false);
}
