// Checks docs/model with Spin: every scenario must be free of errors, and every control, which
// takes one protection away, must fail in the property that belongs to it.
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { capture, ExpectedError, orStop, root } from './child-process.mjs';
import { CONTROLS, SCENARIOS } from './model-runs.mjs';
import { aptInstall, canUseApt } from './services/apt.mjs';
import { findProgram } from './services/find-program.mjs';

const MODEL_FOLDER = join(root, 'docs/model');
/** The programs we need, and the Debian packages that bring them. */
const PROGRAMS = { spin: ['spin'], gcc: ['gcc', 'libc6-dev'] };
const MEMORY_MB_MAX = 1_900;
const DEPTH_MAX = 100_000;
/** Of the output of a run that is not as expected. */
const LINES_SHOWN = 40;
const AT_ONCE = Math.min(2, availableParallelism());

/** Returns the exit code. A word in `args` picks the runs whose title contains it. */
export async function checkModel(args) {
  await ensurePrograms();
  const runs = [...SCENARIOS, ...CONTROLS].filter(({ title }) =>
    args.every((word) => title.includes(word)),
  );
  if (runs.length === 0)
    throw new ExpectedError(`No run has "${args.join('" and "')}" in its title.`);
  const folder = mkdtempSync(join(tmpdir(), 'ticket-locks-model-'));
  const startMs = Date.now();
  try {
    const failures = await runAll(runs, folder);
    const seconds = Math.round((Date.now() - startMs) / 1000);
    const verdict = failures === 0 ? 'All as expected.' : `${failures} not as expected.`;
    console.log(`\n${verdict} ${runs.length} runs in ${seconds} s.`);
    return failures === 0 ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function ensurePrograms() {
  const missing = () => Object.keys(PROGRAMS).filter((name) => findProgram(name) === undefined);
  const packages = () => missing().flatMap((name) => PROGRAMS[name]);
  if (missing().length > 0 && canUseApt()) await orStop(aptInstall(packages));
  if (missing().length === 0) return;
  throw new ExpectedError(
    `Not on this machine: ${missing().join(' and ')}. On Debian or Ubuntu: ` +
      `apt-get install ${packages().join(' ')} (as root this command does it itself). ` +
      'On macOS: brew install spin. Elsewhere: https://spinroot.com, version 6.5 or later.',
  );
}

async function runAll(runs, folder) {
  // A copy, so that all runs see the same model, whatever is edited meanwhile.
  const models = join(folder, 'model');
  cpSync(MODEL_FOLDER, models, { recursive: true });
  const waiting = runs.map((run, index) => ({
    ...run,
    model: join(models, run.model),
    folder: join(folder, String(index)),
  }));
  let failures = 0;
  const worker = async () => {
    for (let run = waiting.shift(); run; run = waiting.shift()) {
      const problem = report(run, await explore(run));
      if (problem === undefined) continue;
      failures += 1;
      console.log(`  ${problem}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return failures;
}

/**
 * Explores the whole state space of a scenario. A control is explored breadth first, so that the
 * first failure is a shortest one.
 */
async function explore({ model, defines, property, folder }) {
  mkdirSync(folder);
  const only = property === undefined ? [] : [`ONLY=${property}`];
  const switches = [...defines, ...only].map((name) => `-D${name}`);
  const here = { cwd: folder };
  await succeed('spin', [...switches, '-a', model], here);
  const order = property === undefined ? [] : ['-DBFS'];
  const options = ['-DSAFETY', '-DVECTORSZ=256', `-DMEMLIM=${MEMORY_MB_MAX}`];
  await succeed('gcc', ['-O2', '-w', ...options, ...order, '-o', 'pan', 'pan.c'], here);
  const { output } = await capture('nice', ['-n', '19', './pan', `-m${DEPTH_MAX}`, '-n'], here);
  rmSync(folder, { recursive: true });
  return output;
}

async function succeed(command, args, options) {
  const { exitCode, output } = await capture(command, args, options);
  if (exitCode !== 0) throw new Error(`${command} failed:\n${output.trimEnd()}`);
}

/** Prints a line about a run, and returns what is wrong with it, if anything. */
function report({ title, property }, output) {
  const number = (pattern) => Number(pattern.exec(output)?.[1] ?? Number.NaN);
  const errors = number(/errors: (\d+)/);
  const steps = number(/depth reached (\d+)/);
  const states = number(/(\d+) states, stored/);
  const megabytes = number(/([\d.]+)\s+total actual memory usage/);
  const seconds = number(/elapsed time ([\d.]+) seconds/);
  const isWhole = !/max search depth too small|out of memory|Search not completed/.test(output);
  const isViolation = /assertion violated/.test(output);
  const isExpected = property === undefined ? errors === 0 && isWhole : errors > 0 && isViolation;
  const found = property === undefined ? `${errors} errors` : `fails after ${steps} steps`;
  const figures = `${states.toLocaleString('en')} states, ${Math.round(megabytes)} MB, ${seconds} s`;
  const outcome = isExpected ? 'ok    ' : 'FAILED';
  console.log(`${outcome} ${title}: ${isExpected ? found : 'not as expected'} (${figures})`);
  return isExpected ? undefined : output.trim().split('\n').slice(-LINES_SHOWN).join('\n');
}
