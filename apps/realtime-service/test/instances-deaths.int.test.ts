// An instance dies, and the others do what it would have done.
import { afterEach, expect, test, vi } from 'vitest';

import type { TestBuyer } from '../../../packages/socket-adapter/test/test-buyer.js';
import { PrivateServer } from '../../../packages/redis-store/test/private-server.js';
import { Instances } from './instances.js';
import { endServices, startService } from './service-process.js';
import type { ServiceProcess } from './service-process.js';

/** After this time an instance that says nothing is taken for dead. */
const LEASE_MS = 5_000;
/** Who is due is looked at once a second; a buyer hears of it within another one. */
const LOOK_MS = 2_000;

let instances: Instances | undefined;

afterEach(async () => {
  await instances?.close();
  instances = undefined;
  await endServices();
});

async function openThree(environment: Record<string, string>): Promise<ServiceProcess[]> {
  instances = await Instances.open(3, environment);
  return instances.all;
}

/** Those of an event that a watcher was told of, newest last. */
function figuresOf(watcher: TestBuyer): [number, number][] {
  return watcher
    .allHeard('availability-update')
    .filter(({ categoryId }) => categoryId === 1)
    .map(({ lockedTickets, availableTickets }) => [lockedTickets, availableTickets]);
}

test('the locks of a killed instance come back after its lease and the grace, told once', async () => {
  const graceMs = 2_000;
  const [first, second, third] = (await openThree({ DISCONNECT_GRACE_SECONDS: '2' })) as [
    ServiceProcess,
    ServiceProcess,
    ServiceProcess,
  ];
  const watchers = [await second.buyer('watcher-2'), await third.buyer('watcher-3')];
  for (const watcher of watchers) await watcher.ask('join-event-room', { eventId: 1 });
  const lost = await Promise.all([1, 2, 3].map((userId) => first.buyer(userId)));
  const kept = await second.buyer(4);
  // Elsewhere the same user looks on, in a session of his own.
  const onlooker = await third.buyer(1);
  const locks = await Promise.all(
    [...lost, kept].map((buyer) =>
      buyer.ask('lock-tickets', { eventId: 1, categoryId: 1, quantity: 2 }),
    ),
  );
  for (const watcher of watchers) {
    await watcher.hears('availability-update', ({ lockedTickets }) => lockedTickets === 8);
  }
  first.kill('SIGKILL');
  const killedAtMs = Date.now();
  const isOver = () => expect(figuresOf(watchers[1] as TestBuyer).at(-1)).toEqual([2, 48]);
  await vi.waitFor(isOver, { timeout: LEASE_MS + graceMs + LOOK_MS, interval: 10 });
  // The instance said at most a second before that it lives.
  expect(Date.now() - killedAtMs).toBeGreaterThan(LEASE_MS - 1_000 + graceMs - 100);
  await vi.waitFor(() => expect(figuresOf(watchers[0] as TestBuyer).at(-1)).toEqual([2, 48]));
  const news = await onlooker.hears('lock-released');
  expect(news).toMatchObject({ lockId: locks[0]?.['lockId'], reason: 'disconnected', quantity: 2 });
  expect(await kept.ask('get-my-locks')).toMatchObject({ locks: [{ status: 'active' }] });
  expect(kept.allHeard('lock-released')).toEqual([]);
  // Time for whoever would tell it again.
  await vi.waitFor(() => expect(Date.now() - killedAtMs).toBeGreaterThan(11_000), 12_000);
  expect(onlooker.allHeard('lock-released')).toHaveLength(1);
  const { body } = await third.get('/stats');
  expect(body).toMatchObject({ ticketLocks: { locksByStatus: { active: 1, released: 3 } } });
});

