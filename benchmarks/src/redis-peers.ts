// What people do instead: a lock around read, check and write, or a row that is locked.
import { Redis } from 'ioredis';
import { Pool } from 'pg';
import Redlock from 'redlock';

import { CAPACITY } from './redis-contenders.js';
import type { Contender } from './redis-contenders.js';

const QUANTITY = 2;
const TTL_MS = 300_000;
/** What serves a hot row best: more connections only wait for each other. */
const CONNECTIONS = 4;

/**
 * `redlock` holds the category while the client reads, decides and writes. It tries again after
 * its own delays: with shorter ones it is busy with trying.
 */
export async function openRedlock(url: string): Promise<Contender> {
  const redis = new Redis(url, { noDelay: true });
  const redlock = new Redlock([redis], { retryCount: -1 });
  const key = '{redlock}';
  await redis.hset(key, 'capacity', CAPACITY, 'locked', 0);
  let count = 0;
  const exclusively = async (write: (locked: number) => Promise<unknown>) => {
    const mutex = await redlock.lock(`${key}:mutex`, 10_000);
    const [capacity, locked] = await redis.hmget(key, 'capacity', 'locked');
    if (Number(capacity) - Number(locked) < QUANTITY) throw new Error('sold out');
    await write(Number(locked));
    await mutex.unlock();
  };
  return {
    lock: async (user) => {
      const lockId = `lock-of-the-benchmark-${(count += 1)}`;
      const expiresAt = Date.now() + TTL_MS;
      await exclusively((locked) =>
        redis
          .pipeline()
          .hset(key, 'locked', locked + QUANTITY)
          .hset(`${key}:l:${lockId}`, { user, quantity: QUANTITY, expiresAt })
          .zadd(`${key}:x`, expiresAt, lockId)
          .exec(),
      );
      return lockId;
    },
    unlock: async (_user, lockId) => {
      await exclusively((locked) =>
        redis
          .pipeline()
          .hset(key, 'locked', locked - QUANTITY)
          .del(`${key}:l:${lockId}`)
          .zrem(`${key}:x`, lockId)
          .exec(),
      );
    },
    close: async () => redis.disconnect(),
  };
}

/** A transaction that locks the row of the category. */
export async function openPostgres(url: string): Promise<Contender> {
  const pool = new Pool({ connectionString: url, max: CONNECTIONS });
  await pool.query(`
    DROP TABLE IF EXISTS bench_lock, bench_category;
    CREATE TABLE bench_category (id int PRIMARY KEY, capacity bigint, locked bigint);
    CREATE TABLE bench_lock (id bigserial PRIMARY KEY, user_id int, quantity int, ends timestamptz);
    INSERT INTO bench_category VALUES (2, ${CAPACITY}, 0);
  `);
  const transaction = async <Value>(
    run: (
      query: (text: string, values?: unknown[]) => Promise<{ rows: Value[] }>,
    ) => Promise<Value>,
  ): Promise<Value> => {
    const client = await pool.connect();
    const query = (text: string, values?: unknown[]) =>
      client.query(text, values) as unknown as Promise<{ rows: Value[] }>;
    try {
      await client.query('BEGIN');
      await client.query('SELECT capacity, locked FROM bench_category WHERE id = 2 FOR UPDATE');
      const value = await run(query);
      await client.query('COMMIT');
      return value;
    } finally {
      client.release();
    }
  };
  const change = 'UPDATE bench_category SET locked = locked + $1 WHERE id = 2';
  return {
    lock: (user) =>
      transaction<{ id: string }>(async (query) => {
        await query(change, [QUANTITY]);
        const insert = `INSERT INTO bench_lock (user_id, quantity, ends)
          VALUES ($1, $2, now() + interval '5 minutes') RETURNING id`;
        const [row] = (await query(insert, [user, QUANTITY])).rows;
        if (row === undefined) throw new Error('nothing was locked');
        return row;
      }).then(({ id }) => id),
    unlock: async (_user, lockId) => {
      await transaction<unknown>(async (query) => {
        await query(change, [-QUANTITY]);
        return query('DELETE FROM bench_lock WHERE id = $1', [lockId]);
      });
    },
    close: () => pool.end(),
  };
}
