import type { LockPolicy } from '../engine/lock-policy.js';
import type { SeededRandom } from './seeded-random.js';

/**
 * A policy whose limits are soon reached: short lives, few tickets, little memory, and now and then
 * none.
 */
export function randomPolicy(random: SeededRandom): LockPolicy {
  const ttlMs = random.pick([1, 20, 100, 1000, 1000]);
  return {
    ttlMs,
    ticketsPerLockMax: random.pick([1, 2, 4, 4, 10, Infinity, Infinity]),
    locksPerUserMax: random.pick([1, 3, 5, Infinity, Infinity, Infinity, Infinity]),
    ticketsPerUserPerEventMax: random.pick([1, 4, 12, Infinity, Infinity, Infinity, Infinity]),
    extensionsMax: random.pick([0, 1, 2, Infinity, Infinity]),
    lockAgeMsMax: random.pick([1, ttlMs + 1, 2 * ttlMs, 3 * ttlMs, Infinity, Infinity]),
    paymentTtlMs: random.pick([1, 7, 100, 3000]),
    lateConfirm: random.pick(['reject', 'if-available', 'if-available', 'if-available']),
    lateConfirmWindowMs: random.pick([0, 1, 10, 1000, Infinity, Infinity, Infinity]),
    expiringNoticeMs: random.pick([0, 1, Math.ceil(ttlMs / 2), ttlMs, 60_000]),
    endedLockRetentionMs: random.pick([1, 10, 1000, 86_400_000, Infinity]),
    endedLocksMax: random.pick([0, 1, 5, 17, 40, Infinity, Infinity, Infinity]),
    requestsMax: random.pick([0, 1, 5, 17, 40, Infinity]),
  };
}