test('a lock ends at its instant and is told once, whichever instance lives', async () => {
  const [first, second, third] = (await openThree({
    LOCK_DURATION_SECONDS: '3',
    EXPIRING_NOTICE_SECONDS: '1',
    DISCONNECT_GRACE_SECONDS: '600',
  })) as [ServiceProcess, ServiceProcess, ServiceProcess];
  const watcher = await third.buyer('watcher');
  await watcher.ask('join-event-room', { eventId: 1 });
  const onlooker = await second.buyer(1);
  const buyer = await first.buyer(1);
  const wish = { eventId: 1, categoryId: 1, quantity: 50 };
  const refusedWish = { ...wish, quantity: 10 };
  const granted = await buyer.ask('lock-tickets', { ...wish, quantity: 10 });
  const endsAtMs = Date.parse(granted['expiresAt'] as string);
  first.kill('SIGKILL');
  const { lockId } = granted;
  expect(await onlooker.hears('lock-expiring')).toMatchObject({ lockId });
  expect(await onlooker.hears('lock-expired')).toMatchObject({ lockId, quantity: 10 });
  const toldAfterMs = Date.now() - endsAtMs;
  expect(toldAfterMs).toBeGreaterThanOrEqual(0);
  expect(toldAfterMs).toBeLessThan(1_000);
  await vi.waitFor(() => expect(figuresOf(watcher).at(-1)).toEqual([0, 50]), 1_000);
  const again = await onlooker.ask('lock-tickets', refusedWish);
  expect(again).toMatchObject({ success: true });
  await onlooker.hears('lock-expired', (news) => news.lockId === again['lockId']);
  for (const event of ['lock-expiring', 'lock-expired'] as const) {
    const told = onlooker.allHeard(event).filter((news) => news.lockId === lockId);
    expect(told).toHaveLength(1);
  }
});

test('an instance whose Redis goes away is not ready, and is again when it is back', async () => {
  const server = await PrivateServer.start('--appendonly', 'yes');
  try {
    const service = await startService({ LOCK_STORE: 'redis', REDIS_URL: server.url });
    const buyer = await service.buyer(1);
    const wish = { eventId: 1, categoryId: 1, quantity: 1, requestId: 'r-1' };
    const granted = await buyer.ask('lock-tickets', wish);
    expect(await service.get('/health/ready')).toMatchObject({ status: 200 });
    server.holdUp();
    const isNotReady = async () =>
      expect(await service.get('/health/ready')).toEqual({
        status: 503,
        body: { status: 'not ready', missing: ['store'], degraded: [] },
      });
    await vi.waitFor(isNotReady, { timeout: 3_000, interval: 50 });
    expect(await buyer.ask('lock-tickets', wish)).toMatchObject({ code: 'UNAVAILABLE' });
    expect(await buyer.ask('get-my-locks')).toMatchObject({ code: 'UNAVAILABLE' });
    expect(await service.get('/stats')).toMatchObject({ status: 503 });
    const metrics = await (await fetch(`${service.url}/metrics`)).text();
    expect(metrics).toMatch(/^ticket_locks_store_available 0$/m);
    server.letGo();
    const isReady = async () =>
      expect(await service.get('/health/ready')).toMatchObject({ status: 200 });
    await vi.waitFor(isReady, { timeout: 5_000, interval: 50 });
    const { lockId, expiresAt } = granted;
    expect(await buyer.ask('lock-tickets', wish)).toMatchObject({ lockId, expiresAt });
  } finally {
    server.letGo();
    await endServices();
    await server.stop();
  }
});

test.each([
  [{ REDIS_URL: 'redis://127.0.0.1:1' }, 'cannot start: Redis cannot be reached or used'],
  [{ DATABASE_URL: 'postgres://127.0.0.1:1/x' }, 'cannot start: PostgreSQL did not answer'],
])('an instance does not start without what it needs: %o', async (environment, problem) => {
  instances = await Instances.open(0);
  const service = instances.spawn(environment);
  expect(await service.exitCode()).toBe(1);
  expect(service.output).toContain(problem);
});
