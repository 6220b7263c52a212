import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, expect, onTestFinished, test, vi } from 'vitest';

import { brokerUrl } from '../../../packages/amqp-adapter/test/nest-client.js';
import { randomIntegers } from '../../../packages/sql-ledger/test/box-office.js';
import { AmqpCaller, askUntilFinal } from './rounds/caller.js';
import type { Answer, Caller } from './rounds/caller.js';
import { campaignMessages, campaignSeed, tell } from './rounds/campaign.js';
import { dealOut, Deliveries, lockAll } from './rounds/doubled-messages.js';
import type { DecidedLock, Waves } from './rounds/doubled-messages.js';
import { startPatiently } from './rounds/patient-start.js';
import { verdictOn } from './rounds/tally.js';
import type { Verdict } from './rounds/tally.js';
import { endServices, inventoryFile } from './service-process.js';
import type { ServiceProcess } from './service-process.js';

/** Small, so that every machine has time to send something before the locks of a group end. */
const USERS_PER_GROUP = 2;
const GROUPS = 35;
const CATEGORY_IDS = Array.from({ length: 50 }, (_, index) => index + 1);
const CAPACITY = 1_000;
/** An average of three messages for a lock, less what chance may take. */
const MESSAGES_PER_BATCH = GROUPS * USERS_PER_GROUP * CATEGORY_IDS.length * 2.9;

const messagesMin = campaignMessages(10_000);
const batches = Math.ceil(messagesMin / MESSAGES_PER_BATCH);
const seed = campaignSeed(4);
const TIMEOUT_MS = 60_000 + batches * 300_000;

afterEach(endServices);

test(
  'each message takes effect once, the first decision wins, and the loser is told',
  async () => {
    const random = randomIntegers(seed);
    const folder = mkdtempSync(join(tmpdir(), 'ticket-locks-data-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const queue = `realtime_test_${randomUUID()}`;
    const environment = serviceEnvironment({ folder, queue });
    const service = await startPatiently(environment);
    const caller = await AmqpCaller.open(brokerUrl(), queue);
    onTestFinished(() => caller.close());

    const deliveries = new Deliveries(caller);
    const decided: (readonly DecidedLock[])[] = [];
    let messageCount = 0;
    for (let eventId = 1; eventId <= batches; eventId += 1) {
      const locks: DecidedLock[] = [];
      const groups: Promise<void>[] = [];
      for (let group = 1; group <= GROUPS; group += 1) {
        const { expiresAtMs, ...granted } = await lockGroup(service, { eventId, group }, random);
        locks.push(...granted.locks);
        const { waves, messageCount: count } = dealOut(granted.locks, random);
        messageCount += count;
        await deliveries.send(waves[0]);
        groups.push(sendTheRest(deliveries, waves, expiresAtMs));
      }
      await Promise.all(groups);
      decided.push(locks);
    }

    const verdicts = decided.flat().map(verdictOn);
    const figures = { messageCount, copies: deliveries.sentCount, ...countOf(verdicts) };
    tell(`doubled messages, seed ${seed}: ${JSON.stringify(figures)}`);
    expect(verdicts.flatMap(({ problems }) => problems)).toEqual([]);
    expect(await differences(caller, decided)).toEqual([]);
    // The same from the ledger alone.
    service.kill('SIGKILL');
    await service.exitCode();
    await startPatiently(environment);
    expect(await differences(caller, decided)).toEqual([]);

    expect(messageCount).toBeGreaterThanOrEqual(messagesMin);
    const { confirmed, released, returned, expired } = figures;
    expect(Math.min(confirmed, released, returned, expired)).toBeGreaterThan(0);
  },
  TIMEOUT_MS,
);

function serviceEnvironment({
  folder,
  queue,
}: {
  readonly folder: string;
  readonly queue: string;
}): Record<string, string> {
  const categories = CATEGORY_IDS.map((categoryId) => ({
    categoryId,
    name: `Block ${categoryId}`,
    capacity: CAPACITY,
  }));
  const events = Array.from({ length: batches }, (_, index) => ({
    eventId: index + 1,
    name: `Event ${index + 1}`,
    categories,
  }));
  return {
    RABBITMQ_URL: brokerUrl(),
    REALTIME_QUEUE: queue,
    DATA_DIR: folder,
    INVENTORY_FILE: inventoryFile({ events }),
    LOCK_DURATION_SECONDS: '5',
  };
}

async function lockGroup(
  service: ServiceProcess,
  { eventId, group }: { readonly eventId: number; readonly group: number },
  random: (below: number) => number,
) {
  const locks: DecidedLock[] = [];
  let expiresAtMs = 0;
  for (let user = 1; user <= USERS_PER_GROUP; user += 1) {
    const buyer = await service.buyer(eventId * 10_000 + group * 100 + user);
    const granted = await lockAll(buyer, { eventId, categoryIds: CATEGORY_IDS }, random);
    locks.push(...granted.locks);
    expiresAtMs = Math.max(expiresAtMs, granted.expiresAtMs);
  }
  return { locks, expiresAtMs };
}

/** What comes while the locks end, and after that. */
async function sendTheRest(
  deliveries: Deliveries,
  [, around, after]: Waves,
  expiresAtMs: number,
): Promise<void> {
  await reached(expiresAtMs - 100);
  await deliveries.send(around);
  await reached(expiresAtMs + 1);
  await deliveries.send(after);
}

async function reached(instantMs: number): Promise<void> {
  await vi.waitUntil(() => Date.now() >= instantMs, { timeout: 60_000, interval: 10 });
}

function countOf(verdicts: readonly Verdict[]) {
  const count = (isIt: (verdict: Verdict) => boolean) => verdicts.filter(isIt).length;
  return {
    confirmed: count(({ end }) => end === 'confirmed'),
    released: count(({ end, isReturned }) => end === 'released' && !isReturned),
    returned: count(({ isReturned }) => isReturned),
    expired: count(({ end }) => end === 'expired'),
  };
}

/** Where the service and the tally do not agree, lock by lock and category by category. */
async function differences(
  caller: Caller,
  decided: readonly (readonly DecidedLock[])[],
): Promise<string[]> {
  const found: string[] = [];
  for (const [index, locks] of decided.entries()) {
    const eventId = index + 1;
    const sold = new Map<number, number>();
    for (const lock of locks) {
      const { end } = verdictOn(lock);
      if (end !== 'confirmed') continue;
      sold.set(lock.categoryId, (sold.get(lock.categoryId) ?? 0) + lock.quantity);
    }
    const records = locks.map(async (lock) => {
      const record = await ask(caller, 'get-ticket-lock', { lockId: lock.lockId });
      const { end } = verdictOn(lock);
      if (record['status'] !== end) found.push(`${end} was told, not ${JSON.stringify(record)}`);
    });
    await Promise.all(records);
    const event = await ask(caller, 'get-event-availability', { eventId });
    for (const category of event['categories'] as Record<string, number>[]) {
      const told = sold.get(category['categoryId']!) ?? 0;
      const isSame =
        category['soldTickets'] === told &&
        category['lockedTickets'] === 0 &&
        category['availableTickets'] === CAPACITY - told;
      if (!isSame) found.push(`${told} were sold, not ${JSON.stringify(category)}`);
    }
  }
  return found;
}

function ask(caller: Caller, pattern: string, data: object): Promise<Answer> {
  return askUntilFinal(caller, { request: { pattern, data }, answers: [], sentCount: 0 });
}
