import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, expect, onTestFinished, test } from 'vitest';

import { brokerUrl } from '../../../packages/amqp-adapter/test/nest-client.js';
import { randomIntegers } from '../../../packages/sql-ledger/test/box-office.js';
import { campaignRounds, campaignSeed, tell } from './rounds/campaign.js';
import { AmqpCaller } from './rounds/caller.js';
import { eventsOfRounds, killRounds } from './rounds/kill-rounds.js';
import { startPatiently } from './rounds/patient-start.js';
import { endServices, inventoryFile } from './service-process.js';

afterEach(endServices);

const rounds = campaignRounds(20);
const seed = campaignSeed(4);
const TIMEOUT_MS = 60_000 + rounds * 10_000;

test(
  'kill -9 of the service under load costs nobody his tickets, and sells none twice',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ticket-locks-data-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const queue = `realtime_test_${randomUUID()}`;
    const environment = {
      RABBITMQ_URL: brokerUrl(),
      REALTIME_QUEUE: queue,
      DATA_DIR: folder,
      INVENTORY_FILE: inventoryFile({ events: eventsOfRounds(rounds) }),
      DISCONNECT_GRACE_SECONDS: '60',
    };
    let service = await startPatiently(environment);
    const caller = await AmqpCaller.open(brokerUrl(), queue);
    onTestFinished(() => caller.close());

    const { problems, ...figures } = await killRounds({
      rounds,
      seed,
      random: randomIntegers(seed),
      caller,
      service: () => service,
      victim: {
        async killAfter(delayMs) {
          setTimeout(() => service.kill('SIGKILL'), delayMs);
          await service.exitCode();
        },
        async restart() {
          service = await startPatiently({ ...environment, WEBSOCKET_PORT: String(service.port) });
        },
      },
      killWithinMs: 200,
    });
    tell(`kill -9 of the service, seed ${seed}: ${JSON.stringify(figures)}`);
    expect(problems).toEqual([]);
    expect(figures.confirmed).toBeGreaterThan(rounds * 5);
    expect(figures.interrupted).toBeGreaterThan(rounds);
  },
  TIMEOUT_MS,
);
