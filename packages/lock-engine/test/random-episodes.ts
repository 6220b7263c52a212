import { CallGenerator } from '../src/testing/call-generator.js';
import type { LockCall } from '../src/testing/lock-call.js';
import { Lockstep } from '../src/testing/lockstep.js';
import type { LockstepOptions } from '../src/testing/lockstep.js';
import { randomPolicy } from '../src/testing/random-policy.js';
import { SeededRandom } from '../src/testing/seeded-random.js';

/** One random run of an engine beside the model, call by call. */
export interface Episode {
  readonly seed: number;
  readonly random: SeededRandom;
  readonly run: Lockstep;
  /** Draws the next call; it is for the caller to make it. */
  readonly next: () => LockCall;
}

/** Episodes with policies (but what is fixed) and habits of their own, from the seed on. */
export function* episodes(
  seed: number,
  count: number,
  { policy: fixed, ...options }: Partial<LockstepOptions> = {},
): Generator<Episode> {
  for (let episode = 0; episode < count; episode += 1) {
    const random = new SeededRandom(seed + episode);
    const policy = { ...randomPolicy(random), ...fixed };
    const run = new Lockstep({ policy, sweeping: 'late', listEvery: 8, ...options });
    const generator = new CallGenerator(random, run);
    yield { seed: seed + episode, random, run, next: () => generator.next() };
  }
}
