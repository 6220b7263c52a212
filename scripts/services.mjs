// The servers that the tests need: private ones, on free ports, in a temp folder, gone afterwards.
//
// As a program (`node scripts/services.mjs rabbitmq chromium`) it starts them, prints one line of JSON
// with the environment variables for the tests, and stops everything when its standard input ends.
// `npm test` runs it as a child in a process group of its own: however the parent ends, Ctrl-C and
// kill -9 included, the input ends with it, and no server is left behind.
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  accessSync,
  chownSync,
  constants,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  openSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, delimiter, dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { withQueueLock } from './queue-lock.mjs';

const READY_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 15_000;

/**
 * Every service we can start. `variable` is what the tests read; if the user has set it, his server is
 * used and nothing is started. `neededBy` matches the test files that use it.
 */
const SERVICES = {
  rabbitmq: {
    variable: 'TEST_AMQP_URL',
    neededBy: /\.(?:int|e2e)\.test\.tsx?$/,
    debianPackage: 'rabbitmq-server',
    // The one on Debian's PATH changes to the user rabbitmq and to the system's folders.
    find: () => firstProgram('/usr/lib/rabbitmq/bin/rabbitmq-server', 'rabbitmq-server'),
    start: startRabbitmq,
    composePort: 5672,
    url: (address) => `amqp://guest:guest@${address}`,
    // The protocol header of AMQP 0-9-1; the broker answers with a method frame.
    greeting: Buffer.from('AMQP\x00\x00\x09\x01', 'latin1'),
    answer: 0x01,
  },
  chromium: {
    variable: 'CHROMIUM_PATH',
    neededBy: /\.e2e\.test\.tsx?$/,
    debianPackage: 'chromium',
    find: () =>
      firstProgram(
        'chromium',
        'chromium-browser',
        'google-chrome',
        '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
      ),
    // Nothing runs between tests; they only need to know where it is.
    start: (program) => program,
  },
  redis: {
    variable: 'TEST_REDIS_URL',
    neededBy: /\.(?:int|e2e)\.test\.tsx?$/,
    debianPackage: 'redis-server',
    find: () => firstProgram('redis-server'),
    start: startRedis,
    composePort: 6379,
    url: (address) => `redis://${address}`,
    greeting: Buffer.from('PING\r\n'),
    answer: '+'.charCodeAt(0),
  },
  postgres: {
    variable: 'TEST_DATABASE_URL',
    neededBy: /\.(?:int|e2e)\.test\.tsx?$/,
    debianPackage: 'postgresql',
    find: () => firstProgram(...debianPostgres(), 'postgres'),
    start: startPostgres,
    composePort: 5432,
    url: (address) => `postgres://postgres@${address}/postgres`,
    greeting: postgresStartup(),
    // Only a server that takes connections answers with an authentication request.
    answer: 'R'.charCodeAt(0),
  },
};

/** What `npm test` starts today. Add a name here when the first test needs it. */
export const TEST_SERVICES = ['rabbitmq', 'chromium'];

/** The services that at least one of these test files needs. */
export function servicesNeededBy(testFiles) {
  return TEST_SERVICES.filter((name) => testFiles.some((file) => SERVICES[name].neededBy.test(file)));
}

// ---------------------------------------------------------------------------------------------------

/** What stops each started thing, newest last. */
const stops = [];
const directory = () => {
  const path = mkdtempSync(join(tmpdir(), 'ticket-locks-'));
  stops.push(() => rmSync(path, { recursive: true, force: true, maxRetries: 5 }));
  return path;
};

async function startServices(names) {
  const wanted = names.filter((name) => !process.env[SERVICES[name].variable]);
  const programs = await findPrograms(wanted);
  const started = await Promise.all(
    wanted.map(async (name) => {
      const { variable, start } = SERVICES[name];
      const program = programs.get(name);
      return [variable, program ? await start(program) : await startWithCompose(name)];
    }),
  );
  return Object.fromEntries(started);
}

async function stopServices() {
  for (const stop of stops.splice(0).reverse()) {
    try {
      await stop();
    } catch (error) {
      note(`while stopping: ${error.message}`);
    }
  }
}

/** Finds every program, installs what is missing, and says what to do where that is not possible. */
async function findPrograms(names) {
  const missing = names.filter((name) => !SERVICES[name].find());
  if (missing.length > 0 && canUseApt()) await installWithApt(missing);
  const absent = missing.filter((name) => !SERVICES[name].find());
  const hopeless = absent.filter((name) => !SERVICES[name].composePort || !canUseCompose());
  if (hopeless.length > 0) {
    const lines = hopeless.map((name) => {
      const { variable, debianPackage } = SERVICES[name];
      return `  ${name}: install it (Debian, Ubuntu: apt-get install ${debianPackage}), or set ${variable}`;
    });
    throw new Error(`The tests need what this machine does not have:\n${lines.join('\n')}`);
  }
  return new Map(names.map((name) => [name, SERVICES[name].find()]));
}

