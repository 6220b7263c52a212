import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { lockPolicy } from '../src/testing/arbitraries.js';
import { lockCommands } from '../src/testing/lock-commands.js';
import { Lockstep } from '../src/testing/lockstep.js';
import { runRandom } from '../src/testing/random-run.js';
import { testSeed } from './seed.js';

const seed = testSeed();
/** Parts of the million, so that a slow machine shows where it is. */
const COMMANDS_PER_PART = 50_000;
const PARTS = Array.from({ length: 1_000_000 / COMMANDS_PER_PART }, (_, part) => part);

describe(`the engine does what the reference model does (SEED=${seed})`, () => {
  test.each(PARTS)('a million random commands, part %i', (part) => {
    runRandom({ seed: seed + part * COMMANDS_PER_PART, commandCount: COMMANDS_PER_PART });
  });

  test('commands of fast-check, which shrinks what fails', () => {
    const sweeping = fc.constantFrom('prompt', 'late');
    const runs = fc.property(lockPolicy(), sweeping, lockCommands(), (policy, when, commands) => {
      const run = new Lockstep({ policy, sweeping: when });
      fc.modelRun(() => ({ model: {}, real: run }), commands);
      run.finish();
    });
    fc.assert(runs, { seed, numRuns: 400 });
  });
});

describe('the seed', () => {
  test('is fixed unless the environment says another', () => {
    expect(testSeed({})).toBe(testSeed({}));
    expect(testSeed({ SEED: '7' })).toBe(7);
  });

  test('must be one that can be repeated in CI', () => {
    expect(() => testSeed({ SEED: 'random', CI: 'true' })).toThrow('CI needs a seed');
    expect(() => testSeed({ SEED: '' })).toThrow('SEED must be an integer');
    expect(() => testSeed({ SEED: 'yes' })).toThrow('SEED must be an integer');
  });
});
