import type { IdSource } from '../ports/clock.js';

/** Ids that can be told in advance: `lock-1`, `lock-2`, ... and `session-1`, `session-2`, ... */
export function countingIds(): IdSource {
  let lockCount = 0;
  let sessionCount = 0;
  return {
    lockId: () => `lock-${(lockCount += 1)}`,
    sessionId: () => `session-${(sessionCount += 1)}`,
  };
}
