import { randomUUID } from 'node:crypto';

import { systemTimers } from '@ticket-locks/lock-engine';
import { memoryLedger } from '@ticket-locks/lock-engine/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';

import { AmqpAdapter } from '../src/index.js';
import type { AdapterLog, AmqpAdapterOptions } from '../src/index.js';
import type { HeardChange } from './adapter-under-test.js';
import { STATS } from './adapter-under-test.js';
import { openBoxOffice } from './box-office.js';
import type { BoxOffice } from './box-office.js';
import { changesOf, expectAllHeard, trade } from './heard-changes.js';
import { NestClient } from './nest-client.js';
import { OwnBroker, whyNoOwnBroker } from './own-broker.js';
import { silentLog } from './silent-log.js';

const EXCHANGE = 'ticket.locks';
const PATIENCE_MS = 60_000;

// A broker is started several times, on a machine that may be busy.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

const suffix = whyNoOwnBroker === undefined ? '' : ` (not: ${whyNoOwnBroker})`;

describe.skipIf(whyNoOwnBroker !== undefined)(`a broker of our own${suffix}`, () => {
  let broker: OwnBroker;
  let office: BoxOffice;
  let ledger: ReturnType<typeof memoryLedger>;
  /** Of one test: what was taken out of a queue may be in it again after a kill. */
  let listener: string;

  beforeAll(async () => {
    broker = await OwnBroker.open();
  });

  beforeEach(async () => {
    ledger = memoryLedger();
    listener = `listener_${randomUUID()}`;
    office = await openBoxOffice({}, ledger);
  });

  afterAll(() => broker.close());

  async function startServing(options: Partial<AmqpAdapterOptions>): Promise<AmqpAdapter> {
    const adapter = new AmqpAdapter({
      url: broker.url,
      queue: 'realtime_queue',
      queueOptions: { durable: true },
      declare: 'auto',
      exchange: EXCHANGE,
      locks: office.locks,
      outbox: ledger,
      stats: async () => STATS,
      log: silentLog,
      timers: systemTimers(),
      ...options,
    });
    await adapter.start();
    await vi.waitUntil(() => adapter.isConnected, { timeout: PATIENCE_MS });
    return adapter;
  }

  async function bindListener(): Promise<void> {
    const { channel, model } = await NestClient.open('realtime_queue', broker.url);
    await channel.assertExchange(EXCHANGE, 'topic', { durable: true });
    await channel.assertQueue(listener, { durable: true });
    await channel.bindQueue(listener, EXCHANGE, '#');
    await model.close();
  }

  /** Everything that came to the durable queue, whatever happened to the broker meanwhile. */
  async function heardByNow(): Promise<HeardChange[]> {
    const { channel, model } = await NestClient.open('realtime_queue', broker.url);
    const heard: HeardChange[] = [];
    for (;;) {
      const message = await channel.get(listener, { noAck: true });
      if (message === false) break;
      const { pattern, data } = JSON.parse(String(message.content)) as HeardChange;
      const { routingKey } = message.fields;
      heard.push({ routingKey, message, pattern, data });
    }
    await model.close();
    return heard;
  }

  test('is killed in the middle and started again: it has every change, and requests are served', async () => {
    await bindListener();
    const changes = changesOf(office.locks);
    const adapter = await startServing({});
    await trade(office, 60);
    const killed = broker.kill();
    await trade(office, 60, 60);
    await killed;
    await vi.waitUntil(() => !adapter.isConnected, { timeout: PATIENCE_MS });
    await trade(office, 60, 120);
    expect(adapter.messageStats().waiting).toBeGreaterThanOrEqual(180);
    await broker.start();
    await trade(office, 60, 180);
    await vi.waitUntil(() => adapter.messageStats().waiting === 0, { timeout: PATIENCE_MS });
    await expectAllHeard(await heardByNow(), changes);

    const client = await NestClient.open('realtime_queue', broker.url);
    expect((await client.request('get-realtime-stats', {})).body['response']).toEqual(STATS);
    await client.close();
    await adapter.stop();
    await office.locks.stop();
  });

  test('has no memory left: nothing is sent, nothing counts as late, and nobody waits for it', async () => {
    await bindListener();
    const warn = vi.fn<AdapterLog['warn']>();
    const timeouts = { count: 0 };
    const CONFIRM_TIMEOUT_MS = 777;
    const real = systemTimers();
    const timers: AmqpAdapterOptions['timers'] = {
      after: (delayMs, callback) =>
        real.after(delayMs, () => {
          if (delayMs === CONFIRM_TIMEOUT_MS) timeouts.count += 1;
          callback();
        }),
    };
    await broker.kill();
    await broker.start({ memory: '10MB' });
    const changes = changesOf(office.locks);
    const adapter = await startServing({
      log: { ...silentLog, warn },
      timers,
      confirmTimeoutMs: CONFIRM_TIMEOUT_MS,
    });
    const said = (words: string) => warn.mock.calls.filter(([, text]) => text.includes(words));
    await trade(office, 20);
    await vi.waitUntil(() => said('takes no messages').length > 0, { timeout: PATIENCE_MS });
    await vi.waitUntil(() => timeouts.count >= 2, { timeout: PATIENCE_MS });
    expect(said('dropping the RabbitMQ connection')).toEqual([]);
    expect(adapter.messageStats()).toMatchObject({ published: 0, waiting: changes.length });
    // Buyers are served all the while: the store does not wait for the broker.
    await trade(office, 20, 20);

    // Nor does a stop: the next adapter tells what is left.
    await expect(adapter.stop()).resolves.toBeUndefined();
    await broker.kill();
    await broker.start();
    const next = await startServing({});
    await vi.waitUntil(() => next.messageStats().waiting === 0, { timeout: PATIENCE_MS });
    await expectAllHeard(await heardByNow(), changes);
    await next.stop();
    await office.locks.stop();
  });
});
