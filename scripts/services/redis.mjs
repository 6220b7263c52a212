import { findProgram } from './find-program.mjs';
import { freePorts, serverFolder, startServer, waitUntilReady } from './server.mjs';

const url = (address) => `redis://${address}`;
const isReady = { say: Buffer.from('PING\r\n'), hear: '+'.charCodeAt(0) };

export const redis = {
  variable: 'TEST_REDIS_URL',
  // The contract of the store on Redis runs on a real one.
  neededBy: /\.(?:int|e2e)\.test\.tsx?$|redis-store\/test\/.*\.contract\.test\.ts$/,
  debianPackage: 'redis-server',
  compose: { port: 6379, url, isReady },
  find: () => findProgram('redis-server'),
  start,
};

async function start(program) {
  const folder = serverFolder();
  const [port] = await freePorts(1);
  const place = ['--port', port, '--bind', '127.0.0.1', '--dir', folder];
  const durability = ['--save', '', '--appendonly', 'yes', '--appendfsync', 'always'];
  const args = [...place, ...durability, '--loglevel', 'warning'];
  const server = startServer('redis', program, args, { folder });
  await waitUntilReady('redis', `127.0.0.1:${port}`, isReady, server);
  return url(`127.0.0.1:${port}`);
}
