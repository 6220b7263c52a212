import { randomBytes } from 'node:crypto';

import { Redis } from 'ioredis';

import { functionLibrary } from '../src/function-library.js';
import type { FunctionLibrary } from '../src/function-library.js';

/** The server for tests. Throws when there is none: a test that did not run has shown nothing. */
export function redisUrl(): string {
  const url = process.env['TEST_REDIS_URL'];
  if (url !== undefined && url !== '') return url;
  throw new Error('TEST_REDIS_URL must name a Redis for tests; `npm test` starts one');
}

/** A prefix of keys that nobody else uses. */
export function newPrefix(): string {
  return `test-${randomBytes(6).toString('hex')}`;
}

/** Deletes what was kept under prefixes that begin so, and nothing of anybody else. */
export async function deleteKeys(redis: Redis, prefix: string): Promise<void> {
  for await (const page of redis.scanStream({ match: `{${prefix}*`, count: 1_000 })) {
    const keys = page as string[];
    if (keys.length > 0) await redis.unlink(...keys);
  }
}

/** The same, on a connection of its own. */
export async function dropPrefix(prefix: string): Promise<void> {
  const redis = new Redis(redisUrl());
  await deleteKeys(redis, prefix);
  redis.disconnect();
}

/** Where a test sets the time of all events of a prefix, in milliseconds. */
export function clockKey(prefix: string): string {
  return `${prefix}:test-clock`;
}

const MANUAL_CLOCK = `
local function readClock(key)
  return tonumber(redis.call('GET', string.match(key, '^{(.-):[^:}]*}') .. ':test-clock'))
end
`;

/** The functions with a clock that a test sets; all else is as it is in production. */
export function manualLibrary(): FunctionLibrary {
  return functionLibrary({ clock: MANUAL_CLOCK });
}
