import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A folder of its own, gone when the test is over. */
export function tempFolder(): string {
  const folder = keptFolder();
  onTestFinished(() => removeFolder(folder));
  return folder;
}

/** A folder that whoever made it removes. */
export function keptFolder(): string {
  return mkdtempSync(join(tmpdir(), 'ticket-locks-ledger-'));
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}
