// A server in the foreground: its folder, its ports, when it is ready, and how it ends.
import { spawn } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const READY_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 15_000;
const LOG_TAIL_CHARACTERS = 2_000;

/** How to undo what was done, newest last. */
const undo = [];

export function onStop(action) {
  undo.push(action);
}

/** Stops the servers, newest first, and then removes what they left. */
export async function stopAll() {
  for (const action of undo.splice(0).reverse()) {
    try {
      await action();
    } catch (error) {
      console.error(`services: while stopping: ${error.message}`);
    }
  }
}

export function serverFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'ticket-locks-'));
  onStop(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/**
 * Starts a server in a process group of its own; stopping it ends that group and nothing else.
 * Returns a function that says why it ended, if it has.
 */
export function startServer(name, program, args, { folder, env, user, stopSignal = 'SIGTERM' }) {
  const logFile = join(folder, `${name}.out`);
  const log = openSync(logFile, 'a');
  const stdio = ['ignore', log, log];
  const options = { cwd: folder, env, detached: true, stdio, ...user };
  const child = spawn(program, args.map(String), options);
  let end;
  const ended = new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (exitCode, signal) => resolve(`it ended with ${signal ?? exitCode}`));
  }).then((reason) => (end = reason));
  onStop(async () => {
    if (end !== undefined) return;
    process.kill(-child.pid, stopSignal);
    const forced = setTimeout(() => process.kill(-child.pid, 'SIGKILL'), STOP_TIMEOUT_MS);
    await ended;
    clearTimeout(forced);
  });
  return () => end && `${end}\n${readFileSync(logFile, 'utf8').slice(-LOG_TAIL_CHARACTERS)}`;
}

/** Waits until the server answers `isReady.say` with the byte `isReady.hear`. */
export async function waitUntilReady(name, address, isReady, endOf) {
  const deadlineMs = Date.now() + READY_TIMEOUT_MS;
  while (!(await answers(address, isReady))) {
    if (endOf()) throw new Error(`${name} did not start: ${endOf()}`);
    if (Date.now() > deadlineMs) throw new Error(`${name} not ready after ${READY_TIMEOUT_MS} ms`);
    await pause(50);
  }
}

/** An open port alone does not prove that somebody is there. */
function answers(address, { say, hear }) {
  const [host, port] = address.split(':');
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port) }, () => socket.write(say));
    const end = (result) => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(2_000, () => end(false));
    socket.once('data', (data) => end(data[0] === hear));
    socket.once('error', () => end(false));
    socket.once('close', () => end(false));
  });
}

/** Ports that are free now. All are held until the last is known, so that they differ. */
export async function freePorts(count) {
  const holders = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(holders.map((server) => new Promise((done) => server.once('listening', done))));
  const ports = holders.map((server) => server.address().port);
  await Promise.all(holders.map((server) => new Promise((done) => server.close(done))));
  return ports;
}
