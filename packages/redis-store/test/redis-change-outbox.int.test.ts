// What is to be told of many events, to one publisher of several instances.
import { randomBytes } from 'node:crypto';

import type { ChangeOutbox, LockChange, OutboxEntry } from '@ticket-locks/lock-engine';
import { describeChangeOutboxContract, ManualInventory } from '@ticket-locks/lock-engine/testing';
import type { OutboxUnderTest } from '@ticket-locks/lock-engine/testing';
import { PostgresDecisionLedger } from '@ticket-locks/sql-ledger/postgres';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, test, vi } from 'vitest';

import { RedisTicketLocks } from '../src/redis-ticket-locks.js';
import type { RedisTicketLocksOptions } from '../src/redis-ticket-locks-options.js';
import { valueOf } from './branches.js';
import { deleteKeys, newPrefix, redisUrl } from './redis-server.js';

const EVENTS = 3;
/** A publisher that says nothing is taken over from within this time: its lease, and a beat. */
const TAKEOVER_MS = 6_000;

let ends: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const end of ends.toReversed()) await end();
  ends = [];
});

/** The server for tests. Throws when there is none: a test that did not run has shown nothing. */
function databaseUrl(): string {
  const url = process.env['TEST_DATABASE_URL'];
  if (url !== undefined && url !== '') return url;
  throw new Error('TEST_DATABASE_URL must name a PostgreSQL for tests; `npm test` starts one');
}

async function openStore(prefix: string, options: Partial<RedisTicketLocksOptions> = {}) {
  const source = new ManualInventory();
  for (let event = 1; event <= EVENTS; event += 1) {
    source.set(event, { categoryId: 2, capacity: 1_000_000 });
  }
  const store = new RedisTicketLocks({
    url: redisUrl(),
    prefix,
    source,
    outbox: true,
    timeoutMs: 5_000,
    policy: { ttlMs: 600_000, expiringNoticeMs: 0 },
    ...options,
  });
  ends.push(() => store.stop());
  await store.start();
  return store;
}

/** Makes changes, and knows which. */
class Maker {
  readonly store: RedisTicketLocks;
  #changes: LockChange[] = [];
  #user = 0;

