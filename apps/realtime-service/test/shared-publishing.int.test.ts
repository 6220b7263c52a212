// Several instances on one Redis: each change is told by one of them, whichever lives.
import { randomUUID } from 'node:crypto';

import type { LockChange } from '@ticket-locks/lock-engine';
import { RedisTicketLocks } from '@ticket-locks/redis-store';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';

import { deleteQueues } from '../../../packages/amqp-adapter/test/adapter-under-test.js';
import { openCuttableProxy } from '../../../packages/amqp-adapter/test/cuttable-proxy.js';
import { brokerUrl, NestClient } from '../../../packages/amqp-adapter/test/nest-client.js';
import {
  dropPrefix,
  newPrefix,
  redisUrl,
} from '../../../packages/redis-store/test/redis-server.js';
import { endServices, inventoryFile, startService } from './service-process.js';
import type { ServiceProcess } from './service-process.js';

/** All that is promised of a takeover: the lease of the one that died, and a beat. */
const TAKEOVER_MS = 6_000;
const PATIENCE_MS = 50_000;
const KILLS = 10;
/** How often a buyer comes: the machine is shared. */
const VISIT_EVERY_MS = 8;
/** Buyers who are there at once. */
const BUYERS_MAX = 8;

vi.setConfig({ testTimeout: 300_000, hookTimeout: 60_000 });

/** One message of the exchange. */
interface Told {
  readonly id: string;
  readonly seq: number;
  readonly at: string;
  readonly eventId: string;
  readonly lockId: string;
}

/** Two events that nobody else has. */
let eventIds: string[];
let queue: string;
let prefix: string;
let client: NestClient;

beforeEach(async () => {
  const name = randomUUID();
  eventIds = [`${name}-1`, `${name}-2`];
  queue = `realtime_test_${name}`;
  prefix = newPrefix();
  client = await NestClient.open(queue);
});

afterEach(async () => {
  await endServices();
  await deleteQueues(client, queue);
  await client.close();
  await dropPrefix(prefix);
});

/** What is told of our events, in the order in which it comes. */
async function listen(): Promise<Told[]> {
  const { channel } = client;
  await channel.assertExchange('ticket.locks', 'topic', { durable: true });
  await channel.assertQueue(`${queue}.listener`, { durable: true });
  await channel.bindQueue(`${queue}.listener`, 'ticket.locks', 'lock.#');
  const told: Told[] = [];
  await channel.consume(`${queue}.listener`, (message) => {
    if (message === null) return;
    const { data } = JSON.parse(String(message.content)) as { data: Told };
    if (eventIds.includes(data.eventId)) told.push(data);
    channel.ack(message);
  });
  return told;
}

const CATEGORIES = [{ categoryId: 1, name: 'Stalls', capacity: 1_000_000 }];

function startInstance(broker = brokerUrl()): Promise<ServiceProcess> {
  const events = eventIds.map((eventId) => ({ eventId, name: 'Event', categories: CATEGORIES }));
  return startService({
    LOCK_STORE: 'redis',
    REDIS_URL: redisUrl(),
    REDIS_PREFIX: prefix,
    INVENTORY_FILE: inventoryFile({ events }),
    REALTIME_QUEUE: queue,
    RABBITMQ_URL: broker,
  });
}

async function metric(service: ServiceProcess, name: string): Promise<number> {
  const text = await (await fetch(`${service.url}/metrics`)).text();
  const line = text.split('\n').find((one) => one.startsWith(`${name} `)) ?? '';
  return Number(line.slice(name.length));
}

/** The one of them that tells the changes, as soon as there is one. */
async function publisherOf(services: readonly ServiceProcess[], timeoutMs = TAKEOVER_MS) {
  let publisher: ServiceProcess | undefined;
  await vi.waitUntil(
    async () => {
      for (const service of services) {
        if ((await metric(service, 'ticket_locks_publisher')) === 1) publisher = service;
      }
      return publisher !== undefined;
    },
    { timeout: timeoutMs, interval: 50 },
  );
  return publisher as ServiceProcess;
}

const publishedBy = (service: ServiceProcess) =>
  metric(service, 'ticket_locks_messages_total{outcome="published"}');

/** Buyers on an instance that tells nobody, and every change that there is. */
class Crowd {
  readonly changes: LockChange[] = [];
  readonly #store: RedisTicketLocks;
  readonly #visiting = new Set<Promise<void>>();
  #coming: NodeJS.Timeout | undefined;
  #visits = 0;

  private constructor(store: RedisTicketLocks) {
    this.#store = store;
    store.on('change', (change) => {
      if ('lockId' in change) this.changes.push(change);
    });
  }

  static async open(): Promise<Crowd> {
    const source = { load: async () => ({ categories: CATEGORIES }) };
    const own = { url: redisUrl(), prefix, source, outbox: true };
    // A busy machine answers late; what was locked then is not known to the crowd.
    const store = new RedisTicketLocks({ ...own, timeoutMs: 10_000 });
    await store.start();
    const crowd = new Crowd(store);
    onTestFinished(async () => {
      await crowd.end();
      await store.stop();
    });
    return crowd;
  }

  begin(): void {
    this.#coming = setInterval(() => {
      if (this.#visiting.size >= BUYERS_MAX) return;
      const visiting = this.visit().finally(() => this.#visiting.delete(visiting));
      this.#visiting.add(visiting);
    }, VISIT_EVERY_MS);
  }

