// What a lock on Redis costs beyond the smallest script that could be called one: the store and the
// bare scripts on one private server, by turns, so that a busy machine is busy for both, and only
// the ratio of neighbours counts. Then the ways in which others do it.
import { loadavg } from 'node:os';

import { Redis } from 'ioredis';

import { closedLoop } from './closed-loop.js';
import { openPrivateServers } from './private-servers.js';
import { openBare, openTicketLocks } from './redis-contenders.js';
import type { Contender } from './redis-contenders.js';
import { openPostgres, openRedlock } from './redis-peers.js';
import { ratioOf, spreadOf } from './spread.js';
import type { Spread } from './spread.js';
import { printTable } from './table.js';

const CALLERS = [1, 64, 512];
const PEER_CALLERS = 64;
/** Buyers who come again and again, so that each is known after a moment. */
const REGULARS = 2_000;
const PLANS = {
  full: { rounds: 5, seconds: 2, lockCount: 20_000 },
  quick: { rounds: 3, seconds: 0.5, lockCount: 5_000 },
} as const;

type Open = () => Promise<Contender>;

interface Sample {
  readonly pairsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly clientCpuUs: number;
  readonly redisCpuUs: number;
}

export interface RedisRow {
  readonly workload: string;
  readonly callers: number;
  readonly baseline: Spread;
  readonly store: Spread;
  /** The store to the baseline. */
  readonly ratio: Spread;
  /** In the median: the baseline, and the store. Processor time is that of a pair. */
  readonly p50Ms: readonly [number, number];
  readonly p99Ms: readonly [number, number];
  readonly clientCpuUs: readonly [number, number];
  readonly redisCpuUs: readonly [number, number];
}

export interface RedisReport {
  readonly bare: readonly RedisRow[];
  readonly peers: readonly RedisRow[];
  /** Bytes of Redis for each lock: while it is active, and when it is over but remembered. */
  readonly bytesPerLock: { readonly bare: number; readonly active: number; readonly ended: number };
}

/** Measures pairs of lock and unlock, prints tables, and returns the same figures. */
export async function benchmarkRedis({ quick }: { quick: boolean }): Promise<RedisReport> {
  const plan = quick ? PLANS.quick : PLANS.full;
  const servers = await openPrivateServers(['redis', 'postgres']);
  const url = servers.urlOf('TEST_REDIS_URL');
  const admin = new Redis(url);
  // Of what is written to a disk both sides would pay the same.
  await admin.config('SET', 'appendonly', 'no');
  try {
    const rounds = new Rounds(admin, plan);
    const bare: RedisRow[] = [];
    const [openOne, openStore] = [() => openBare(url), () => openTicketLocks(url)];
    for (const callers of CALLERS) {
      bare.push(await rounds.compare('regulars', callers, openOne, openStore));
    }
    bare.push(await rounds.compare('each once', PEER_CALLERS, openOne, openStore));
    printRows('bare scripts', bare);
    const openRow = () => openPostgres(servers.urlOf('TEST_DATABASE_URL'));
    const peers = [
      await rounds.compare('redlock', PEER_CALLERS, () => openRedlock(url), openStore),
      await rounds.compare('PostgreSQL', PEER_CALLERS, openRow, openStore),
    ];
    printRows('the way of others', peers);
    const bytesPerLock = await measureBytes(admin, url, plan.lockCount);
    printBytes(bytesPerLock);
    return { bare, peers, bytesPerLock };
  } finally {
    admin.disconnect();
    await servers.close();
  }
}

class Rounds {
  readonly #admin: Redis;
  readonly #plan: { readonly rounds: number; readonly seconds: number };

  constructor(admin: Redis, plan: { readonly rounds: number; readonly seconds: number }) {
    this.#admin = admin;
    this.#plan = plan;
  }

