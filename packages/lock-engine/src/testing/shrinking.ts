import { Divergence } from './divergence.js';
import { Lockstep } from './lockstep.js';
import type { LockstepOptions, NumberedCall } from './lockstep.js';

/** Calls that may be made in all to make a failure smaller: about a second. */
const CALLS_MAX = 30_000;

/** A run that diverges at its last call. */
export interface BrokenRun {
  readonly calls: readonly NumberedCall[];
  /** What it breaks. */
  readonly rule: string;
  /** The ids of the locks that it makes. */
  readonly lockIds: readonly string[];
}

/**
 * Leaves out calls as long as the run still diverges, longest stretches first.
 *
 * Returns the fewest calls that were found and what they break, which may be another rule than at
 * first; `undefined` when the calls do not diverge a second time.
 */
export function shrunk(
  calls: readonly NumberedCall[],
  options: LockstepOptions,
): BrokenRun | undefined {
  let best = broken(calls, options);
  let callsLeft = CALLS_MAX;
  for (let length = Math.floor(calls.length / 2); length >= 1 && best !== undefined;) {
    const { calls: longer }: BrokenRun = best;
    let from = 0;
    while (from < best.calls.length && callsLeft > 0) {
      const fewer: NumberedCall[] = [...best.calls];
      fewer.splice(from, length);
      callsLeft -= fewer.length;
      const found = broken(fewer, options);
      if (found === undefined) from += length;
      else best = found;
    }
    if (callsLeft <= 0) break;
    if (length > 1 || best.calls.length === longer.length) length = Math.floor(length / 2);
  }
  return best;
}

/** The run up to the call that breaks something. */
function broken(calls: readonly NumberedCall[], options: LockstepOptions): BrokenRun | undefined {
  const lockstep = new Lockstep(options);
  try {
    for (const { call, number } of calls) lockstep.run(call, number);
    lockstep.finish();
    return undefined;
  } catch (error) {
    if (!(error instanceof Divergence)) throw error;
    return { calls: [...lockstep.calls], rule: error.rule, lockIds: [...lockstep.lockIds] };
  }
}