  async end(): Promise<void> {
    clearInterval(this.#coming);
    await Promise.all(this.#visiting);
  }

  async visit(): Promise<void> {
    this.#visits += 1;
    const number = this.#visits;
    const eventId = eventIds[number % eventIds.length] ?? '';
    const user = { userId: `user ${number}`, sessionId: 'session' };
    const grant = await this.#store.lock({ eventId, categoryId: 1, quantity: 2, ...user });
    if (!grant.ok) throw new Error(grant.error.code);
    const { lockId } = grant.value;
    await this.#store.unlock({ lockId, quantity: 1 });
    if (number % 4 === 0) await this.#store.confirm({ lockId, orderId: number });
    else await this.#store.release({ lockId });
  }
}

const placeOf = ({ eventId, seq }: { eventId?: unknown; seq: number }) =>
  `${String(eventId)} ${seq}`;

/** Waits until all changes were told; fails unless each has one id, and locks have their order. */
async function expectAllTold(told: readonly Told[], { changes }: Crowd): Promise<void> {
  const firstsOf = () => [...new Map(told.toReversed().map((one) => [one.id, one])).values()];
  await vi
    .waitUntil(() => firstsOf().length >= changes.length, { timeout: PATIENCE_MS, interval: 100 })
    .catch(() => undefined);
  const firsts = firstsOf().toReversed();
  const places = (list: readonly { eventId?: unknown; seq: number }[]) =>
    list.map(placeOf).toSorted();
  expect(places(firsts)).toEqual(places(changes as Extract<LockChange, { eventId: unknown }>[]));
  const byId = new Map(firsts.map((one) => [one.id, one]));
  for (const one of told) expect(one).toEqual(byId.get(one.id));
  const newest = new Map<string, number>();
  const seen = new Set<string>();
  for (const { id, lockId, seq } of told) {
    if (seen.has(id)) continue;
    seen.add(id);
    expect(seq).toBeGreaterThan(newest.get(lockId) ?? 0);
    newest.set(lockId, seq);
  }
}

test('each change is told once, also when the publisher stops and another goes on', async () => {
  const told = await listen();
  const services = await Promise.all([startInstance(), startInstance(), startInstance()]);
  const crowd = await Crowd.open();
  const trade = async () => {
    for (let count = 0; count < 60; count += 1) await crowd.visit();
  };
  const first = await publisherOf(services);
  await trade();
  await expectAllTold(told, crowd);
  const others = services.filter((service) => service !== first);
  for (const other of others) expect(await publishedBy(other)).toBe(0);
  first.kill('SIGTERM');
  expect(await first.exitCode()).toBe(0);
  const second = await publisherOf(others, 1_000);
  await trade();
  await expectAllTold(told, crowd);
  expect(await publishedBy(second)).toBeGreaterThan(0);
  expect(told).toHaveLength(crowd.changes.length);
});

test(`with the publisher killed ${KILLS} times under load, nothing is missing`, async () => {
  const told = await listen();
  const services = await Promise.all([startInstance(), startInstance(), startInstance()]);
  const crowd = await Crowd.open();
  crowd.begin();
  for (let kill = 0; kill < KILLS; kill += 1) {
    const publisher = await publisherOf(services);
    const before = await publishedBy(publisher);
    await vi.waitUntil(async () => (await publishedBy(publisher)) > before + 50, {
      timeout: PATIENCE_MS,
    });
    publisher.kill('SIGKILL');
    await publisher.exitCode();
    services.splice(services.indexOf(publisher), 1);
    // The turn may go to any of them, the new one as well.
    services.push(await startInstance());
    await publisherOf(services);
  }
  await crowd.end();
  await expectAllTold(told, crowd);
  expect(crowd.changes.length).toBeGreaterThan(KILLS * 100);
});

test('a publisher that stands still is taken over from, and what it repeats has the same id', async () => {
  const told = await listen();
  const services = await Promise.all([startInstance(), startInstance()]);
  const crowd = await Crowd.open();
  const publisher = await publisherOf(services);
  const others = services.filter((service) => service !== publisher);
  crowd.begin();
  await vi.waitUntil(() => told.length > 50, { timeout: PATIENCE_MS });
  publisher.kill('SIGSTOP');
  await publisherOf(others);
  publisher.kill('SIGCONT');
  await vi.waitUntil(async () => (await metric(publisher, 'ticket_locks_publisher')) === 0, {
    timeout: TAKEOVER_MS,
  });
  await crowd.end();
  await expectAllTold(told, crowd);
});

test('while the broker is away the streams keep what is to be told', async () => {
  const proxy = await openCuttableProxy(brokerUrl());
  onTestFinished(() => proxy.close());
  const told = await listen();
  const services = await Promise.all([startInstance(proxy.url), startInstance(proxy.url)]);
  const crowd = await Crowd.open();
  const publisher = await publisherOf(services);
  crowd.begin();
  await vi.waitUntil(() => told.length > 50, { timeout: PATIENCE_MS });
  proxy.setOpen(false);
  proxy.cut();
  const waiting = () => metric(publisher, 'ticket_locks_messages_waiting');
  await vi.waitUntil(async () => (await waiting()) > 300, { timeout: PATIENCE_MS });
  proxy.setOpen(true);
  await crowd.end();
  await expectAllTold(told, crowd);
});
