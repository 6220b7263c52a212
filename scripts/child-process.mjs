// Child processes: everything the scripts start goes through `run` or `capture`, so that a signal
// reaches all of it and nothing is left behind.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** A failure that the user can do something about: its message is shown without a stack. */
export class ExpectedError extends Error {
  isExpected = true;
  constructor(message, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

const children = new Set();
let stoppedBy;
let announceStop;
const stop = new Promise((resolve) => (announceStop = resolve));

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    stoppedBy ??= signal;
    announceStop();
    // Ctrl-C in a terminal reaches every process of the foreground group by itself. Passing it on
    // would deliver it twice, and many programs read the second one as "stop at once".
    if (signal === 'SIGINT' && process.stdin.isTTY) return;
    for (const child of children) child.kill(signal);
  });
}

/** Throws when a signal asked us to stop; `finally` blocks then clean up. */
export function throwIfStopped() {
  if (!stoppedBy) return;
  const error = new ExpectedError(`Stopped by ${stoppedBy}.`, exitCodeOf(null, stoppedBy));
  throw Object.assign(error, { isStop: true });
}

/** Waits for something that is not a child process, but no longer than until we are to stop. */
export async function orStop(promise) {
  const value = await Promise.race([promise, stop]);
  throwIfStopped();
  return value;
}

/** What a shell reports: the exit code, or 128 plus the number of the signal. */
function exitCodeOf(code, signal) {
  return code ?? 128 + constants.signals[signal];
}

/** Starts a program and resolves with its exit code and, unless it inherits ours, its output. */
export function start(command, args, { cwd = root, env = process.env, stdio = 'inherit' } = {}) {
  throwIfStopped();
  const child = spawn(command, args, { cwd, env, stdio });
  children.add(child);
  let output = '';
  child.stdout?.on('data', (chunk) => (output += chunk));
  child.stderr?.on('data', (chunk) => (output += chunk));
  const ended = new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ exitCode: exitCodeOf(code, signal), output }));
  }).finally(() => children.delete(child));
  return { child, ended };
}

/** Runs a program in our terminal until it ends, and returns its exit code. */
export async function run(command, args, options) {
  return (await start(command, args, options).ended).exitCode;
}

/** Runs a program silently until it ends, and returns its exit code and everything it printed. */
export async function capture(command, args, options) {
  const result = await start(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
    .ended;
  throwIfStopped();
  return result;
}
