import { randomUUID } from 'node:crypto';

import { systemTimers } from '@ticket-locks/lock-engine';
import type { GetMessage } from 'amqplib';
import { vi } from 'vitest';

import { AmqpAdapter } from '../src/index.js';
import type { AmqpAdapterOptions } from '../src/index.js';
import { openBoxOffice } from './box-office.js';
import type { BoxOffice } from './box-office.js';
import { brokerUrl, NestClient } from './nest-client.js';
import { silentLog } from './silent-log.js';

export const STATS = { totalLocks: 3 };
/** What is promised comes within this time on a busy machine, several reconnections included. */
export const PATIENCE_MS = 50_000;

/** What a queue bound to the exchange got. */
export interface HeardChange {
  readonly routingKey: string;
  readonly message: Pick<GetMessage, 'content' | 'properties'>;
  readonly pattern: string;
  readonly data: Record<string, unknown>;
}

/** An adapter on queues and an exchange that nobody else uses, and a client beside it. */
export class AdapterUnderTest {
  readonly queue = `realtime_test_${randomUUID()}`;
  readonly exchange = `${this.queue}.changes`;
  readonly client: NestClient;
  readonly office: BoxOffice;
  readonly #cleanups: (() => Promise<unknown>)[] = [];

  private constructor(client: NestClient, office: BoxOffice) {
    this.client = client;
    this.office = office;
  }

  static async open(office?: BoxOffice, url = brokerUrl()): Promise<AdapterUnderTest> {
    const queueLater = { name: '' };
    const client = await NestClient.open(() => queueLater.name, url);
    const made = new AdapterUnderTest(client, office ?? (await openBoxOffice()));
    queueLater.name = made.queue;
    return made;
  }

  async start(options: Partial<AmqpAdapterOptions> = {}): Promise<AmqpAdapter> {
    const adapter = new AmqpAdapter({
      url: brokerUrl(),
      queue: this.queue,
      queueOptions: { durable: true },
      declare: 'auto',
      exchange: this.exchange,
      locks: this.office.locks,
      stats: async () => STATS,
      log: silentLog,
      timers: systemTimers(),
      ...options,
    });
    this.#cleanups.push(() => adapter.stop());
    await adapter.start();
    return adapter;
  }

  async startServing(options: Partial<AmqpAdapterOptions> = {}): Promise<AmqpAdapter> {
    const adapter = await this.start(options);
    await vi.waitUntil(() => adapter.isConnected, { timeout: PATIENCE_MS });
    return adapter;
  }

  /** A durable queue bound to the exchange, and what has come to it. */
  async listen(key = '#', name = `${this.queue}.listener`): Promise<HeardChange[]> {
    const { channel } = this.client;
    await channel.assertExchange(this.exchange, 'topic', { durable: true });
    await channel.assertQueue(name, { durable: true });
    await channel.bindQueue(name, this.exchange, key);
    const heard: HeardChange[] = [];
    await channel.consume(name, (message) => {
      if (message === null) return;
      const { pattern, data } = JSON.parse(String(message.content)) as HeardChange;
      heard.push({ routingKey: message.fields.routingKey, message, pattern, data });
      channel.ack(message);
    });
    return heard;
  }

  /** The next message of a queue, as soon as there is one. */
  async take(queue: string): Promise<GetMessage> {
    let taken: GetMessage | false = false;
    await vi.waitUntil(async () => (taken = await this.#get(queue)) !== false, {
      timeout: PATIENCE_MS,
      interval: 50,
    });
    return taken as unknown as GetMessage;
  }

  onEnd(cleanup: () => Promise<unknown>): void {
    this.#cleanups.push(cleanup);
  }

  async end(): Promise<void> {
    for (const cleanup of this.#cleanups.splice(0).toReversed()) await cleanup();
    await this.office.locks.stop();
    await deleteQueues(this.client, this.queue);
    await this.client.channel.deleteExchange(this.exchange);
    await this.client.close();
  }

  /** On a channel of its own: the queue may not be there yet, which closes the channel. */
  async #get(queue: string): Promise<GetMessage | false> {
    const channel = await this.client.model.createChannel();
    channel.on('error', () => undefined);
    try {
      const message = await channel.get(queue, { noAck: true });
      await channel.close();
      return message;
    } catch {
      return false;
    }
  }
}

/** The queue and whatever belongs to it; one that is not there is no error. */
export async function deleteQueues({ channel }: NestClient, queue: string): Promise<void> {
  for (const suffix of ['', '.dlq', '.retry', '.refunds', '.listener']) {
    await channel.deleteQueue(`${queue}${suffix}`);
  }
}
