import { createHmac, randomBytes } from 'node:crypto';

import type { Clock, IdSource, Mac, Timers } from './clock.js';

/**
 * The real clock: wall time when it is made, monotonic from then on, so that a step of the wall
 * clock neither ends locks nor keeps them.
 */
export function systemClock(): Clock {
  const startedAtMs = Date.now() - performance.now();
  return { nowMs: () => startedAtMs + performance.now() };
}

/** The process's own timers. They do not keep it alive. */
export function systemTimers(): Timers {
  return {
    after(delayMs, callback) {
      const timer = setTimeout(callback, delayMs);
      timer.unref();
      return () => clearTimeout(timer);
    },
  };
}

const ID_BYTES = 16;
const POOL_BYTES = ID_BYTES * 256;

/**
 * Ids of 128 random bits, 22 characters of base64url each; randomness is drawn for 256 ids at once.
 */
export function randomIds(): IdSource {
  let pool = randomBytes(POOL_BYTES);
  let used = 0;
  const next = () => {
    if (used === POOL_BYTES) {
      pool = randomBytes(POOL_BYTES);
      used = 0;
    }
    used += ID_BYTES;
    return pool.toString('base64url', used - ID_BYTES, used);
  };
  return { lockId: next, sessionId: next };
}

/** HMAC with SHA-256, base64url. */
export const hmacSha256: Mac = (key, text) =>
  createHmac('sha256', key).update(text).digest('base64url');

/** A key for `Mac`: 256 random bits, base64url. */
export function randomKey(): string {
  return randomBytes(32).toString('base64url');
}
