// What the npm scripts do: one function for each verb, which returns the exit code.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCampaign } from './campaign.mjs';
import { ALL_CHECKS, QUICK_CHECKS, runChecks } from './checks.mjs';
import {
  capture,
  ExpectedError,
  orStop,
  root,
  run,
  start,
  throwIfStopped,
} from './child-process.mjs';
import { checkModel } from './model.mjs';
import { openServices, servicesNeededBy, TEST_SERVICES } from './services.mjs';
import { printSummary } from './summary.mjs';
import { build, install, tool, toolEnvironment } from './toolchain.mjs';

const SERVICE = '@ticket-locks/realtime-service';
const SOCKET_ADAPTER = '@ticket-locks/socket-adapter';
const DEMO_WEB = '@ticket-locks/demo-web';
const BENCHMARKS = '@ticket-locks/benchmarks';
const SQL_LEDGER = '@ticket-locks/sql-ledger';
const MATRIX = ['22', '24'];

const commands = {
  start: startService,
  dev,
  build: buildAll,
  test,
  'test:matrix': testMatrix,
  check,
  format,
  bench,
  coverage,
  simulate,
  ledger,
  campaign: runCampaign,
  crowd,
  asyncapi,
  screenshots,
  model: checkModel,
  changeset: (args) => installed(() => tool('changeset', args)),
  pnpm: async (args) => run('pnpm', args, { env: await toolEnvironment() }),
};

export async function runCommand(name, args) {
  if (!Object.hasOwn(commands, name ?? '')) {
    throw new ExpectedError(`Usage: npm run <${Object.keys(commands).join(' | ')}>`);
  }
  process.chdir(root);
  return commands[name](args);
}

async function startService(args) {
  await install();
  if (!(await build([SERVICE, DEMO_WEB]))) throw new ExpectedError('The build failed.');
  return run(process.execPath, ['apps/realtime-service/dist/main.js', ...args], {
    env: serviceEnvironment(),
  });
}

/** Everything the user has set reaches the service. Outside production, `npm start` is a demo. */
function serviceEnvironment() {
  const isDemo = process.env.NODE_ENV !== 'production';
  return isDemo ? { DEMO: 'on', ...process.env } : process.env;
}

/** The service as built, and the demo page from vite, which reloads it when its source changes. */
async function dev() {
  await install();
  if (!(await build([SERVICE, DEMO_WEB]))) throw new ExpectedError('The build failed.');
  const service = start(process.execPath, ['apps/realtime-service/dist/main.js'], {
    env: serviceEnvironment(),
  });
  const page = start(join(root, 'apps/demo-web/node_modules/.bin/vite'), [], {
    cwd: join(root, 'apps/demo-web'),
    env: await toolEnvironment(),
  });
  const first = await Promise.race([service.ended, page.ended]);
  // `killed` says that a signal was sent: a second one would ask for an end at once.
  for (const { child } of [service, page]) if (!child.killed) child.kill();
  await Promise.all([service.ended, page.ended]);
  return first.exitCode;
}

async function buildAll() {
  await install();
  if (!(await build())) return 1;
  console.log('Built: packages/*/dist and apps/*/dist.');
  return 0;
}