  constructor(store: RedisTicketLocks) {
    this.store = store;
    store.on('change', (change) => this.#changes.push(change));
  }

  /** At least so many changes, of all events in turn. */
  async make(count: number): Promise<LockChange[]> {
    while (this.#changes.length < count) {
      this.#user += 1;
      const user = { userId: `user ${this.#user}`, sessionId: 'session' };
      const wish = { eventId: (this.#user % EVENTS) + 1, categoryId: 2, quantity: 2 };
      const { lockId } = valueOf(await this.store.lock({ ...wish, ...user }));
      valueOf(await this.store.unlock({ lockId, quantity: 1 }));
    }
    return this.#changes.splice(0);
  }
}

function outboxOf(store: RedisTicketLocks): ChangeOutbox {
  if (store.outbox === undefined) throw new TypeError('the store was made without an outbox');
  return store.outbox;
}

async function newRecord(options: Partial<RedisTicketLocksOptions> = {}) {
  const prefix = newPrefix();
  const redis = new Redis(redisUrl());
  ends.push(async () => {
    await deleteKeys(redis, prefix);
    redis.disconnect();
  });
  const maker = new Maker(await openStore(prefix, options));
  return { prefix, redis, maker };
}

async function underTest(prefix: string, maker: Maker): Promise<OutboxUnderTest> {
  const store = await openStore(prefix);
  // A crash is a stop that nobody hears of: neither marks nor the turn are given back.
  const next = async () => {
    await store.stop();
    return underTest(prefix, maker);
  };
  const make = (count: number) => maker.make(count);
  return { outbox: outboxOf(store), make, restart: next, crash: next };
}

describeChangeOutboxContract({
  name: 'RedisChangeOutbox',
  create: async () => {
    const { prefix, maker } = await newRecord();
    return underTest(prefix, maker);
  },
});

const quiet = () => undefined;

async function attach(outbox: ChangeOutbox) {
  const onRevoked = vi.fn<() => void>();
  await outbox.attach({ onMore: quiet, onRevoked });
  return onRevoked;
}

async function readAll(outbox: ChangeOutbox): Promise<OutboxEntry[]> {
  const entries: OutboxEntry[] = [];
  for (let page = await outbox.read(500); page.length > 0; page = await outbox.read(500)) {
    entries.push(...page);
  }
  return entries;
}

const isPublisher = (outbox: ChangeOutbox) => outbox.outboxStats().isPublisher;
const idsOf = (entries: readonly OutboxEntry[]) => entries.map(({ id }) => id);

describe('of several instances', () => {
  test('one is given something, and another as soon as that one leaves', async () => {
    const { prefix, maker } = await newRecord();
    const [first, second] = [outboxOf(await openStore(prefix)), outboxOf(await openStore(prefix))];
    await attach(first);
    await attach(second);
    await maker.make(12);
    const entries = await readAll(first);
    expect(entries.length).toBeGreaterThanOrEqual(12);
    expect(await second.read(500)).toEqual([]);
    first.markPublished(entries.at(-1)?.position ?? '');
    await first.detach();
    await vi.waitUntil(() => isPublisher(second), { timeout: 1_000 });
    expect(isPublisher(first)).toBe(false);
    // What was told of one event says nothing of the others.
    const rest = idsOf(await readAll(second));
    expect(rest).not.toContain(entries.at(-1)?.id);
    expect(idsOf(entries)).toEqual(expect.arrayContaining(rest));
  });

  test('another one goes on when the publisher says nothing for the time of its lease', async () => {
    const { prefix, maker } = await newRecord();
    const timers = { after: () => quiet };
    const first = outboxOf(await openStore(prefix));
    const second = outboxOf(await openStore(prefix));
    const heldUp = await openStore(prefix, { timers });
    await attach(outboxOf(heldUp));
    expect(isPublisher(outboxOf(heldUp))).toBe(true);
    await attach(first);
    await attach(second);
    await maker.make(12);
    const others = [first, second];
    await vi.waitUntil(() => others.some(isPublisher), { timeout: TAKEOVER_MS });
    expect(others.filter(isPublisher)).toHaveLength(1);
    const [heir] = others.filter(isPublisher) as [ChangeOutbox];
    let count = 0;
    await vi.waitUntil(async () => (count += (await readAll(heir)).length) >= 12, {
      timeout: 5_000,
    });
    // It believes to have the turn, and knows by its clock that it has not.
    expect(await outboxOf(heldUp).read(500)).toEqual([]);
  });

  test('one that was held up hears that another goes on, and its late marks change nothing', async () => {
    const { prefix, maker, redis } = await newRecord();
    const due: (() => void)[] = [];
    const timers = { after: (_ms: number, callback: () => void) => (due.push(callback), quiet) };
    const heldUp = outboxOf(await openStore(prefix, { timers }));
    const onRevoked = await attach(heldUp);
    await maker.make(12);
    const entries = await readAll(heldUp);
    await redis.hset(`{${prefix}:.publisher}`, 'endsAt', 0);
    const heir = outboxOf(await openStore(prefix));
    await attach(heir);
    const same = await readAll(heir);
    expect(idsOf(same).toSorted()).toEqual(idsOf(entries).toSorted());
    for (const { position } of same) heir.markPublished(position);
    await heir.detach();
    await redis.hset(`{${prefix}:.publisher}`, 'owner', 'another', 'endsAt', 9e15);
    heldUp.markPublished(entries[0]?.position ?? '');
    for (const callback of due.splice(0)) callback();
    await vi.waitUntil(() => onRevoked.mock.calls.length === 1, { timeout: 5_000 });
    expect(await heldUp.read(500)).toEqual([]);
    const next = outboxOf(await openStore(prefix));
    await redis.hset(`{${prefix}:.publisher}`, 'endsAt', 0);
    await attach(next);
    expect(await readAll(next)).toEqual([]);
  });

  test('a clock of the server that steps back holds nobody up for longer than a lease', async () => {
    const { prefix, redis } = await newRecord();
    const inAnHour = Date.now() + 3_600_000;
    await redis.hset(`{${prefix}:.publisher}`, 'owner', 'dead', 'endsAt', inAnHour);
    const outbox = outboxOf(await openStore(prefix));
    await attach(outbox);
    await vi.waitUntil(() => isPublisher(outbox), { timeout: TAKEOVER_MS });
  });
});

describe('the stream of an event', () => {
  const lengthOf = (redis: Redis, prefix: string) => redis.xlen(`{${prefix}:n2}:o`);

  /** One step of the event each, from its first change on. */
  async function fill(maker: Maker, stepCount: number): Promise<void> {
    for (let made = 0; made < stepCount; made += 1) {
      const user = { userId: `user ${made}`, sessionId: 'session' };
      valueOf(await maker.store.lock({ eventId: 2, categoryId: 2, quantity: 1, ...user }));
    }
  }

  test('is cut at its bound, and what was given up is counted', async () => {
    const { prefix, maker, redis } = await newRecord({ unpublishedMax: 100 });
    await fill(maker, 1_000);
    expect(await lengthOf(redis, prefix)).toBeLessThan(300);
    const outbox = outboxOf(await openStore(prefix));
    await attach(outbox);
    const entries = await readAll(outbox);
    const { seq = 0 } = entries[0]?.change ?? {};
    expect(seq).toBeGreaterThan(700);
    expect(outbox.outboxStats().dropped).toBe(seq - 1);
  });

  test('is cut when it is told, but for the newest, which instances may have missed', async () => {
    const { prefix, maker, redis } = await newRecord();
    await fill(maker, 200);
    // As if each of these steps had been told by a command.
    const pipeline = redis.pipeline();
    for (let seq = 1_000; seq < 16_000; seq += 1) {
      const lock = `lock ${seq}`;
      const change = ['expired', lock, '2', '"ann"', 1, 1, ''].join('\u001F');
      const text = ['2', 1, seq, 1, change];
      pipeline.xadd(`{${prefix}:n2}:o`, `${seq}-0`, 'c', text.join('\u001E'));
    }
    await pipeline.exec();
    const outbox = outboxOf(await openStore(prefix));
    await attach(outbox);
    const entries = await readAll(outbox);
    expect(entries.at(-1)?.change.seq).toBe(15_999);
    const tellUpTo = async (last: number) => {
      for (const { change, position } of entries) {
        if (change.seq <= last) outbox.markPublished(position);
      }
      const mark = async () => Number(await redis.hget(`{${prefix}:n2}:m`, 'seq'));
      await vi.waitUntil(async () => (await mark()) === last, { timeout: 5_000 });
    };
    await tellUpTo(2_000);
    const untold = await lengthOf(redis, prefix);
    expect(untold).toBeGreaterThanOrEqual(14_000);
    expect(untold).toBeLessThan(14_200);
    await tellUpTo(15_999);
    const told = await lengthOf(redis, prefix);
    expect(told).toBeGreaterThanOrEqual(10_000);
    expect(told).toBeLessThan(10_200);
  });
});

test('when Redis has lost its memory, sales are told once more, with the ids that they had', async () => {
  const schema = `test_${randomBytes(6).toString('hex')}`;
  const ledger = new PostgresDecisionLedger({ url: databaseUrl(), schema });
  ends.push(() => ledger.close());
  const { prefix, redis, maker } = await newRecord({ decisions: ledger });
  const { store } = maker;
  const outbox = outboxOf(store);
  const sell = async (user: number) => {
    const eventId = (user % EVENTS) + 1;
    const buyer = { userId: user, sessionId: 'session' };
    const grant = await store.lock({ eventId, categoryId: 2, quantity: 1, ...buyer });
    const { lockId } = valueOf(grant);
    valueOf(await store.confirm({ lockId, orderId: user }));
    return lockId;
  };
  const salesIn = (entries: readonly OutboxEntry[]) =>
    new Map(
      entries.flatMap(({ id, change }) =>
        change.type === 'confirmed' ? [[change.lockId, { id, orderId: change.orderId }]] : [],
      ),
    );
  await attach(outbox);
  const told = [await sell(1), await sell(2), await sell(3)];
  const before = salesIn(await readAll(outbox));
  expect([...before.keys()].toSorted()).toEqual(told.toSorted());
  const untold = [await sell(4), await sell(5)];
  await deleteKeys(redis, `${prefix}:`);
  await vi.waitUntil(async () => (await store.availability(1)).ok, { timeout: 5_000 });
  const after = new Map<string, object>();
  await vi.waitUntil(
    async () => {
      for (const [lockId, sale] of salesIn(await readAll(outbox))) after.set(lockId, sale);
      return after.size >= told.length + untold.length;
    },
    { timeout: TAKEOVER_MS },
  );
  expect([...after.keys()].toSorted()).toEqual([...told, ...untold].toSorted());
  for (const [lockId, sale] of before) expect(after.get(lockId)).toEqual(sale);
  // And it goes on behind them.
  const next = await sell(6);
  await vi.waitUntil(async () => salesIn(await readAll(outbox)).has(next), { timeout: 5_000 });
  expect(outbox.outboxStats().dropped).toBe(0);
});

test('without the option there is no outbox, and before its start a store has none to read', async () => {
  const { prefix } = await newRecord();
  expect((await openStore(prefix, { outbox: false })).outbox).toBe(undefined);
  const source = new ManualInventory();
  const store = new RedisTicketLocks({ url: redisUrl(), prefix, source, outbox: true });
  const reader = { onMore: quiet, onRevoked: quiet };
  await expect(outboxOf(store).attach(reader)).rejects.toThrow(/has not been started/);
});
