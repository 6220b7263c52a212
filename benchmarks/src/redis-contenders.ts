import type { LockPolicy } from '@ticket-locks/lock-engine';
import { RedisTicketLocks } from '@ticket-locks/redis-store';
import { Redis } from 'ioredis';

/** Something that locks tickets of one hot category, and gives them back. */
export interface Contender {
  lock(user: number): Promise<string>;
  unlock(user: number, lockId: string): Promise<void>;
  close(): Promise<void>;
}

export const CAPACITY = 1_000_000_000;
const QUANTITY = 2;
const TTL_MS = 300_000;

/*
 * The bare baseline: what a lock is in Redis, and nothing else. It counts, keeps a hash for each
 * lock, an index by the end and one by the user. It forgets a lock that is given back, tells nobody
 * and remembers nothing.
 *
 * KEYS: category, lock, ends, locks of the user. ARGV: lock id, user, quantity, now, ttl.
 */
const BARE_LOCK = `
local category = redis.call('HMGET', KEYS[1], 'capacity', 'sold', 'locked')
local quantity = tonumber(ARGV[3])
local available = tonumber(category[1]) - tonumber(category[2]) - tonumber(category[3])
if available < quantity then
  return { 0, available }
end
local expiresAt = tonumber(ARGV[4]) + tonumber(ARGV[5])
redis.call('HINCRBY', KEYS[1], 'locked', quantity)
redis.call(
  'HSET', KEYS[2], 'category', KEYS[1], 'user', ARGV[2], 'quantity', quantity,
  'expiresAt', expiresAt
)
redis.call('ZADD', KEYS[3], expiresAt, ARGV[1])
redis.call('SADD', KEYS[4], ARGV[1])
return { 1, available - quantity }
`;

/** The inverse. KEYS as above. ARGV: lock id, user. */
const BARE_UNLOCK = `
local lock = redis.call('HMGET', KEYS[2], 'user', 'quantity')
if lock[1] ~= ARGV[2] then
  return { 0, 0 }
end
redis.call('HINCRBY', KEYS[1], 'locked', -tonumber(lock[2]))
redis.call('DEL', KEYS[2])
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('SREM', KEYS[4], ARGV[1])
return { 1, tonumber(lock[2]) }
`;

/** The two scripts by EVALSHA through one connection of ioredis. */
export async function openBare(url: string): Promise<Contender> {
  const redis = new Redis(url, { noDelay: true });
  const [lockSha, unlockSha] = await Promise.all([
    redis.script('LOAD', BARE_LOCK) as Promise<string>,
    redis.script('LOAD', BARE_UNLOCK) as Promise<string>,
  ]);
  await redis.hset('{bare}', 'capacity', CAPACITY, 'sold', 0, 'locked', 0);
  let count = 0;
  const keysOf = (user: number, lockId: string) =>
    ['{bare}', `{bare}:l:${lockId}`, '{bare}:x', `{bare}:u:${user}`] as const;
  const expectOne = (reply: unknown) => {
    if (!Array.isArray(reply) || reply[0] !== 1) throw new Error('the script refused');
  };
  return {
    lock: async (user) => {
      const lockId = `lock-of-the-benchmark-${(count += 1)}`;
      const args = [lockId, user, QUANTITY, Date.now(), TTL_MS];
      expectOne(await redis.evalsha(lockSha, 4, ...keysOf(user, lockId), ...args));
      return lockId;
    },
    unlock: async (user, lockId) => {
      expectOne(await redis.evalsha(unlockSha, 4, ...keysOf(user, lockId), lockId, user));
    },
    close: async () => redis.disconnect(),
  };
}

/** One instance of the store, without a ledger. */
export async function openTicketLocks(
  url: string,
  policy: Partial<LockPolicy> = {},
): Promise<Contender> {
  const categories = [{ categoryId: 2, capacity: CAPACITY, soldElsewhere: 0 }];
  const source = { load: () => Promise.resolve({ categories }) };
  const locks = new RedisTicketLocks({ url, source, policy, timeoutMs: 10_000 });
  await locks.start();
  return {
    lock: async (user) => {
      const wish = { eventId: 1, categoryId: 2, quantity: QUANTITY, userId: user };
      const locked = await locks.lock({ ...wish, sessionId: `session-of-${user}` });
      if (!locked.ok) throw new Error(`lock: ${locked.error.code}`);
      return locked.value.lockId;
    },
    unlock: async (user, lockId) => {
      const unlocked = await locks.unlock({ lockId, userId: user });
      if (!unlocked.ok) throw new Error(`unlock: ${unlocked.error.code}`);
    },
    close: () => locks.stop(),
  };
}
