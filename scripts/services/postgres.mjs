import { spawnSync } from 'node:child_process';
import { chownSync, existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { findProgram } from './find-program.mjs';
import { freePorts, serverFolder, startServer, waitUntilReady } from './server.mjs';

const DEBIAN_FOLDER = '/usr/lib/postgresql';

const url = (address) => `postgres://postgres@${address}/postgres`;
/** A server that is still starting answers with an error; only a ready one asks who we are. */
const isReady = { say: startupMessage(), hear: 'R'.charCodeAt(0) };

export const postgres = {
  variable: 'TEST_DATABASE_URL',
  neededBy: /\.(?:int|e2e)\.test\.tsx?$/,
  debianPackage: 'postgresql',
  compose: { port: 5432, url, isReady },
  // Debian keeps the programs of each version in a folder of their own, off the PATH.
  find: () => findProgram(...debianPrograms(), 'postgres'),
  start,
};

async function start(program) {
  const folder = serverFolder();
  const [port] = await freePorts(1);
  // PostgreSQL refuses to run as root; the user postgres comes with Debian's package.
  const user = process.getuid() === 0 ? { uid: idOf('-u'), gid: idOf('-g') } : {};
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid);

  const data = ['-D', join(folder, 'data')];
  const account = ['-U', 'postgres', '--auth=trust'];
  const initdb = [...data, ...account, '-E', 'UTF8', '--no-locale', '-N'];
  const made = spawnSync(join(dirname(program), 'initdb'), initdb, { cwd: folder, ...user });
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}`);

  const listen = ['-p', port, '-c', 'listen_addresses=127.0.0.1'];
  const args = [...data, ...listen, '-c', `unix_socket_directories=${folder}`];
  // SIGTERM would wait until every client has gone.
  const server = startServer('postgres', program, args, { folder, user, stopSignal: 'SIGINT' });
  await waitUntilReady('postgres', `127.0.0.1:${port}`, isReady, server);
  return url(`127.0.0.1:${port}`);
}

function debianPrograms() {
  if (!existsSync(DEBIAN_FOLDER)) return [];
  const versions = readdirSync(DEBIAN_FOLDER).sort((a, b) => Number(b) - Number(a));
  return versions.map((version) => join(DEBIAN_FOLDER, version, 'bin', 'postgres'));
}

function idOf(flag) {
  return Number(String(spawnSync('id', [flag, 'postgres']).stdout));
}

/** The first message of a client: its length, protocol 3.0, the user. */
function startupMessage() {
  const body = Buffer.from('\x00\x03\x00\x00user\x00postgres\x00\x00', 'latin1');
  const length = Buffer.alloc(4);
  length.writeInt32BE(length.length + body.length);
  return Buffer.concat([length, body]);
}