  /** Measures the baseline and the store by turns. */
  async compare(
    workload: string,
    callers: number,
    openBaseline: Open,
    openStore: Open,
  ): Promise<RedisRow> {
    const baseline: Sample[] = [];
    const store: Sample[] = [];
    for (let round = 0; round < this.#plan.rounds; round += 1) {
      baseline.push(await this.#measure(workload, callers, openBaseline));
      store.push(await this.#measure(workload, callers, openStore));
    }
    return rowOf(workload, callers, baseline, store);
  }

  async #measure(workload: string, callers: number, open: Open): Promise<Sample> {
    const { seconds } = this.#plan;
    await this.#admin.flushall();
    const contender = await open();
    const userCount = workload === 'each once' ? Number.MAX_SAFE_INTEGER : REGULARS;
    let next = 0;
    const pair = async (user: number) => contender.unlock(user, await contender.lock(user));
    const visit: Parameters<typeof closedLoop>[2] = (_caller, ask) => {
      const user = (next += 1) % userCount;
      return ask(() => pair(user));
    };
    if (userCount === REGULARS) await everyRegular(pair);
    await closedLoop(callers, seconds / 4, visit);
    const redisBeforeUs = await redisCpuUs(this.#admin);
    const clientBefore = process.cpuUsage();
    const { requestCount, elapsedMs, p50Ms, p99Ms } = await closedLoop(callers, seconds, visit);
    const { user, system } = process.cpuUsage(clientBefore);
    const redisUs = (await redisCpuUs(this.#admin)) - redisBeforeUs;
    await contender.close();
    return {
      pairsPerSecond: (requestCount / elapsedMs) * 1000,
      p50Ms,
      p99Ms,
      clientCpuUs: (user + system) / requestCount,
      redisCpuUs: redisUs / requestCount,
    };
  }
}

/** Once for each of them, some at a time. */
async function everyRegular(pair: (user: number) => Promise<void>): Promise<void> {
  const callers = Array.from({ length: 100 }, async (_, caller) => {
    for (let user = caller; user < REGULARS; user += 100) await pair(user);
  });
  await Promise.all(callers);
}

async function redisCpuUs(admin: Redis): Promise<number> {
  const text = await admin.info('cpu');
  const seconds = (name: string) => Number(new RegExp(`^${name}:(\\S+)`, 'm').exec(text)?.[1]);
  return (seconds('used_cpu_user') + seconds('used_cpu_sys')) * 1e6;
}

/** What the server's memory grows by with every lock of a user of his own. */
async function measureBytes(
  admin: Redis,
  url: string,
  lockCount: number,
): Promise<RedisReport['bytesPerLock']> {
  const grownBy = async (open: Open) => {
    await admin.flushall();
    const contender = await open();
    const before = await usedMemory(admin);
    const lockIds: string[] = [];
    for (let user = 0; user < lockCount; user += 1) lockIds.push(await contender.lock(user));
    const active = (await usedMemory(admin)) - before;
    for (const [user, lockId] of lockIds.entries()) await contender.unlock(user, lockId);
    const ended = (await usedMemory(admin)) - before;
    await contender.close();
    return { active: active / lockCount, ended: ended / lockCount };
  };
  const bare = await grownBy(() => openBare(url));
  const store = await grownBy(() => openTicketLocks(url));
  return { bare: bare.active, ...store };
}

async function usedMemory(admin: Redis): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await admin.info('memory'))?.[1]);
}

function rowOf(
  workload: string,
  callers: number,
  baseline: readonly Sample[],
  store: readonly Sample[],
): RedisRow {
  const figures = (samples: readonly Sample[], name: keyof Sample) =>
    samples.map((sample) => sample[name]);
  const medians = (name: keyof Sample) =>
    [spreadOf(figures(baseline, name)).median, spreadOf(figures(store, name)).median] as const;
  const before = figures(baseline, 'pairsPerSecond');
  const after = figures(store, 'pairsPerSecond');
  return {
    workload,
    callers,
    baseline: spreadOf(before),
    store: spreadOf(after),
    ratio: ratioOf(after, before),
    p50Ms: medians('p50Ms'),
    p99Ms: medians('p99Ms'),
    clientCpuUs: medians('clientCpuUs'),
    redisCpuUs: medians('redisCpuUs'),
  };
}

function printRows(baseline: string, rows: readonly RedisRow[]): void {
  const load = loadavg()[0]?.toFixed(1) ?? '';
  printTable(
    `Pairs of lock and unlock per second (min / median / max): ${baseline}, the store (load ${load})`,
    ['', 'callers', baseline, 'store', 'ratio', 'p50 ms', 'p99 ms', 'client us', 'Redis us'],
    rows.map((row) => [
      row.workload,
      String(row.callers),
      spreadText(row.baseline, 0),
      spreadText(row.store, 0),
      spreadText(row.ratio, 2),
      pairText(row.p50Ms, 2),
      pairText(row.p99Ms, 1),
      pairText(row.clientCpuUs, 1),
      pairText(row.redisCpuUs, 1),
    ]),
  );
}

function printBytes({ bare, active, ended }: RedisReport['bytesPerLock']): void {
  const cells = [bare, active, ended].map((bytes) => bytes.toFixed(0));
  printTable(
    'Bytes of Redis for each lock, each of a user of his own',
    ['bare, active', 'store, active', 'store, over and remembered'],
    [cells],
  );
}

function spreadText({ min, median, max }: Spread, digits: number): string {
  return [min, median, max].map((one) => one.toFixed(digits)).join(' / ');
}

function pairText(pair: readonly [number, number], digits: number): string {
  return pair.map((one) => one.toFixed(digits)).join(' to ');
}
