import { connect } from 'amqplib';
import type { ChannelModel, MessageProperties } from 'amqplib';

import { brokerUrl } from './nest-client.js';

export interface PeerRequest {
  readonly pattern: unknown;
  readonly data: unknown;
  readonly id: unknown;
}

/** What the peer does with a request: the body of its answer, or none. */
export type PeerAnswer = (request: PeerRequest) => object | undefined | Promise<object | undefined>;

/** The bodies that a NestJS server answers with. */
export const answers = {
  value: (response: unknown) => ({ response, isDisposed: true }),
  error: (err: unknown) => ({ err, isDisposed: true }),
  noHandler: {
    id: 'x',
    err: 'There is no matching message handler defined in the remote service.',
    status: 'error',
  },
};

/**
 * A service that answers as a NestJS server does, what the test wants. `requests` are all that it
 * was sent, with the properties of the messages.
 */
export class PeerService {
  readonly requests: (PeerRequest & { readonly properties: MessageProperties })[] = [];
  answer: PeerAnswer;
  readonly #model: ChannelModel;

  private constructor(model: ChannelModel, answer: PeerAnswer) {
    this.#model = model;
    this.answer = answer;
  }

  /** Declares the queue and serves it. */
  static async open(queue: string, answer: PeerAnswer): Promise<PeerService> {
    const model = await connect(brokerUrl(), { noDelay: true });
    const service = new PeerService(model, answer);
    const channel = await model.createChannel();
    await channel.assertQueue(queue, { durable: true, autoDelete: true });
    const onMessage = async (message: Parameters<Parameters<typeof channel.consume>[1]>[0]) => {
      if (message === null) return;
      const request = JSON.parse(String(message.content)) as PeerRequest;
      const { properties } = message;
      service.requests.push({ ...request, properties });
      const body = await service.answer(request);
      if (body === undefined) return;
      const content = Buffer.from(JSON.stringify(body));
      const correlationId = String(properties.correlationId);
      channel.sendToQueue(String(properties.replyTo), content, { correlationId });
    };
    await channel.consume(queue, (message) => void onMessage(message), { noAck: true });
    return service;
  }

  /** The peer stops; its queue goes with it. */
  async close(): Promise<void> {
    await this.#model.close();
  }
}
