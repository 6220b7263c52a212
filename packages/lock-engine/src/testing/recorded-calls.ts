import type { LockChange } from '../engine/lock-change.js';
import type { LockEngineOptions } from '../engine/lock-engine-options.js';
import { CallGenerator } from './call-generator.js';
import { Lockstep } from './lockstep.js';
import { SeededRandom } from './seeded-random.js';

/**
 * The changes of a run of one engine, call by call: those that a ledger is given.
 *
 * The same seed and number give the same calls. With the default policy, or `policy`.
 */
export function recordedCalls(
  callCount = 60,
  seed = 7,
  policy: LockEngineOptions['policy'] = { ttlMs: 1000, lateConfirm: 'if-available' },
): (readonly LockChange[])[] {
  const recorded: (readonly LockChange[])[] = [];
  const lockstep = new Lockstep({
    policy,
    sweeping: 'late',
    onChanges: (changes) => recorded.push(changes),
  });
  const generator = new CallGenerator(new SeededRandom(seed), lockstep);
  while (recorded.length < callCount) lockstep.run(generator.next());
  return recorded;
}
