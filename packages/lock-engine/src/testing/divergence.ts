import { literalOf } from './literal.js';
import { lineOf } from './lock-call.js';
import type { LockstepOptions } from './lockstep.js';
import type { BrokenRun } from './shrinking.js';

/** Something was not as it must be. */
export class Divergence extends Error {
  override readonly name = 'Divergence';

  constructor(
    readonly rule: string,
    options?: ErrorOptions,
  ) {
    super(rule, options);
  }
}

/** A run as a script that can be pasted into a scenario test. */
export function scriptOf(
  { calls: numbered, lockIds }: BrokenRun,
  options: LockstepOptions,
): string {
  const calls = numbered.map(({ call }) => call);
  const isPrompt = options.sweeping === 'prompt';
  const lines = calls.map((call) => {
    if (!isPrompt || call.kind === 'command') return lineOf(call);
    const limit = call.kind === 'advance' && call.limit !== undefined ? call.limit : '';
    return `${lineOf(call)} sweep(${limit});`;
  });
  return [
    'const clock = new ManualClock();',
    `const lockIds = ${literalOf(lockIds)};`,
    "const ids = { lockId: () => lockIds.shift() ?? 'none' };",
    `const policy = ${literalOf(options.policy)};`,
    'let engine = new LockEngine({ clock, ids, policy });',
    ...(isPrompt && calls.some((call) => call.kind !== 'command') ? [SWEEP] : []),
    ...(calls.some((call) => call.kind === 'restart') ? [RESTARTED] : []),
    ...lines,
  ].join('\n');
}

const SWEEP = `const sweep = (limit?: number) => {
  for (let more = true; more; ) {
    const swept = engine.expireDue({ limit });
    more = swept.ok && swept.value.more;
  }
};`;

const RESTARTED = `const restarted = (engine: LockEngine) => {
  const fresh = new LockEngine({ clock, ids, policy });
  fresh.restore(JSON.parse(JSON.stringify(engine.snapshot())));
  return fresh;
};`;
