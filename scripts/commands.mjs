// What the npm scripts do: one function for each verb, which returns the exit code.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ALL_CHECKS, QUICK_CHECKS, runChecks } from './checks.mjs';
import { ExpectedError, root, run, start } from './child-process.mjs';
import { servicesNeededBy, TEST_SERVICES } from './services.mjs';
import { printSummary } from './summary.mjs';
import { build, install, tool, toolEnvironment } from './toolchain.mjs';

const SERVICE = '@ticket-locks/realtime-service';
const DEMO_WEB = '@ticket-locks/demo-web';
const BENCHMARKS = '@ticket-locks/benchmarks';
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
  simulate,
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

/** Everything the user has set reaches the service. `npm start` is a demo unless it is production. */
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
  service.child.kill();
  page.child.kill();
  await Promise.all([service.ended, page.ended]);
  return first.exitCode;
}

async function buildAll() {
  await install();
  return (await build()) ? 0 : 1;
}

async function test(args) {
  return withReport(async (report) => {
    await install();
    const services = startServices(await servicesFor(args));
    try {
      const isBuilt = await build();
      const failures = (isBuilt ? 0 : 1) + (await runChecks(QUICK_CHECKS));
      const env = await services.environment();
      const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
      const exitCode = await tool('vitest', ['run', ...reporters, ...args], run, { env });
      return { failures, exitCode };
    } finally {
      await services.stop();
    }
  });
}

/** The same tests on other versions of Node, which npm brings. Static checks are not repeated. */
async function testMatrix(args) {
  await install();
  if (!(await build())) throw new ExpectedError('The build failed.');
  const services = startServices(await servicesFor(args));
  const failed = [];
  try {
    const env = { ...(await toolEnvironment()), ...(await services.environment()) };
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

/** The long random run of the engine. */
async function simulate(args) {
  return installed(() => tool('tsx', ['packages/lock-engine/scripts/simulate.ts', ...args]));
}

async function installed(action) {
  await install();
  return action();
}
