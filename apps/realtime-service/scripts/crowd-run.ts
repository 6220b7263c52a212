import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import type { CrowdLock, CrowdNews, CrowdOrder } from './crowd-clients.js';
import { CrowdMember } from './crowd-member.js';
import { ServiceUnderLoad } from './service-under-load.js';
import type { LoopDelay } from './service-under-load.js';

export interface CrowdOptions {
  readonly socketCount: number;
  readonly lockCount: number;
}

/** What happened, to be judged by whoever asked. */
export interface CrowdReport extends CrowdOptions {
  readonly connectedMs: number;
  readonly memoryBytes: number;
  /** From the drop until the service counted no connection and no user. */
  readonly settledMs: number;
  readonly dropDelay: LoopDelay;
  readonly dropCpuMs: number;
  /** The fewest locks that were seen before the grace was over. */
  readonly fewestLocks: number;
  /** Owners who came back within the grace, and those of them who found the very same lock. */
  readonly returnedCount: number;
  readonly keptCount: number;
  /** From the end of the grace until every lock was free whose owner had not come back. */
  readonly freedMs: number;
  readonly freeDelay: LoopDelay;
  /** At the very end. */
  readonly availableTickets: number;
  readonly exitCode: number | null;
}

const SECRET = 'a secret of the crowd, long enough for HS256';
/** Longer than settling may take, so that what is lost before its end is lost too early. */
const GRACE_S = 8;
const [EVENT_ID, CATEGORY_ID] = [1, 1];
const RETURNING_MAX = 20;
/** Beyond these the run is given up. */
const CONNECT_TIMEOUT_MS = 180_000;
const STEP_TIMEOUT_MS = 30_000;

/** Connects a crowd from another process, kills that, and watches what the service makes of it. */
export async function runCrowd(options: CrowdOptions): Promise<CrowdReport> {
  const folder = mkdtempSync(join(tmpdir(), 'ticket-locks-crowd-'));
  const inventory = join(folder, 'inventory.json');
  const categories = [{ categoryId: CATEGORY_ID, name: 'Field', capacity: options.lockCount }];
  const events = [{ eventId: EVENT_ID, name: 'Festival', categories }];
  writeFileSync(inventory, JSON.stringify({ events }));
  const service = await ServiceUnderLoad.start(environment(inventory));
  const clients = startClients();
  try {
    const report = await watch(service, clients, options);
    return { ...report, exitCode: await service.stop() };
  } finally {
    clients.kill('SIGKILL');
    await service.stop();
    rmSync(folder, { recursive: true });
  }
}

function environment(inventoryFile: string): Record<string, string> {
  return {
    WEBSOCKET_PORT: '0',
    HOST: '127.0.0.1',
    DATA_DIR: 'none',
    JWT_SECRET: SECRET,
    INVENTORY_FILE: inventoryFile,
    DISCONNECT_GRACE_SECONDS: String(GRACE_S),
    MAX_CONNECTIONS: '0',
    MAX_CONNECTIONS_PER_IP: '0',
    MAX_CONNECTIONS_PER_USER: '0',
  };
}

function startClients(): ChildProcess {
  const tsx = createRequire(import.meta.url).resolve('tsx');
  const program = fileURLToPath(new URL('crowd-clients.ts', import.meta.url));
  return fork(program, { execArgv: ['--import', tsx] });
}

