import { spawn } from 'node:child_process';
import { withQueueLock } from '../queue-lock.mjs';
import { findProgram } from './find-program.mjs';

/** Whether we may install packages here: Debian or Ubuntu, as root. */
export function canUseApt() {
  return process.getuid?.() === 0 && findProgram('apt-get') !== undefined;
}

/** Installs the packages that `missing` names, which is asked again when it is our turn. */
export async function aptInstall(missing) {
  // Another checkout on this machine may be at it too. apt-get waits for dpkg's lock, but not for
  // the lock of its package lists.
  await withQueueLock('/run/ticket-locks-apt', async () => {
    const packages = missing();
    if (packages.length === 0) return;
    console.error(`services: installing ${packages.join(', ')} (once for this machine) ...`);
    await aptGet('update');
    const options = ['-y', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=300'];
    await aptGet('install', ...options, ...packages);
  });
}

async function aptGet(...args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const child = spawn('apt-get', args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (output += chunk));
  const exitCode = await new Promise((resolve) => child.once('close', resolve));
  if (exitCode !== 0) throw new Error(`apt-get ${args.join(' ')} failed:\n${output.trimEnd()}`);
}
