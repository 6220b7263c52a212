// A buyer goes from one instance to another, and finds everything as he left it.
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

import type { TestBuyer } from '../../../packages/socket-adapter/test/test-buyer.js';
import { Instances } from './instances.js';
import { endServices, tokenFor } from './service-process.js';
import type { ServiceProcess } from './service-process.js';

/** What one instance tells the others comes within this time. */
const NEWS_MS = 5_000;
const GRACE_S = 5;

let instances: Instances;
let [first, second, third]: ServiceProcess[] = [];

beforeAll(async () => {
  const environment = { DISCONNECT_GRACE_SECONDS: String(GRACE_S), MAX_CONNECTIONS_PER_USER: '3' };
  instances = await Instances.open(3, environment);
  [first, second, third] = instances.all;
});

afterAll(async () => {
  await instances.close();
  await endServices();
});

function on(service: ServiceProcess | undefined): ServiceProcess {
  if (service === undefined) throw new Error('there is no instance');
  return service;
}

async function comeBack(
  to: ServiceProcess,
  userId: number,
  resumeToken: string,
): Promise<TestBuyer> {
  return to.connect({ auth: { token: await tokenFor(userId), resumeToken } });
}

describe('a buyer who loses his socket', () => {
  test('has his session and his locks on another instance, and unlocks on a third', async () => {
    const wish = { eventId: 1, categoryId: 1, quantity: 3 };
    const watcher = await on(third).buyer('watcher');
    await watcher.ask('join-event-room', { eventId: 1 });
    const buyer = await on(first).buyer(11);
    const { resumeToken, sessionId } = await buyer.hears('connected');
    const { lockId, expiresAt } = await buyer.ask('lock-tickets', wish);
    buyer.loseConnection();
    await buyer.disconnected();

    const back = await comeBack(on(second), 11, resumeToken);
    expect(await back.hears('connected')).toMatchObject({ resumed: true, sessionId });
    expect(await back.ask('get-my-locks')).toMatchObject({
      locks: [{ lockId, expiresAt, sessionId, status: 'active' }],
    });
    const elsewhere = await on(third).buyer(11);
    const unlocked = await elsewhere.ask('unlock-tickets', { lockId });
    expect(unlocked).toMatchObject({ success: true, lockId, quantity: 3, remaining: 0 });
    // The socket that asked is answered; the others of the user are told.
    expect(await back.hears('lock-released')).toMatchObject({ lockId, reason: 'unlocked' });
    expect(elsewhere.allHeard('lock-released')).toEqual([]);
    await watcher.hears('availability-update', (news) => news.lockedTickets === 3);
    const latest = () => watcher.allHeard('availability-update').findLast(isOf(1));
    await vi.waitFor(() => expect(latest()).toMatchObject({ availableTickets: 50 }), NEWS_MS);
  });

  test('has nobody else come into his session', async () => {
    const buyer = await on(first).buyer(12);
    const { resumeToken } = await buyer.hears('connected');
    const thief = await comeBack(on(second), 13, resumeToken);
    expect(await thief.hears('connected')).toMatchObject({ resumed: false, userId: 13 });
  });
});

test('the version of a category never goes back for a buyer who moves about', async () => {
  const categories = (buyer: TestBuyer) => buyer.allHeard('availability-update').filter(isOf(2));
  const mover = await on(third).buyer(20);
  let version = -1;
  for (let round = 0; round < 12; round += 1) {
    const [here, there] = [round % 3, (round + 1) % 3].map((index) => on(instances.all[index]));
    const wish = { eventId: 2, categoryId: 1, quantity: 1, onExisting: 'add' };
    const locker = await on(here).buyer(`locker-${round}`);
    expect(await locker.ask('lock-tickets', wish)).toMatchObject({ success: true });
    const watcher = await on(there).buyer(`watcher-${round}`);
    const joined = await watcher.ask('join-event-room', { eventId: 2 });
    expect(joined).toMatchObject({ success: true });
    await vi.waitFor(() => expect(categories(watcher).length).toBeGreaterThan(0), NEWS_MS);
    const versions = categories(watcher).map((update) => update.version);
    expect(versions).toEqual(versions.toSorted((a, b) => a - b));
    expect(versions[0]).toBeGreaterThan(version);
    version = versions.at(-1) ?? 0;
    locker.socket.disconnect();
    watcher.socket.disconnect();
  }
  mover.socket.disconnect();
});

describe('what is counted over all instances', () => {
  test('is the same on each', async () => {
    const buyers = [await on(first).buyer(31), await on(second).buyer(31)];
    buyers.push(await on(second).buyer(32), await on(third).buyer(33));
    const answers = async () => {
      const stats = await Promise.all(instances.all.map((service) => service.get('/stats')));
      return new Set(stats.map(({ body }) => JSON.stringify(counted(body))));
    };
    await vi.waitFor(async () => expect((await answers()).size).toBe(1), NEWS_MS);
    const { body } = await on(first).get('/stats');
    expect(Number(body['connections'])).toBeGreaterThanOrEqual(4);
    expect(Number(body['connectedUsers'])).toBeLessThan(Number(body['connections']));
    for (const buyer of buyers) buyer.socket.disconnect();
  });

  test('is how many sockets a user may have', async () => {
    const buyers = [
      await on(first).buyer(41),
      await on(second).buyer(41),
      await on(third).buyer(41),
    ];
    await vi.waitFor(async () => {
      const oneMore = on(first).buyer(41);
      // One that was let in too early must not stay.
      void oneMore.then(
        ({ socket }) => socket.disconnect(),
        () => undefined,
      );
      await expect(oneMore).rejects.toMatchObject({ data: { code: 'RATE_LIMITED' } });
    }, NEWS_MS);
    buyers[2]?.socket.disconnect();
    await vi.waitFor(() => on(first).buyer(41), { timeout: NEWS_MS, interval: 50 });
  });
});

test('an instance that is told to stop sends its buyers elsewhere, with their locks', async () => {
  const [leaving] = await instances.start(1);
  const buyers = await Promise.all([51, 52, 53].map((userId) => on(leaving).buyer(userId)));
  const wish = { eventId: 3, categoryId: 1, quantity: 2 };
  const locks = await Promise.all(buyers.map((buyer) => buyer.ask('lock-tickets', wish)));
  const tokens = await Promise.all(buyers.map((buyer) => buyer.hears('connected')));
  on(leaving).kill('SIGTERM');
  for (const buyer of buyers) expect(await buyer.disconnected()).toBe('transport close');
  const back = await Promise.all(
    tokens.map(({ resumeToken }, index) => comeBack(on(second), 51 + index, resumeToken)),
  );
  for (const [index, buyer] of back.entries()) {
    const { lockId, expiresAt } = locks[index] ?? {};
    expect(await buyer.hears('connected')).toMatchObject({ resumed: true });
    expect(await buyer.ask('get-my-locks')).toMatchObject({ locks: [{ lockId, expiresAt }] });
  }
  expect(await on(leaving).exitCode()).toBe(0);
  // Longer than the instance is missed and the grace: the locks stay, for the sessions are here.
  const until = Date.now() + 5_000 + GRACE_S * 1_000 + 1_000;
  await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(until), { timeout: 20_000 });
  for (const buyer of back) expect(buyer.allHeard('lock-released')).toEqual([]);
});

function isOf(eventId: number) {
  return (update: { readonly eventId: number | string; readonly categoryId: number | string }) =>
    update.eventId === eventId && update.categoryId === 1;
}

function counted({ connections, connectedUsers, ticketLocks }: Record<string, unknown>): object {
  return { connections, connectedUsers, ticketLocks };
}