async function watch(
  service: ServiceUnderLoad,
  clients: ChildProcess,
  options: CrowdOptions,
): Promise<Omit<CrowdReport, 'exitCode'>> {
  const { socketCount, lockCount } = options;
  const beganAtMs = performance.now();
  const locks = await connect(service, clients, options);
  const connectedMs = performance.now() - beganAtMs;
  const before = await service.stats();
  if (before.connections !== socketCount || before.activeLocks !== lockCount) {
    throw new Error(`the crowd is not there: ${JSON.stringify(before)}`);
  }
  const memoryBytes = await service.memoryBytes();
  const { cpuMs } = await service.loopDelay();

  clients.kill('SIGKILL');
  const droppedAtMs = performance.now();
  const isOver = () => performance.now() >= droppedAtMs + GRACE_S * 1000;
  let fewestLocks = lockCount;
  const look = async () => {
    const stats = await service.stats();
    // What was read when the grace was over already may be any number.
    if (!isOver()) fewestLocks = Math.min(fewestLocks, stats.activeLocks);
    return stats;
  };
  const settledMs = await until('the service has settled', async () => {
    const { connections, connectedUsers } = await look();
    return connections === 0 && connectedUsers === 0;
  });
  const dropDelay = await service.loopDelay();
  const returned = await comeBack(service, locks.slice(0, RETURNING_MAX));
  await until('the grace is over', async () => {
    await look();
    return isOver();
  });
  const freedMs = await until('the locks are free', async () => {
    return (await service.stats()).activeLocks === returned.length;
  });
  const freeDelay = await service.loopDelay();
  const kept = await Promise.all(returned.map(hasHisLock));
  return {
    socketCount,
    lockCount,
    connectedMs,
    memoryBytes,
    settledMs,
    dropDelay,
    fewestLocks,
    dropCpuMs: dropDelay.cpuMs - cpuMs,
    returnedCount: returned.length,
    keptCount: kept.filter(Boolean).length,
    freedMs,
    freeDelay,
    availableTickets: await availableAfterGoodbye(service, returned),
  };
}

async function connect(
  service: ServiceUnderLoad,
  clients: ChildProcess,
  { socketCount, lockCount }: CrowdOptions,
): Promise<readonly CrowdLock[]> {
  const order: CrowdOrder = {
    url: service.url,
    secret: SECRET,
    socketCount,
    lockCount,
    eventId: EVENT_ID,
    categoryId: CATEGORY_ID,
  };
  clients.send(order);
  const signal = AbortSignal.timeout(CONNECT_TIMEOUT_MS);
  const [news] = (await once(clients, 'message', { signal })) as [CrowdNews];
  if (news.type === 'failed') throw new Error(`the crowd could not connect: ${news.reason}`);
  return news.locks;
}

interface Returned {
  readonly member: CrowdMember;
  readonly lock: CrowdLock;
}

async function comeBack(
  { url }: ServiceUnderLoad,
  locks: readonly CrowdLock[],
): Promise<readonly Returned[]> {
  const entered = locks.map(async (lock) => {
    const { member, connected } = await CrowdMember.enter(url, lock.ticket);
    return connected['resumed'] === true ? { member, lock } : undefined;
  });
  const returned = await Promise.all(entered);
  return returned.filter((one) => one !== undefined);
}

async function hasHisLock({ member, lock }: Returned): Promise<boolean> {
  const { locks } = (await member.ask('get-my-locks')) as unknown as { locks: CrowdLock[] };
  const [found] = locks;
  return found?.lockId === lock.lockId && found.expiresAt === lock.expiresAt;
}

async function availableAfterGoodbye(
  service: ServiceUnderLoad,
  returned: readonly Returned[],
): Promise<number> {
  const [last, ...others] = returned;
  if (last === undefined) throw new Error('nobody came back');
  await Promise.all(others.map(({ member }) => member.leave()));
  await last.member.ask('unlock-tickets', { lockId: last.lock.lockId });
  await until('no lock is left', async () => (await service.stats()).activeLocks === 0);
  const joined = await last.member.ask('join-event-room', { eventId: EVENT_ID });
  await last.member.leave();
  const [category] = joined['availability'] as { availableTickets: number }[];
  return category?.availableTickets ?? Number.NaN;
}

/** Returns how many milliseconds it took. Rejects when it takes too long. */
async function until(name: string, isSo: () => Promise<boolean>): Promise<number> {
  const beganAtMs = performance.now();
  while (!(await isSo())) {
    if (performance.now() - beganAtMs > STEP_TIMEOUT_MS) throw new Error(`it is not so: ${name}`);
    await delay(10);
  }
  return performance.now() - beganAtMs;
}
