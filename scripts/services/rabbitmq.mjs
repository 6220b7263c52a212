import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram } from './find-program.mjs';
import { freePorts, serverFolder, startServer, waitUntilReady } from './server.mjs';

const url = (address) => `amqp://guest:guest@${address}`;
/** The protocol header of AMQP 0-9-1, which a broker that is ready answers with a method frame. */
const isReady = { say: Buffer.from('AMQP\x00\x00\x09\x01', 'latin1'), hear: 0x01 };
/** Asks Erlang's name service for its names; the answer begins with its port, in four bytes. */
const isEpmdReady = { say: Buffer.from([0, 1, 'n'.charCodeAt(0)]), hear: 0x00 };

export const rabbitmq = {
  variable: 'TEST_AMQP_URL',
  neededBy: /\.(?:int|e2e)\.test\.tsx?$/,
  debianPackage: 'rabbitmq-server',
  compose: { port: 5672, url, isReady },
  // The one on Debian's PATH changes to the user rabbitmq and to the folders of the system.
  find: () => findProgram('/usr/lib/rabbitmq/bin/rabbitmq-server', 'rabbitmq-server'),
  start,
};

async function start(program) {
  const folder = serverFolder();
  const [port, distributionPort, epmdPort] = await freePorts(3);
  const config = [
    `listeners.tcp.1 = 127.0.0.1:${port}`,
    'log.console = false',
    'log.file.level = warning',
    'disk_free_limit.absolute = 50MB',
    'vm_memory_high_watermark.absolute = 512MB',
    'heartbeat = 10',
  ];
  writeFileSync(join(folder, 'rabbitmq.conf'), `${config.join('\n')}\n`);
  writeFileSync(join(folder, 'enabled_plugins'), '[].\n');
  writeFileSync(join(folder, '.erlang.cookie'), randomBytes(12).toString('hex'), { mode: 0o400 });
  const env = {
    ...process.env,
    HOME: folder,
    ERL_EPMD_ADDRESS: '127.0.0.1',
    ERL_EPMD_PORT: epmdPort,
    RABBITMQ_NODENAME: `ticket-locks-${port}@localhost`,
    RABBITMQ_DIST_PORT: distributionPort,
    RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
    RABBITMQ_CONF_ENV_FILE: join(folder, 'none.conf'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
    RABBITMQ_MNESIA_BASE: join(folder, 'mnesia'),
    RABBITMQ_QUORUM_DIR: join(folder, 'quorum'),
    RABBITMQ_LOG_BASE: join(folder, 'log'),
    RABBITMQ_PID_FILE: join(folder, 'pid'),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS:
      '+S 1:1 +sbwt none -kernel inet_dist_use_interface {127,0,0,1}',
  };
  // Erlang's name service, which RabbitMQ would start by itself, as a daemon that outlives it. With
  // ours on the port it does not, and ours we can stop.
  const epmdProgram = findProgram('epmd', '/usr/lib/erlang/bin/epmd') ?? 'epmd';
  const epmd = startServer('epmd', epmdProgram, [], { folder, env });
  await waitUntilReady('epmd', `127.0.0.1:${epmdPort}`, isEpmdReady, epmd);

  const server = startServer('rabbitmq', program, [], { folder, env });
  await waitUntilReady('rabbitmq', `127.0.0.1:${port}`, isReady, server);
  return url(`127.0.0.1:${port}`);
}
