// Three instances behind the HAProxy of the documentation.
import { Agent } from 'node:http';

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

import { connectBuyer } from '../../../packages/socket-adapter/test/test-buyer.js';
import type {
  ConnectOptions,
  TestBuyer,
} from '../../../packages/socket-adapter/test/test-buyer.js';
import { HaproxyProcess } from './haproxy-process.js';
import { Instances } from './instances.js';
import { endServices, tokenFor } from './service-process.js';
import type { ServiceProcess } from './service-process.js';

/** Whoever is cut off may come back within this time. */
const BACK_MS = 10_000;
/** What one instance tells the others comes within this time. */
const NEWS_MS = 5_000;
const CONNECTIONS_PER_IP_MAX = 40;

const TRANSPORTS: readonly [string, ConnectOptions][] = [
  ['WebSocket alone', { transports: ['websocket'] }],
  ['long-polling alone', { transports: ['polling'], withCredentials: true }],
  ['long-polling, then WebSocket', { transports: ['polling', 'websocket'], withCredentials: true }],
];

let instances: Instances;
let proxy: HaproxyProcess;
let buyers: TestBuyer[] = [];

beforeAll(async () => {
  instances = await Instances.open(3, {
    TRUST_PROXY: '127.0.0.1',
    MAX_CONNECTIONS_PER_IP: String(CONNECTIONS_PER_IP_MAX),
  });
  proxy = await HaproxyProcess.start(instances.all);
});

afterAll(async () => {
  await proxy?.stop();
  await instances.close();
  await endServices();
});

async function buyerOf(userId: number, options: ConnectOptions): Promise<TestBuyer> {
  const auth = { token: await tokenFor(userId) };
  const buyer = await connectBuyer(`${proxy.url}/realtime`, { auth, ...options });
  buyers.push(buyer);
  return buyer;
}

async function leaveAll(): Promise<void> {
  for (const { socket } of buyers) socket.disconnect();
  buyers = [];
  await vi.waitFor(async () => expect(total(await places())).toBe(0), NEWS_MS);
}

/** How many sockets each instance has itself. */
async function places(): Promise<number[]> {
  return Promise.all(instances.all.map((service) => ownConnections(service)));
}

async function ownConnections({ url, isRunning }: ServiceProcess): Promise<number> {
  if (!isRunning) return 0;
  const metrics = await (await fetch(`${url}/metrics`)).text();
  return Number(/^ticket_locks_own_connections (\d+)$/m.exec(metrics)?.[1]);
}

describe.each(TRANSPORTS)('with %s', (_name, options) => {
  test('buyers are spread over the instances, and are one shop', async () => {
    const watcher = await buyerOf(1, options);
    await watcher.ask('join-event-room', { eventId: 1 });
    const some = await Promise.all([2, 3, 4, 5, 6].map((userId) => buyerOf(userId, options)));
    const wish = { eventId: 1, categoryId: 1, quantity: 10 };
    const answers = await Promise.all(some.map((buyer) => buyer.ask('lock-tickets', wish)));
    expect(answers.every(({ success }) => success === true)).toBe(true);
    await watcher.hears('availability-update', ({ availableTickets }) => availableTickets === 0);
    expect(await watcher.ask('lock-tickets', wish)).toMatchObject({ code: 'INSUFFICIENT_TICKETS' });
    expect((await places()).every((count) => count >= 1)).toBe(true);
    expect(total(await places())).toBe(6);
    for (const buyer of some) {
      expect(await buyer.ask('unlock-tickets', wish)).toMatchObject({ success: true });
    }
    await leaveAll();
  });
});

describe('the address of a buyer', () => {
  const connect = (localAddress: string, headers: Record<string, string> = {}) =>
    buyerOf(nextUserId(), {
      agent: new Agent({ localAddress }) as unknown as string,
      extraHeaders: headers,
    });

  test('is the one that the proxy has seen, whatever he says himself', async () => {
    const lie = { 'X-Forwarded-For': '203.0.113.7' };
    for (let count = 0; count < CONNECTIONS_PER_IP_MAX; count += 1) {
      await connect('127.0.0.2', count % 2 === 0 ? lie : {});
    }
    await vi.waitFor(async () => {
      const oneMore = connect('127.0.0.2', lie);
      await expect(oneMore).rejects.toMatchObject({ data: { code: 'RATE_LIMITED' } });
    }, NEWS_MS);
    await connect('127.0.0.3');
    await leaveAll();
  });
});

test('an instance that is killed costs its buyers neither session nor locks', async () => {
  const userIds = Array.from({ length: 9 }, nextUserId);
  const some = await Promise.all(userIds.map((userId) => buyerOf(userId, {})));
  const wish = { eventId: 2, categoryId: 1, quantity: 1 };
  const locks = await Promise.all(some.map((buyer) => buyer.ask('lock-tickets', wish)));
  const [victim] = instances.all;
  const [victims = 0] = await places();
  expect(victims).toBeGreaterThan(0);
  victim?.kill('SIGKILL');
  await victim?.exitCode();
  const isCut = () => some.filter(({ disconnectReason }) => disconnectReason !== undefined);
  await vi.waitFor(() => expect(isCut()).toHaveLength(victims), NEWS_MS);
  for (const [index, buyer] of some.entries()) {
    if (buyer.disconnectReason === undefined) continue;
    const { resumeToken, sessionId } = await buyer.hears('connected');
    const auth = { token: await tokenFor(userIds[index] ?? 0), resumeToken };
    const back = await vi.waitFor(() => buyerOf(userIds[index] ?? 0, { auth }), BACK_MS);
    expect(await back.hears('connected')).toMatchObject({ resumed: true, sessionId });
    const { lockId, expiresAt } = locks[index] ?? {};
    const hasLock = async () =>
      expect(await back.ask('get-my-locks')).toMatchObject({ locks: [{ lockId, expiresAt }] });
    await vi.waitFor(hasLock, BACK_MS);
  }
  expect(isCut()).toHaveLength(victims);
  expect(total(await places())).toBe(some.length);
  // Nobody who comes now is sent there.
  await Promise.all(Array.from({ length: 6 }, () => buyerOf(nextUserId(), {})));
  await leaveAll();
});

let users = 100;

function nextUserId(): number {
  users += 1;
  return users;
}

function total(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