/** Static checks and tests. Whatever happens, the last line is the summary. */
async function test(args) {
  const folder = mkdtempSync(join(tmpdir(), 'ticket-locks-report-'));
  const report = join(folder, 'vitest.json');
  try {
    const { failures, exitCode } = await runChecksAndTests(report, args).catch((error) => {
      if (error.isStop) throw error;
      console.error(error.isExpected ? error.message : error);
      return { failures: 1, exitCode: 0 };
    });
    return printSummary(report, failures, exitCode);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Returns what failed outside of the tests (those are in the report), and vitest's exit code. */
async function runChecksAndTests(report, args) {
  await install();
  const services = openServices(await servicesFor(args));
  try {
    const isBuilt = await build();
    const failures = (isBuilt ? 0 : 1) + (await runChecks(QUICK_CHECKS));
    const env = await orStop(services.environment());
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
    const exitCode = await tool('vitest', ['run', ...reporters, ...args], run, { env });
    throwIfStopped();
    return { failures, exitCode };
  } finally {
    await services.stop();
  }
}

/** Everything for a full run. For a part of it, what the selected files need. */
async function servicesFor(args) {
  if (args.length === 0) return TEST_SERVICES;
  const { exitCode, output } = await tool('vitest', ['list', '--filesOnly', ...args], capture);
  return exitCode === 0 ? servicesNeededBy(output.split('\n')) : TEST_SERVICES;
}

/** The same tests on other versions of Node, which npm brings. Static checks are not repeated. */
async function testMatrix(args) {
  await install();
  if (!(await build())) throw new ExpectedError('The build failed.');
  const services = openServices(await servicesFor(args));
  const failed = [];
  try {
    const env = { ...(await toolEnvironment()), ...(await orStop(services.environment())) };
    for (const version of MATRIX) {
      // A package of Node itself, without install scripts; its `node` comes first on the PATH.
      const node = `node-${process.platform}-${process.arch}@${version}`;
      const vitest = ['node', 'node_modules/vitest/vitest.mjs', 'run', ...args];
      console.log(`\nNode ${version}`);
      const exitCode = await run('npm', ['exec', '--yes', `--package=${node}`, '--', ...vitest], {
        env: { ...env, NODE_MATRIX: version },
      });
      if (exitCode !== 0) failed.push(version);
    }
  } finally {
    await services.stop();
  }
  console.log(failed.length > 0 ? `Failed on Node ${failed.join(', ')}` : 'Green on all of them.');
  return failed.length > 0 ? 1 : 0;
}

async function check() {
  await install();
  const isBuilt = await build();
  const failures = await runChecks(ALL_CHECKS);
  return isBuilt && failures === 0 ? 0 : 1;
}

async function format() {
  return installed(() => tool('oxfmt', ['.']));
}

async function bench(args) {
  await install();
  if (!(await build([BENCHMARKS]))) throw new ExpectedError('The build failed.');
  return tool('tsx', ['src/main.ts', ...args], run, { cwd: join(root, 'benchmarks') });
}

/** Which branches of the engine its tests take; anything under all of them fails. */
async function coverage() {
  const names = ['locking', 'deciding', 'stocking', 'lock-engine', 'rises'];
  const properties = ['error-precedence.property', 'no-oversell.property'];
  const files = [...names, ...properties].map(
    (name) => `packages/lock-engine/test/${name}.test.ts`,
  );
  const options = ['--coverage', '--coverage.include=packages/lock-engine/src/engine/**'];
  const threshold = '--coverage.thresholds.branches=100';
  return installed(() => tool('vitest', ['run', ...files, ...options, threshold]));
}

/** The long random run of the engine. */
async function simulate(args) {
  return installed(() => tool('tsx', ['packages/lock-engine/scripts/simulate.ts', ...args]));
}

/** Thousands of sockets, dropped at once. */
async function crowd(args) {
  await install();
  if (!(await build([SERVICE]))) throw new ExpectedError('The build failed.');
  return tool('tsx', ['apps/realtime-service/scripts/crowd.ts', ...args]);
}

/** Looks into a ledger; reads only. */
async function ledger(args) {
  await install();
  if (!(await build([SQL_LEDGER]))) throw new ExpectedError('The build failed.');
  return run(process.execPath, ['packages/sql-ledger/dist/tool/main.js', ...args]);
}

/** Writes docs/asyncapi.yaml anew, from the types of the protocol. */
async function asyncapi() {
  await install();
  if (!(await build([SOCKET_ADAPTER]))) throw new ExpectedError('The build failed.');
  return tool('tsx', ['packages/socket-adapter/scripts/asyncapi.ts']);
}

/** Pictures of the demo page, for eyes that judge them. */
async function screenshots() {
  await install();
  if (!(await build([SERVICE, DEMO_WEB]))) throw new ExpectedError('The build failed.');
  const services = openServices(['chromium']);
  try {
    const env = await orStop(services.environment());
    return await tool('tsx', ['apps/demo-web/scripts/screenshots.ts'], run, { env });
  } finally {
    await services.stop();
  }
}

async function installed(action) {
  await install();
  return action();
}
