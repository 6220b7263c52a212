import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { SqliteLockLedger } from '@ticket-locks/sql-ledger/sqlite';
import { expect, test, vi } from 'vitest';

import { tempFolder } from './temp-folder.js';

// Real files and threads, on a machine that may be busy.
vi.setConfig({ testTimeout: 60_000 });

const CHILD = fileURLToPath(new URL('./busy-child.ts', import.meta.url));

test('a second process is refused with a clear message, and let in when the first was killed', async () => {
  const folder = tempFolder();
  const child = spawn(process.execPath, ['--import', 'tsx', CHILD, folder, '1'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  await once(child.stdout, 'data');
  child.stdout.resume();

  const second = new SqliteLockLedger({ folder });
  await expect(second.load()).rejects.toMatchObject({
    code: 'LEDGER_IN_USE',
    message: expect.stringContaining(`${folder} is in use by another process`) as string,
  });
  await second.close();

  child.kill('SIGKILL');
  await exited;
  const third = new SqliteLockLedger({ folder });
  await third.load();
  await third.close();
}, 30_000);

test('two ledgers in one process are told apart as well', async () => {
  const folder = tempFolder();
  const first = new SqliteLockLedger({ folder });
  await first.load();
  const second = new SqliteLockLedger({ folder });
  await expect(second.load()).rejects.toMatchObject({ code: 'LEDGER_IN_USE' });
  await second.close();
  await first.close();
});
