import type { Outcome, Timers } from '@ticket-locks/lock-engine';
import type { Channel } from 'amqplib';

import type { ConnectionUser } from './broker-connection.js';
import type { BrokerLink } from './broker-link.js';
import { Delivery } from './delivery.js';
import type { Handler } from './handlers.js';
import { errorReply, noHandlerReply, readPacket, valueReply } from './packet.js';
import type { Packet } from './packet.js';
import { declareQueue } from './queue-declaration.js';
import type { QueueDeclaration } from './queue-declaration.js';
import { INTERNAL_ERROR, refusalBody, UNREADABLE } from './refusals.js';
import { routeOf } from './route.js';

export interface RpcServerOptions extends QueueDeclaration {
  readonly handlers: ReadonlyMap<string, Handler>;
  readonly timers: Timers;
  readonly onServing: (isServing: boolean) => void;
}

/** Requests in work at a time. */
const PREFETCH = 64;
const HANDLER_TIMEOUT_MS = 10_000;
/**
 * How long a stop waits for the requests in work; those left over are delivered to somebody else.
 */
const DRAIN_TIMEOUT_MS = 5000;
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
 * -> DRAINED, for good. A request that fails by our fault is put back once, for another instance;
 * the second time the caller hears of it and the message goes to the dead letters. No request stays
 * unanswered, whatever is in it.
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
      await channel.cancel(consumerTag);
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
    void this.#settle(delivery).finally(() => {
      this.#inWorkCount -= 1;
      if (this.#inWorkCount === 0) this.#onIdle?.();
    });
  }

  /** Never rejects. */
  async #settle(delivery: Delivery): Promise<void> {
    const { handlers, log } = this.#options;
    const packet = readPacket(delivery.content);
    if (packet === undefined) {
      log.warn({ bytes: delivery.content.length }, 'gave up an unreadable message');
      if (delivery.isAnswerable) delivery.reply(errorReply(UNREADABLE));
      return delivery.giveUp();
    }
    const handler = handlers.get(routeOf(packet.pattern));
    if (handler === undefined) {
      log.warn({ pattern: patternForLog(packet) }, 'gave up a message that nobody handles');
      if (packet.id !== undefined) delivery.reply(noHandlerReply(packet.id));
      return delivery.giveUp();
    }
    try {
      const outcome = await this.#inTime(handler(packet.data));
      const body = outcome.ok ? valueReply(outcome.value) : errorReply(refusalBody(outcome.error));
      if (packet.id !== undefined) delivery.reply(body);
      delivery.acknowledge();
    } catch (error) {
      this.#fail(delivery, packet, error);
    }
  }

  #fail(delivery: Delivery, packet: Packet, error: unknown): void {
    const facts = { err: error, pattern: patternForLog(packet) };
    if (!delivery.isRedelivered) {
      this.#options.log.error(facts, 'a request failed; it is tried once more');
      return delivery.putBack();
    }
    this.#options.log.error(facts, 'a request failed again; it is given up');
    if (packet.id !== undefined) delivery.reply(errorReply(INTERNAL_ERROR));
    delivery.giveUp();
  }

  /** The outcome, or `OUTCOME_UNKNOWN` when it takes too long: no caller waits for ever. */
  #inTime(outcome: Promise<Outcome<unknown>>): Promise<Outcome<unknown>> {
    return new Promise((resolve, reject) => {
      const cancel = this.#options.timers.after(HANDLER_TIMEOUT_MS, () =>
        resolve({ ok: false, error: { code: 'OUTCOME_UNKNOWN' } }),
      );
      outcome.then(resolve, reject).finally(cancel);
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

/** Short, and on one line: it comes from outside. */
function patternForLog({ pattern }: Packet): string {
  return JSON.stringify(routeOf(pattern)).slice(0, 100);
}
