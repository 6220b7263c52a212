// The static checks. All of them run, whatever fails, and only what fails is printed in full.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { capture, root } from './child-process.mjs';
import { tool } from './toolchain.mjs';

/** The packages that we publish. */
const LIBRARIES = readdirSync(join(root, 'packages')).filter((name) =>
  existsSync(join(root, 'packages', name, 'package.json')),
);
const CODE = ['packages', 'apps', 'benchmarks', 'examples', 'scripts'];

/** A few seconds in all: part of every `npm test`. */
export const QUICK_CHECKS = [
  ['types', 'turbo', 'run', 'typecheck', '--output-logs=errors-only', '--continue'],
  ['lint', 'oxlint', '--type-aware', '--deny-warnings'],
  ['format (npm run format mends it)', 'oxfmt', '--check'],
  ['dependency rules', 'depcruise', '--config', '.dependency-cruiser.mjs', ...CODE],
];

/** With those that only matter before a release: part of `npm run check`. */
export const ALL_CHECKS = [
  ...QUICK_CHECKS,
  ['unused code', 'knip'],
  ['size', 'size-limit'],
  ...LIBRARIES.flatMap((name) => [
    [`package ${name}`, 'publint', '--strict', `packages/${name}`],
    // Not the resolution of Node 10, which knows no subpaths; our packages need Node 20.
    [`types of ${name}`, 'attw', '--pack', '--profile', 'node16', `packages/${name}`],
  ]),
];

/** Runs the checks, two at a time, and returns how many failed. */
export async function runChecks(checks) {
  const waiting = [...checks];
  let failures = 0;
  const worker = async () => {
    for (let check = waiting.shift(); check; check = waiting.shift()) {
      const [title, program, ...args] = check;
      const startMs = Date.now();
      const { exitCode, output } = await tool(program, args, capture);
      const seconds = ((Date.now() - startMs) / 1000).toFixed(1);
      console.log(`${exitCode === 0 ? 'ok    ' : 'FAILED'} ${title} (${seconds} s)`);
      if (exitCode === 0) continue;
      failures += 1;
      console.log(output.trimEnd());
    }
  };
  await Promise.all([worker(), worker()]);
  return failures;
}
