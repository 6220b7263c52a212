// Brings the toolchain with nothing but Node and npm: pnpm in exactly the pinned version, then the
// locked dependencies, then what turbo has to build.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { capture, ExpectedError, root, run, throwIfStopped } from './child-process.mjs';
import { withQueueLock } from './queue-lock.mjs';

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const pnpmVersion = /^pnpm@([^+]+)/.exec(manifest.packageManager)[1];
/** Where npm put pnpm, remembered: npm needs a second or two to tell. */
const pathFile = join(root, '.turbo', 'pnpm-path');
/** Two commands in one checkout must not install or build at the same time. */
const lockDirectory = join(root, '.turbo', 'queue');

let environment;

/** The environment of our tools: the user's, less what would change how they work, plus pnpm. */
export function toolEnvironment() {
  return (environment ??= withPnpm(cleanEnvironment()));
}

function cleanEnvironment() {
  // npm hands its own settings to scripts, and pnpm would take them for its own. With
  // NODE_ENV=production pnpm would leave out the tools that build the service.
  const foreign =
    /^(?:npm_(?:config|package|lifecycle|execpath|node_execpath|command).*|NODE_ENV)$/i;
  const entries = Object.entries(process.env).filter(([name]) => !foreign.test(name));
  return {
    ...Object.fromEntries(entries),
    TURBO_TELEMETRY_DISABLED: '1',
    TURBO_NO_UPDATE_NOTIFIER: '1',
    DO_NOT_TRACK: '1',
  };
}

/** Puts the pinned pnpm first on the PATH, where turbo looks for it; npm brings it if need be. */
async function withPnpm(env) {
  if (await hasPnpm(env)) return env;
  if (existsSync(pathFile)) {
    const remembered = { ...env, PATH: `${readFileSync(pathFile, 'utf8')}${delimiter}${env.PATH}` };
    if (await hasPnpm(remembered)) return remembered;
  }
  // Exactly this version, so what npm has in its cache is right: asking the registry again would
  // take more than a minute without a network.
  const npmExec = ['exec', '--yes', '--prefer-offline', `--package=pnpm@${pnpmVersion}`, '--'];
  const { output } = await capture('npm', [...npmExec, 'node', '-p', '"PATH="+process.env.PATH'], {
    env,
  });
  const path = /^PATH=(.*)$/m.exec(output)?.[1];
  if (!path) throw new ExpectedError(`npm could not bring pnpm ${pnpmVersion}:\n${output}`);
  mkdirSync(dirname(pathFile), { recursive: true });
  writeFileSync(pathFile, path.split(delimiter)[0]);
  return { ...env, PATH: path };
}

async function hasPnpm(env) {
  const found = await capture('pnpm', ['--version'], { env }).catch(() => undefined);
  throwIfStopped();
  return found?.output.trim() === pnpmVersion;
}

/** Installs what pnpm-lock.yaml says. Takes a tenth of a second when everything is there. */
export async function install() {
  if (!existsSync(join(root, 'node_modules'))) {
    console.log('First run: installing the dependencies, which takes up to a minute ...');
  }
  const env = await toolEnvironment();
  await alone(async () => {
    const { exitCode, output } = await capture('pnpm', ['install', '--frozen-lockfile'], { env });
    if (exitCode !== 0) throw new ExpectedError(`pnpm install failed:\n${output}`, exitCode);
  });
}

/**
 * Builds the given packages and what they depend on (everything, if none is given), and returns
 * whether that worked. turbo skips what has not changed.
 */
export async function build(packages = []) {
  const filters = packages.map((name) => `--filter=${name}...`);
  const options = ['--output-logs=new-only', '--continue=dependencies-successful'];
  return alone(async () => {
    const { exitCode, output } = await tool(
      'turbo',
      ['run', 'build', ...options, ...filters],
      capture,
    );
    if (exitCode !== 0) console.log(output);
    return exitCode === 0;
  });
}

/** Runs a program of node_modules/.bin, in our terminal unless told otherwise. */
export async function tool(name, args, how = run, options = {}) {
  const env = { ...(await toolEnvironment()), ...options.env };
  return how(join(root, 'node_modules', '.bin', name), args, { ...options, env });
}

function alone(action) {
  let hasSaidSo = false;
  return withQueueLock(lockDirectory, action, () => {
    throwIfStopped();
    if (!hasSaidSo) console.log('Another command is installing or building here; waiting ...');
    hasSaidSo = true;
  });
}
