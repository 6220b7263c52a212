import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, expect, onTestFinished, test } from 'vitest';

import { randomIntegers } from '../../../packages/sql-ledger/test/box-office.js';
import { endPeers, startPeer } from './nest-peer.js';
import { campaignBrokerRounds, campaignSeed, tell } from './rounds/campaign.js';
import { nestCaller } from './rounds/caller.js';
import type { Caller } from './rounds/caller.js';
import { eventsOfRounds, killRounds } from './rounds/kill-rounds.js';
import { startPatiently } from './rounds/patient-start.js';
import { canStartBroker, PrivateBroker } from './rounds/private-broker.js';
import { endServices, inventoryFile } from './service-process.js';

const QUEUE = 'realtime_queue';
const rounds = campaignBrokerRounds(2);
const seed = campaignSeed(4);
const TIMEOUT_MS = 60_000 + rounds * 60_000;
const VERSIONS = [10, 11, 12] as const;

afterEach(async () => {
  await Promise.all([endPeers(), endServices()]);
});

// With a RabbitMQ in a container or elsewhere there is none here to be killed.
test.skipIf(!canStartBroker())(
  'NestJS clients get their final answers though the broker is killed or restarted under them',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ticket-locks-data-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const broker = await PrivateBroker.open();
    onTestFinished(() => broker.close());
    const service = await startPatiently({
      RABBITMQ_URL: broker.url,
      REALTIME_QUEUE: QUEUE,
      DATA_DIR: folder,
      INVENTORY_FILE: inventoryFile({ events: eventsOfRounds(rounds) }),
      DISCONNECT_GRACE_SECONDS: '60',
    });
    const callers: Caller[] = [];
    for (const version of VERSIONS) {
      const peer = { version, role: 'client', url: broker.url, queue: QUEUE } as const;
      callers.push(nestCaller(await startPeer(peer)));
    }

    let killCount = 0;
    let sentCount = 0;
    const { problems, ...figures } = await killRounds({
      rounds,
      seed,
      random: randomIntegers(seed),
      // Each in turn; a repeat may come from another version than the request.
      caller: {
        send: (request, onAnswer) => {
          sentCount += 1;
          callers[sentCount % callers.length]!.send(request, onAnswer);
        },
      },
      service: () => service,
      victim: {
        async killAfter(delayMs) {
          killCount += 1;
          const signal = killCount % 2 === 1 ? 'SIGKILL' : 'SIGTERM';
          await new Promise<void>((resolve, reject) => {
            const kill = () => broker.kill(signal).then(resolve, reject);
            setTimeout(() => void kill(), delayMs);
          });
        },
        restart: () => broker.start(),
      },
      killWithinMs: 400,
    });
    tell(`kill of the broker, seed ${seed}: ${JSON.stringify(figures)}`);
    expect(problems).toEqual([]);
    expect(figures.confirmed).toBeGreaterThan(rounds * 5);
    expect(figures.interrupted).toBeGreaterThan(rounds);
  },
  TIMEOUT_MS,
);
