// The same random commands give the same answers, changes and state in the functions as in the
// engine, whose own equality with the reference model is checked on the way.
import { Redis } from 'ioredis';
import { afterAll, expect, test } from 'vitest';

import { record } from './recording.js';
import { deleteKeys, manualLibrary, newPrefix, redisUrl } from './redis-server.js';
import { Replay } from './replay.js';

const COMMAND_COUNT = Number(process.env['DIFFERENTIAL_COMMANDS'] ?? 100_000);
const SEED = Number(process.env['SEED'] ?? 1);

const redis = new Redis(redisUrl());

afterAll(() => redis.quit());

test(`${COMMAND_COUNT} random commands come out as in the engine`, { timeout: 0 }, async () => {
  const library = manualLibrary();
  await redis.function('LOAD', 'REPLACE', library.source);
  const run = newPrefix();
  let compared = 0;
  for (let seed = SEED; compared < COMMAND_COUNT; seed += 1) {
    const prefix = `${run}-${seed}`;
    const options = { redis, library, prefix, isBatched: seed % 2 === 0 };
    compared += await new Replay(record(seed), options).run();
    if (seed % 100 === 0) await deleteKeys(redis, run);
  }
  expect(compared).toBeGreaterThanOrEqual(COMMAND_COUNT);
});
