// Errors of the disk, put into the system calls of a real service by strace, where there is one.
import { spawnSync } from 'node:child_process';

import { SqliteLockLedger } from '@ticket-locks/sql-ledger/sqlite';
import { expect, test } from 'vitest';

import { Audit, busyRun } from './kill-rounds.js';
import { tempFolder } from './temp-folder.js';

const hasStrace = spawnSync('strace', ['-qq', 'true']).status === 0;

/** A run whose n-th flush of the disk, and every one after it, fails. */
function failingFlushes(folder: string, round: number, flush: number) {
  const inject = `inject=fsync,fdatasync:error=EIO:when=${flush}+`;
  const command = ['strace', '-f', '-qq', '-o', '/dev/null', '-e', 'trace=fsync,fdatasync'];
  return busyRun(folder, round, { command: [...command, '-e', inject] });
}

test.runIf(hasStrace).each([40, 61])(
  'when flush %i of the disk fails, the service stops, says so, and has lost nothing that was told',
  async (flush) => {
    const folder = tempFolder();
    const audit = new Audit(() => new SqliteLockLedger({ folder }));
    const run = await failingFlushes(folder, 1, flush);
    expect(run.failure).toMatch(new RegExp(`${folder}: .*disk I/O error`));
    expect(run.exitCode).toBe(1);
    const codes = new Set(run.asked.map(({ answer }) => answer?.error?.code ?? 'told'));
    expect(codes).toContain('OUTCOME_UNKNOWN');
    // The disk is well again: whatever the failed flush left, each command is there whole or not at
    // all.
    await audit.compare(run.asked, `flush ${flush}`);
    expect(audit.problems).toEqual([]);
    expect(audit.count.answers).toBeGreaterThan(10);
  },
  60_000,
);

test.runIf(hasStrace).each([30, 31, 32, 45])(
  'when the process ends within system call %i of the writer, nothing that was told is lost',
  async (call) => {
    const folder = tempFolder();
    const audit = new Audit(() => new SqliteLockLedger({ folder }));
    const writes = 'pwrite64,fsync,fdatasync';
    const inject = `inject=${writes}:signal=SIGKILL:when=${call + 60}`;
    const command = ['strace', '-f', '-qq', '-o', '/dev/null', '-e', `trace=${writes}`];
    const run = await busyRun(folder, 1, { command: [...command, '-e', inject] });
    expect(run.signal).toBe('SIGKILL');
    await audit.compare(run.asked, `call ${call}`);
    expect(audit.problems).toEqual([]);
  },
  60_000,
);
