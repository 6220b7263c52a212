import { randomInt, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';

import { deleteQueues } from '../../../packages/amqp-adapter/test/adapter-under-test.js';
import { openCuttableProxy } from '../../../packages/amqp-adapter/test/cuttable-proxy.js';
import { brokerUrl, NestClient } from '../../../packages/amqp-adapter/test/nest-client.js';
import { endServices, startService } from './service-process.js';
import type { ServiceProcess } from './service-process.js';

const PATIENCE_MS = 50_000;

// Services are started several times, on a machine that may be busy.
vi.setConfig({ testTimeout: 120_000 });

/** One message of the exchange. */
interface Told {
  readonly id: string;
  readonly seq: number;
  readonly lockId: string;
  readonly key: string;
}

let queue: string;
let client: NestClient;

beforeEach(async () => {
  queue = `realtime_test_${randomUUID()}`;
  client = await NestClient.open(queue);
});

afterEach(async () => {
  await endServices();
  await deleteQueues(client, queue);
  await client.close();
});

/** Everything that anybody tells to the exchange, which other tests use too. */
async function listen(): Promise<Told[]> {
  const { channel } = client;
  await channel.assertExchange('ticket.locks', 'topic', { durable: true });
  await channel.assertQueue(`${queue}.listener`, { durable: true });
  await channel.bindQueue(`${queue}.listener`, 'ticket.locks', 'lock.#');
  const told: Told[] = [];
  await channel.consume(`${queue}.listener`, (message) => {
    if (message === null) return;
    const { pattern, data } = JSON.parse(String(message.content)) as {
      pattern: string;
      data: Told;
    };
    told.push({ ...data, key: pattern });
    channel.ack(message);
  });
  return told;
}

function dataFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'ticket-locks-data-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/**
 * Buyers who lock and give back, until one of them has been answered so often that their service is
 * killed, while the others wait for an answer.
 */
async function tradeUntilKilled(service: ServiceProcess, round: number, visitCount: number) {
  const answered = new Map<string, string[]>();
  const buyers = Array.from({ length: 4 }, async (_, index) => {
    const buyer = await service.buyer(1 + round * 10 + index);
    for (;;) {
      const wish = { eventId: 1, categoryId: 1, quantity: 1 };
      const { lockId } = (await buyer.ask('lock-tickets', wish)) as { lockId: string };
      answered.set(lockId, ['lock.locked']);
      if (answered.size >= visitCount) service.kill('SIGKILL');
      await buyer.ask('unlock-tickets', { lockId });
      answered.set(lockId, ['lock.locked', 'lock.released']);
    }
  });
  // Their sockets close with the service.
  await Promise.allSettled(buyers);
  expect(await service.exitCode()).toBeNull();
  return answered;
}

test('what was durable and not told when the service was killed, the next one tells', async () => {
  const proxy = await openCuttableProxy(brokerUrl());
  onTestFinished(() => proxy.close());
  proxy.setOpen(false);
  const kept = { DATA_DIR: dataFolder(), REALTIME_QUEUE: queue, RABBITMQ_URL: proxy.url };
  const told = await listen();

  const first = await startService(kept);
  const buyer = await first.buyer(7);
  const wish = { eventId: 1, categoryId: 1, quantity: 2 };
  const { lockId } = (await buyer.ask('lock-tickets', wish)) as { lockId: string };
  await buyer.ask('extend-lock', { lockId });
  expect(await first.get('/health/ready')).toEqual({
    status: 200,
    body: { status: 'ready', degraded: ['rabbitmq'] },
  });
  first.kill('SIGKILL');
  await first.exitCode();

  proxy.setOpen(true);
  await startService(kept);
  const ours = () => told.filter((change) => change.lockId === lockId);
  await vi.waitUntil(() => ours().length >= 2, { timeout: PATIENCE_MS });
  expect(ours().map(({ key }) => key)).toEqual(['lock.locked', 'lock.extended']);
});

test('killed again and again under load, everything that was answered is told', async () => {
  const rounds = 4;
  const kept = { DATA_DIR: dataFolder(), REALTIME_QUEUE: queue, RABBITMQ_URL: brokerUrl() };
  const environment = {
    ...kept,
    RATE_LIMIT_LOCKS_PER_MINUTE: '0',
    RATE_LIMIT_MESSAGES_PER_SECOND: '0',
  };
  const told = await listen();
  const answered = new Map<string, string[]>();
  for (let round = 0; round < rounds; round += 1) {
    const service = await startService(environment);
    const known = await tradeUntilKilled(service, round, 20 + randomInt(40));
    for (const [lockId, keys] of known) answered.set(lockId, keys);
  }
  await startService(environment);

  const byLock = () => {
    const changes = new Map<string, Told[]>();
    for (const change of told) {
      if (!answered.has(change.lockId)) continue;
      changes.set(change.lockId, [...(changes.get(change.lockId) ?? []), change]);
    }
    return changes;
  };
  const isTold = () => {
    const changes = byLock();
    return [...answered].every(([lockId, keys]) => {
      const heard = new Set(changes.get(lockId)?.map(({ key }) => key));
      return keys.every((key) => heard.has(key));
    });
  };
  await vi.waitUntil(isTold, { timeout: PATIENCE_MS, interval: 100 });
  expect(answered.size).toBeGreaterThanOrEqual(rounds * 20);

  for (const changes of byLock().values()) expectInOrder(changes);
});

/** An id is one change, however often it is told; what is new of a lock comes in order. */
function expectInOrder(changes: readonly Told[]): void {
  const contentOf = new Map(changes.map(({ id, seq, key }) => [id, `${seq} ${key}`]));
  for (const { id, seq, key } of changes) expect(`${seq} ${key}`).toBe(contentOf.get(id));
  const firsts = [...new Set(changes.map(({ seq }) => seq))];
  expect(firsts).toEqual(firsts.toSorted((a, b) => a - b));
}

test('what was changed until the stop is told before it ends, and the metrics show it', async () => {
  const told = await listen();
  const service = await startService({ REALTIME_QUEUE: queue, RABBITMQ_URL: brokerUrl() });
  const buyer = await service.buyer(7);
  const wish = { eventId: 1, categoryId: 1, quantity: 2 };
  const { lockId } = (await buyer.ask('lock-tickets', wish)) as { lockId: string };
  const metrics = async () => (await fetch(`${service.url}/metrics`)).text();
  await vi.waitUntil(
    async () => /messages_total\{outcome="published"\} [1-9]/.test(await metrics()),
    { timeout: PATIENCE_MS },
  );
  expect(await metrics()).toMatch(/ticket_locks_rabbitmq_connected 1\n/);
  expect(await metrics()).toMatch(/ticket_locks_messages_waiting 0\n/);
  await buyer.ask('unlock-tickets', { lockId });
  service.kill('SIGTERM');
  expect(await service.exitCode()).toBe(0);
  const ours = () => told.filter((change) => change.lockId === lockId).map(({ key }) => key);
  await vi.waitUntil(() => ours().length >= 2, { timeout: PATIENCE_MS });
  expect(ours()).toEqual(['lock.locked', 'lock.released']);
});
