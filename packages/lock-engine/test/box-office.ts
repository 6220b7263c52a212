import { LockEngine } from '../src/index.js';
import type { CommandResult, LockErrorCode, LockPolicy } from '../src/index.js';

/**
 * An engine with a clock that stands still until it is told, and one event (1) with seats (2) and
 * standing room (3).
 */
export function boxOffice(policy: Partial<LockPolicy> = {}) {
  let nowMs = 1_000_000;
  let lockCount = 0;
  const options = {
    clock: { nowMs: () => nowMs },
    ids: { lockId: () => `L${(lockCount += 1)}` },
    policy: { ttlMs: 60_000, expiringNoticeMs: 0, ...policy },
  };
  const engine = new LockEngine(options);
  engine.setInventory({
    eventId: 1,
    categories: [
      { categoryId: 2, capacity: 5, soldElsewhere: 0 },
      { categoryId: 3, capacity: 100, soldElsewhere: 0 },
    ],
  });
  return {
    engine,
    options,
    advance: (ms: number) => {
      nowMs += ms;
    },
    /** Locks seats; throws on a refusal. */
    locked: (userId: string, quantity = 1, categoryId = 2) =>
      valueOf(engine.lock({ eventId: 1, categoryId, quantity, userId, sessionId: `s-${userId}` })),
    available: (categoryId = 2) => engine.categoryAvailability(1, categoryId)?.available,
  };
}

export function valueOf<Value>(result: CommandResult<Value>): Value {
  if (!result.ok) throw new Error(`refused with ${result.error.code}`);
  return result.value;
}

export function codeOf(result: CommandResult<unknown>): LockErrorCode | 'ok' {
  return result.ok ? 'ok' : result.error.code;
}
