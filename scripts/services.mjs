// What the tests need beside Node: private servers on free ports, in temp folders, gone afterwards.
//
// As a program (`node scripts/services.mjs rabbitmq redis`) it starts them, prints one line of JSON
// with the environment variables for the tests, and stops them when its standard input ends.
// `npm test` runs it like that, in a process group of its own: however the parent ends, Ctrl-C and
// kill -9 included, the input ends with it, and no server is left behind.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { ExpectedError } from './child-process.mjs';
import { aptInstall, canUseApt } from './services/apt.mjs';
import { chromium } from './services/chromium.mjs';
import { canUseCompose, startWithCompose } from './services/compose.mjs';
import { haproxy } from './services/haproxy.mjs';
import { postgres } from './services/postgres.mjs';
import { rabbitmq } from './services/rabbitmq.mjs';
import { redis } from './services/redis.mjs';
import { stopAll } from './services/server.mjs';

/**
 * What we can start. `variable` is what the tests read; where the user has set it, his server is
 * used. `neededBy` matches the test files that use it.
 */
const SERVICES = { rabbitmq, chromium, redis, postgres, haproxy };

/** What `npm test` starts. Add a name here with the first test that needs it. */
export const TEST_SERVICES = ['rabbitmq', 'chromium', 'postgres', 'redis', 'haproxy'];

export function servicesNeededBy(testFiles) {
  return TEST_SERVICES.filter((name) =>
    testFiles.some((file) => SERVICES[name].neededBy.test(file)),
  );
}

/** Starts the services in a process of their own; `environment()` waits for them. */
export function openServices(names) {
  if (names.length === 0) return { environment: async () => ({}), stop: async () => {} };
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), ...names], {
    detached: true,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  let output = '';
  const environment = new Promise((resolve, reject) => {
    child.stdout.on('data', (chunk) => {
      output += chunk;
      if (output.includes('\n')) resolve(JSON.parse(output));
    });
    // It has said why on its standard error, which is ours.
    void closed.then(() => reject(new ExpectedError('What the tests need could not be started.')));
  });
  environment.catch(() => {});
  return {
    environment: () => environment,
    stop: async () => {
      child.stdin.end();
      await closed;
    },
  };
}

async function startServices(names) {
  const wanted = names.filter((name) => !process.env[SERVICES[name].variable]);
  const missing = () => wanted.filter((name) => !SERVICES[name].find());
  if (missing().length > 0 && canUseApt()) {
    await aptInstall(() => missing().map((name) => SERVICES[name].debianPackage));
  }
  const hasCompose = missing().length > 0 && canUseCompose();
  const hopeless = missing().filter((name) => !hasCompose || !SERVICES[name].compose);
  if (hopeless.length > 0)
    throw new Error(`not on this machine:\n${hopeless.map(advice).join('\n')}`);

  const started = wanted.map(async (name) => {
    const { find, start, compose, variable } = SERVICES[name];
    const program = find();
    return [variable, program ? await start(program) : await startWithCompose(name, compose)];
  });
  // All of them, so that nothing is still starting when a failure makes us stop.
  const results = await Promise.allSettled(started);
  const failure = results.find((result) => result.status === 'rejected');
  if (failure) throw failure.reason;
  return Object.fromEntries(results.map((result) => result.value));
}

function advice(name) {
  const { variable, debianPackage, compose } = SERVICES[name];
  const docker = compose ? ', start Docker' : '';
  return `  ${name}: install it (apt-get install ${debianPackage})${docker}, or set ${variable}.`;
}

function main(names) {
  let exitCode = 0;
  const started = startServices(names).then(
    (environment) => console.log(JSON.stringify(environment)),
    (error) => {
      console.error(`services: ${error.message}`);
      exitCode = 1;
      process.stdin.destroy();
      end();
    },
  );
  // Asked to end while something is starting: that finishes first (half a package helps nobody).
  const end = () => void started.then(stopAll).then(() => process.exit(exitCode));
  process.stdin.on('end', end).resume();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, end);
  // The parent may be gone, and our output with it.
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main(process.argv.slice(2));
