import type { Timers } from '@ticket-locks/lock-engine';
import type { Channel } from 'amqplib';

import type { ConnectionUser } from './broker-connection.js';
import type { BrokerLink } from './broker-link.js';
import type { DeliveryDesk } from './delivery-desk.js';
import { Delivery } from './delivery.js';
import { declareQueue } from './queue-declaration.js';
import type { QueueDeclaration } from './queue-declaration.js';

export interface RpcServerOptions extends QueueDeclaration {
  readonly desk: DeliveryDesk;
  readonly timers: Timers;
  readonly onServing: (isServing: boolean) => void;
}

/** Requests in work at a time. */
const PREFETCH = 64;
/**
 * How long a stop waits for the requests in work; those left over are delivered to somebody else.
 */
const DRAIN_TIMEOUT_MS = 3500;
const QUEUE_RETRY_MS = 250;
const QUEUE_RETRY_MS_MAX = 4000;

interface Consumer {
  readonly link: BrokerLink;
  readonly channel: Channel;
  readonly consumerTag: string;
}

/**
 * Answers the requests of one queue as a NestJS server would, but acknowledges each only after its
 * answer was sent.
 *
 * WAITING (no connection, or no queue yet) -> `open` -> SERVING -> `lost` -> WAITING ... -> `drain`
 * -> DRAINED, for good. What becomes of each message, `DeliveryDesk` decides.
 */
export class RpcServer implements ConnectionUser {
  readonly #options: RpcServerOptions;
  #consumer: Consumer | undefined;
  #cancelRetry: (() => void) | undefined;
  #isDraining = false;
  #inWorkCount = 0;
  #onIdle: (() => void) | undefined;

  constructor(options: RpcServerOptions) {
    this.#options = options;
  }

  async open(link: BrokerLink): Promise<void> {
    await this.#serve(link, QUEUE_RETRY_MS);
  }

  lost(): void {
    this.#cancelRetry?.();
    this.#consumer = undefined;
    this.#options.desk.release();
    this.#options.onServing(false);
  }

  /**
   * Takes no more requests, answers those in work, and closes the channel after the last answer.
   */
  async drain(): Promise<void> {
    this.#isDraining = true;
    this.#cancelRetry?.();
    const consumer = this.#consumer;
    this.#options.onServing(false);
    if (consumer === undefined) return;
    const { link, channel, consumerTag } = consumer;
    try {
      await link.during(channel.cancel(consumerTag));
      this.#options.desk.stop();
      await this.#idle();
      // Closing the connection right away would lose the answers that amqplib has not written yet.
      await link.closeChannel(channel);
    } catch (error) {
      this.#options.log.warn({ err: error }, 'the channel was closed while requests were in work');
    }
  }

  async #serve(link: BrokerLink, retryMs: number): Promise<void> {
    const { queue, log, onServing } = this.#options;
    if ((await declareQueue(link.model, this.#options)) === 'missing') {
      log.warn({ queue, retryMs }, 'waiting for a peer to make the queue');
      this.#serveLater(link, retryMs);
      return;
    }
    if (this.#isDraining) return;
    const channel = await link.openChannel('rpc');
    await channel.prefetch(PREFETCH);
    const { consumerTag } = await channel.consume(queue, (message) => {
      if (message === null) link.drop('the consumer was cancelled: is the queue deleted?');
      else this.#receive(new Delivery(channel, message, log));
    });
    if (this.#isDraining || link.isOver) return;
    this.#consumer = { link, channel, consumerTag };
    log.info({ queue }, 'serving requests');
    onServing(true);
  }

  #serveLater(link: BrokerLink, retryMs: number): void {
    if (this.#isDraining) return;
    this.#cancelRetry = this.#options.timers.after(retryMs, () => {
      this.#serve(link, Math.min(retryMs * 2, QUEUE_RETRY_MS_MAX)).catch((error: unknown) => {
        link.drop(`cannot serve the queue: ${String(error)}`);
      });
    });
  }

  #receive(delivery: Delivery): void {
    this.#inWorkCount += 1;
    void this.#options.desk.settle(delivery).finally(() => {
      this.#inWorkCount -= 1;
      if (this.#inWorkCount === 0) this.#onIdle?.();
    });
  }

  /** Resolves when no request is in work, or when that takes too long. */
  #idle(): Promise<void> {
    if (this.#inWorkCount === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.#options.timers.after(DRAIN_TIMEOUT_MS, resolve);
      this.#onIdle = () => {
        cancel();
        resolve();
      };
    });
  }
}