function firstProgram(...candidates) {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return candidates
    .flatMap((name) => (name.includes('/') ? [name] : folders.map((folder) => join(folder, name))))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

// --- Debian and Ubuntu -----------------------------------------------------------------------------

function canUseApt() {
  return process.getuid?.() === 0 && firstProgram('apt-get') !== undefined;
}

async function installWithApt(names) {
  const packages = names.map((name) => SERVICES[name].debianPackage);
  const install = ['install', '-y', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=300'];
  // Another checkout on this machine may be doing the same; apt waits for the one lock, not the other.
  await withQueueLock(join(tmpdir(), 'ticket-locks-apt'), async () => {
    if (names.every((name) => SERVICES[name].find())) return;
    note(`installing ${packages.join(', ')} with apt-get (once per machine) ...`);
    await aptGet(['update']);
    await aptGet([...install, ...packages]);
  });
}

async function aptGet(args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  // Detached: a Ctrl-C must not stop it half-way through a package.
  const child = spawn('apt-get', args, { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (output += chunk));
  const exitCode = await new Promise((resolve) => child.once('close', resolve));
  if (exitCode !== 0) throw new Error(`apt-get ${args.join(' ')} failed:\n${output.trimEnd()}`);
}

// --- Docker Compose --------------------------------------------------------------------------------

function canUseCompose() {
  const answers = (...args) => spawnSync('docker', args, { timeout: 10_000 }).status === 0;
  return answers('info') && answers('compose', 'version');
}

async function startWithCompose(name) {
  const { composePort, url } = SERVICES[name];
  const file = fileURLToPath(new URL('compose.yaml', import.meta.url));
  const compose = (...args) => {
    const project = `ticket-locks-${name}-${process.pid}`;
    const result = spawnSync('docker', ['compose', '-p', project, '-f', file, ...args]);
    if (result.status !== 0) throw new Error(`docker compose ${args[0]} failed: ${result.stderr}`);
    return String(result.stdout).trim();
  };
  note(`starting ${name} with Docker Compose ...`);
  stops.push(() => compose('down', '--volumes', '--timeout', '5'));
  compose('up', '--detach', name);
  const address = compose('port', name, String(composePort));
  await waitUntilReady(name, address, () => undefined);
  return url(address);
}

// --- The servers -----------------------------------------------------------------------------------

async function startRabbitmq(program) {
  const dir = directory();
  const [port, distributionPort, epmdPort] = await freePorts(3);
  const config = [
    `listeners.tcp.1 = 127.0.0.1:${port}`,
    'log.console = false',
    'log.file.level = warning',
    'disk_free_limit.absolute = 50MB',
    'vm_memory_high_watermark.absolute = 512MB',
    'heartbeat = 10',
  ];
  writeFileSync(join(dir, 'rabbitmq.conf'), `${config.join('\n')}\n`);
  writeFileSync(join(dir, 'enabled_plugins'), '[].\n');
  writeFileSync(join(dir, '.erlang.cookie'), randomBytes(12).toString('hex'), { mode: 0o400 });
  const env = {
    ...process.env,
    HOME: dir,
    ERL_EPMD_ADDRESS: '127.0.0.1',
    ERL_EPMD_PORT: epmdPort,
    RABBITMQ_NODENAME: `ticket-locks-${port}@localhost`,
    RABBITMQ_DIST_PORT: distributionPort,
    RABBITMQ_CONFIG_FILE: join(dir, 'rabbitmq.conf'),
    RABBITMQ_CONF_ENV_FILE: join(dir, 'none.conf'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(dir, 'enabled_plugins'),
    RABBITMQ_MNESIA_BASE: join(dir, 'mnesia'),
    RABBITMQ_QUORUM_DIR: join(dir, 'quorum'),
    RABBITMQ_LOG_BASE: join(dir, 'log'),
    RABBITMQ_PID_FILE: join(dir, 'pid'),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS:
      '+S 1:1 +sbwt none -kernel inet_dist_use_interface {127,0,0,1}',
  };
  // Erlang's name service. RabbitMQ would start one by itself, as a daemon that outlives it; with ours
  // already on the port it does not.
  startServer('epmd', firstProgram('epmd', '/usr/lib/erlang/bin/epmd'), [], { dir, env });
  const server = startServer('rabbitmq', program, [], { dir, env });
  return readyUrl('rabbitmq', port, server);
}

async function startRedis(program) {
  const dir = directory();
  const [port] = await freePorts(1);
  const options = ['--port', port, '--bind', '127.0.0.1', '--dir', dir, '--save', ''];
  const durable = ['--appendonly', 'yes', '--appendfsync', 'always', '--loglevel', 'warning'];
  const server = startServer('redis', program, [...options, ...durable], { dir });
  return readyUrl('redis', port, server);
}

async function startPostgres(program) {
  const dir = directory();
  const [port] = await freePorts(1);
  // PostgreSQL refuses to run as root; Debian's package brings the user.
  const user = process.getuid() === 0 ? userIds('postgres') : {};
  if (user.uid !== undefined) chownSync(dir, user.uid, user.gid);
  const data = join(dir, 'data');
  const initdb = ['-D', data, '-U', 'postgres', '--auth=trust', '-E', 'UTF8', '--no-locale', '-N'];
  const made = spawnSync(join(dirname(program), 'initdb'), initdb, { ...user, cwd: dir });
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}`);
  const options = ['-c', 'listen_addresses=127.0.0.1', '-c', `unix_socket_directories=${dir}`];
  const server = startServer('postgres', program, ['-D', data, '-p', port, ...options], {
    dir,
    user,
    // SIGTERM would wait until every client has gone.
    stopSignal: 'SIGINT',
  });
  return readyUrl('postgres', port, server);
}

function debianPostgres() {
  const base = '/usr/lib/postgresql';
  try {
    const versions = readdirSync(base).sort((a, b) => Number(b) - Number(a));
    return versions.map((version) => join(base, version, 'bin/postgres'));
  } catch {
    return [];
  }
}

/** The first message of a client, protocol 3.0, as the user postgres. */
function postgresStartup() {
  const body = Buffer.from('\x00\x03\x00\x00user\x00postgres\x00\x00', 'latin1');
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length + 4);
  return Buffer.concat([length, body]);
}

function userIds(name) {
  const id = (flag) => Number(String(spawnSync('id', [flag, name]).stdout));
  return { uid: id('-u'), gid: id('-g') };
}

// --- What they have in common ----------------------------------------------------------------------

/** Starts a server in a process group of its own, which its stop ends, and nothing else. */
function startServer(name, program, args, { dir, env, user = {}, stopSignal = 'SIGTERM' }) {
  mkdirSync(join(dir, 'log'), { recursive: true });
  const logFile = join(dir, 'log', `${basename(name)}.out`);
  const log = openSync(logFile, 'a');
  const stdio = ['ignore', log, log];
  const child = spawn(program, args.map(String), { cwd: dir, env, detached: true, stdio, ...user });
  const ended = new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(`it ended with ${signal ?? code}`));
  });
  let failure;
  void ended.then((reason) => (failure = reason));
  stops.push(async () => {
    if (failure !== undefined) return;
    process.kill(-child.pid, stopSignal);
    const late = pause(STOP_TIMEOUT_MS, true, { ref: false });
    if ((await Promise.race([ended, late])) === true) process.kill(-child.pid, 'SIGKILL');
    await ended;
  });
  return () => failure && `${failure}\n${readFileSync(logFile, 'utf8').slice(-2000)}`;
}

async function readyUrl(name, port, failureOf) {
  const address = `127.0.0.1:${port}`;
  await waitUntilReady(name, address, failureOf);
  return SERVICES[name].url(address);
}

async function waitUntilReady(name, address, failureOf) {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  while (!(await answers(address, SERVICES[name]))) {
    if (failureOf()) throw new Error(`${name} did not start: ${failureOf()}`);
    if (Date.now() > deadline) throw new Error(`${name} was not ready after ${READY_TIMEOUT_MS} ms`);
    await pause(50);
  }
}

/** Whether the server takes a connection and answers it, which an open port alone does not prove. */
function answers(address, { greeting, answer }) {
  const [host, port] = address.split(':');
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port) }, () => socket.write(greeting));
    const end = (result) => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(2_000, () => end(false));
    socket.once('data', (data) => end(data[0] === answer));
    socket.once('error', () => end(false));
    socket.once('close', () => end(false));
  });
}

/** Ports that were free a moment ago. All are held until the last is known, so that they differ. */
async function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => new Promise((done) => server.once('listening', done))));
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports;
}

function note(message) {
  console.error(`services: ${message}`);
}

// --- As a program ----------------------------------------------------------------------------------

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const stop = async (exitCode) => {
    await stopServices();
    process.exit(exitCode);
  };
  // Asked to stop while something is still starting: let that finish first, then stop it as well.
  const starting = startServices(process.argv.slice(2)).then(
    (environment) => console.log(JSON.stringify(environment)),
    (error) => {
      note(error.message);
      return stop(1);
    },
  );
  const end = () => void starting.then(() => stop(0));
  process.stdin.on('end', end).resume();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, end);
  // The parent may be gone, and its pipe with it.
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});
}
