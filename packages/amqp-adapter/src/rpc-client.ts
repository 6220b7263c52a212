import type { Timers } from '@ticket-locks/lock-engine';
import type { Channel, ConsumeMessage, Message } from 'amqplib';

import type { ConnectionUser } from './broker-connection.js';
import type { BrokerLink } from './broker-link.js';
import { RpcFailure } from './rpc-failure.js';
import { readReply } from './rpc-reply.js';

export interface RpcClientOptions {
  /** Where the peer takes requests. It is his to declare: with other options he would crash. */
  readonly queue: string;
  readonly timeoutMs: number;
  /** Requests that may wait for an answer at a time. */
  readonly inFlightMax: number;
  readonly timers: Timers;
  /** Another text for every request. */
  readonly nextId: () => string;
}

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (failure: RpcFailure) => void;
  readonly cancelTimer: () => void;
}

/** The pseudo-queue of RabbitMQ to which answers come on the channel that asked. */
const DIRECT_REPLY_TO = 'amq.rabbitmq.reply-to';

/**
 * Asks a NestJS service, as an unmodified NestJS client would.
 *
 * CLOSED -> `open` -> OPEN -> `lost` (whoever waits hears `DISCONNECTED`: answers to this channel
 * are gone) -> CLOSED ... Every request is answered or fails within its time, and is dead in the
 * peer's queue by then, so that he does not wake up to old ones.
 */
export class RpcClient implements ConnectionUser {
  readonly #options: RpcClientOptions;
  readonly #pending = new Map<unknown, Pending>();
  #channel: Channel | undefined;

  constructor(options: RpcClientOptions) {
    this.#options = options;
  }

  async open(link: BrokerLink): Promise<void> {
    const channel = await link.openChannel('requests');
    channel.on('return', (message: Message) => this.#onReturned(message));
    const onReply = (message: ConsumeMessage | null) => {
      if (message === null) link.drop('the consumer of answers was cancelled');
      else this.#onReply(message);
    };
    await channel.consume(DIRECT_REPLY_TO, onReply, { noAck: true });
    if (!link.isOver) this.#channel = channel;
  }

  lost(): void {
    this.#channel = undefined;
    for (const id of this.#pending.keys()) {
      this.#fail(id, new RpcFailure('DISCONNECTED', 'the connection to RabbitMQ was lost'));
    }
  }

  get isOpen(): boolean {
    return this.#channel !== undefined;
  }

  /** Resolves with the value that the peer answers. Rejects with `RpcFailure`. */
  request(pattern: unknown, data: unknown): Promise<unknown> {
    const { queue, timeoutMs, inFlightMax, timers, nextId } = this.#options;
    const channel = this.#channel;
    return new Promise((resolve, reject) => {
      if (channel === undefined)
        return reject(new RpcFailure('DISCONNECTED', 'there is no connection to RabbitMQ'));
      if (this.#pending.size >= inFlightMax)
        return reject(new RpcFailure('BUSY', `${inFlightMax} requests wait already`));
      const id = nextId();
      const timeout = new RpcFailure('TIMEOUT', `no answer from "${queue}" in ${timeoutMs} ms`);
      const cancelTimer = timers.after(timeoutMs, () => this.#fail(id, timeout));
      this.#pending.set(id, { resolve, reject, cancelTimer });
      try {
        channel.sendToQueue(queue, Buffer.from(JSON.stringify({ pattern, data, id })), {
          headers: {},
          persistent: false,
          correlationId: id,
          replyTo: DIRECT_REPLY_TO,
          expiration: String(timeoutMs),
          mandatory: true,
        });
      } catch (error) {
        this.#fail(id, new RpcFailure('DISCONNECTED', 'the channel is closed', { cause: error }));
      }
    });
  }

  #onReturned({ properties }: Message): void {
    const { queue } = this.#options;
    this.#fail(
      properties.correlationId,
      new RpcFailure('NO_ROUTE', `there is no queue named "${queue}"`),
    );
  }

  #onReply({ properties, content }: ConsumeMessage): void {
    const id: unknown = properties.correlationId;
    const pending = this.#pending.get(id);
    // An answer after its time.
    if (pending === undefined) return;
    const answer = readReply(content);
    if (answer instanceof RpcFailure) return this.#fail(id, answer);
    this.#take(id, pending);
    pending.resolve(answer.value);
  }

  #fail(id: unknown, failure: RpcFailure): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#take(id, pending);
    pending.reject(failure);
  }

  #take(id: unknown, { cancelTimer }: Pending): void {
    this.#pending.delete(id);
    cancelTimer();
  }
}
