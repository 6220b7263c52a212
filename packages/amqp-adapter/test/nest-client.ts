import { randomUUID } from 'node:crypto';

import { connect } from 'amqplib';
import type { Channel, ChannelModel, ConsumeMessage, Options } from 'amqplib';

const DIRECT_REPLY_TO = 'amq.rabbitmq.reply-to';

/** The URL of the broker for the tests. `npm test` starts one. */
export function brokerUrl(): string {
  const url = process.env['TEST_AMQP_URL'];
  if (url !== undefined && url !== '') return url;
  throw new Error(
    'TEST_AMQP_URL is not set: these tests need a real RabbitMQ. `npm test` starts one; ' +
      'to use yours, set TEST_AMQP_URL=amqp://guest:guest@127.0.0.1:5672',
  );
}

export interface Reply {
  readonly body: Record<string, unknown>;
  readonly message: ConsumeMessage;
}

/**
 * Sends byte for byte what an unmodified NestJS `ClientRMQ` sends (versions 9 to 12), and takes the
 * replies.
 */
export class NestClient {
  readonly model: ChannelModel;
  readonly channel: Channel;
  readonly #queue: () => string;
  readonly #waiting = new Map<unknown, (reply: Reply) => void>();

  private constructor(model: ChannelModel, channel: Channel, queue: () => string) {
    this.model = model;
    this.channel = channel;
    this.#queue = queue;
  }

  static async open(queue: string | (() => string), url = brokerUrl()): Promise<NestClient> {
    const model = await connect(url, { noDelay: true });
    // A broker that is stopped for a test must not end the test.
    model.on('error', () => undefined);
    const queueNow = typeof queue === 'string' ? () => queue : queue;
    const client = new NestClient(model, await model.createChannel(), queueNow);
    await client.channel.consume(DIRECT_REPLY_TO, (message) => client.#onReply(message), {
      noAck: true,
    });
    return client;
  }

  /** `client.send(pattern, data)`: the whole reply, envelope and all. */
  request(pattern: unknown, data: unknown): Promise<Reply> {
    const id = randomUUID();
    return this.requestRaw(id, JSON.stringify({ pattern, data, id }));
  }

  requestRaw(correlationId: string, content: string): Promise<Reply> {
    const reply = new Promise<Reply>((resolve) => this.#waiting.set(correlationId, resolve));
    this.channel.sendToQueue(this.#queue(), Buffer.from(content), {
      headers: {},
      persistent: false,
      correlationId,
      replyTo: DIRECT_REPLY_TO,
    });
    return reply;
  }

  /** `client.emit(pattern, data)`: nobody answers. */
  emit(pattern: unknown, data: unknown): void {
    const content = Buffer.from(JSON.stringify({ pattern, data }));
    this.channel.sendToQueue(this.#queue(), content, { headers: {}, persistent: false });
  }

  /** Whatever it is, with no address for an answer. */
  sendRaw(content: string, options: Options.Publish = {}): void {
    this.channel.sendToQueue(this.#queue(), Buffer.from(content), options);
  }

  async close(): Promise<void> {
    await this.model.close();
  }

  #onReply(message: ConsumeMessage | null): void {
    if (message === null) return;
    const answer = this.#waiting.get(message.properties.correlationId);
    answer?.({ body: JSON.parse(String(message.content)) as Reply['body'], message });
  }
}
