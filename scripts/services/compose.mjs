import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { onStop, waitUntilReady } from './server.mjs';

const FILE = fileURLToPath(new URL('compose.yaml', import.meta.url));

/** Whether a Docker engine answers, and knows `docker compose`. */
export function canUseCompose() {
  const answers = (...args) => spawnSync('docker', args, { timeout: 10_000 }).status === 0;
  return answers('info') && answers('compose', 'version');
}

/** Starts one service of compose.yaml as a project of its own, and returns its URL. */
export async function startWithCompose(name, { port, url, isReady }) {
  const compose = (...args) => {
    const project = `ticket-locks-${name}-${process.pid}`;
    const result = spawnSync('docker', ['compose', '-p', project, '-f', FILE, ...args]);
    if (result.status !== 0) throw new Error(`docker compose ${args[0]} failed: ${result.stderr}`);
    return String(result.stdout).trim();
  };
  console.error(`services: starting ${name} with Docker Compose ...`);
  onStop(() => compose('down', '--volumes', '--timeout', '5'));
  compose('up', '--detach', name);
  const address = compose('port', name, String(port));
  await waitUntilReady(name, address, isReady, () => undefined);
  return url(address);
}
