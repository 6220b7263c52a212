import type { LockEngineOptions } from '../engine/lock-engine-options.js';
import type { LockEngine } from '../engine/lock-engine.js';
import { CallGenerator } from './call-generator.js';
import { Divergence, scriptOf } from './divergence.js';
import { Lockstep } from './lockstep.js';
import type { LockstepOptions, NumberedCall } from './lockstep.js';
import { randomPolicy } from './random-policy.js';
import { SeededRandom } from './seeded-random.js';
import { shrunk } from './shrinking.js';

export interface RandomRunOptions {
  /** An integer: the same seed makes the same calls. */
  readonly seed: number;
  /** Calls in all, at least; the last episode is played to its end. */
  readonly commandCount: number;
  /** Makes the engines of the run; default `LockEngine`. */
  readonly createEngine?: ((options: LockEngineOptions) => LockEngine) | undefined;
}

/**
 * Plays random episodes in which an engine must do what the reference model does.
 *
 * Each episode has a policy, habits and a length of its own, drawn from its seed: that of the run,
 * then the next integer, and so on. Throws an `Error` with the seed of the episode and a replay
 * script at the first divergence.
 */
export function runRandom({ seed, commandCount, createEngine }: RandomRunOptions): void {
  let left = commandCount;
  for (let episode = seed; left > 0; episode += 1) left -= playEpisode(episode, createEngine);
}

/** Plays one episode and returns the number of its calls. */
export function playEpisode(seed: number, createEngine?: RandomRunOptions['createEngine']): number {
  const random = new SeededRandom(seed);
  const policy = randomPolicy(random);
  const sweeping = random.chance(0.5) ? 'prompt' : 'late';
  const options: LockstepOptions = { policy, sweeping, createEngine, listEvery: 8 };
  const lockstep = new Lockstep(options);
  const generator = new CallGenerator(random, lockstep);
  const callCount = random.between(10, 240);
  try {
    for (let count = 0; count < callCount; count += 1) lockstep.run(generator.next());
    lockstep.finish();
  } catch (error) {
    if (!(error instanceof Divergence)) throw error;
    throw explained(seed, options, lockstep.calls, error);
  }
  return callCount;
}

function explained(
  seed: number,
  options: LockstepOptions,
  calls: readonly NumberedCall[],
  divergence: Divergence,
): Error {
  const run = shrunk(calls, options);
  const what = run === undefined ? 'not a second time' : scriptOf(run, options);
  const rule = run?.rule ?? divergence.rule;
  const message = `${rule}\n\nseed ${seed}, after ${calls.length} calls:\n\n${what}`;
  return new Error(message, { cause: divergence });
}
