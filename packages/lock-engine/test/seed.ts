/** The seed of every random test here, unless `SEED` in the environment says another. */
const FIXED_SEED = 20_260_301;

/**
 * Returns the seed to test with: `SEED`, else a fixed one. `SEED=random` draws a fresh one.
 *
 * Throws where nobody could repeat the run: a fresh seed in CI, and a `SEED` that is no integer.
 */
export function testSeed(env: NodeJS.ProcessEnv = process.env): number {
  const { SEED: wanted = String(FIXED_SEED), CI: ci = '' } = env;
  if (wanted === 'random') {
    if (ci !== '') throw new Error('CI needs a seed that can be repeated: set SEED to an integer');
    return Math.floor(performance.timeOrigin) % 2 ** 31;
  }
  const seed = Number(wanted);
  if (wanted.trim() !== '' && Number.isSafeInteger(seed) && seed >= 0) return seed;
  throw new Error(`SEED must be an integer that is not negative, or 'random', got '${wanted}'`);
}
