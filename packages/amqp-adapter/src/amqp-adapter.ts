import { EventEmitter } from 'node:events';

import type { TicketLocks, Timers } from '@ticket-locks/lock-engine';

import type { AdapterLog } from './adapter-log.js';
import { BrokerConnection } from './broker-connection.js';
import { createHandlers } from './handlers.js';
import type { QueueOptions } from './queue-declaration.js';
import { RpcServer } from './rpc-server.js';

export interface AmqpAdapterOptions {
  /** `amqp://` or `amqps://`. A heartbeat of 5 s is added unless it names one. */
  readonly url: string;
  /** The queue to which the orders service sends its requests. */
  readonly queue: string;
  /** How to declare the queue if it is not there: as the NestJS peers do, or they crash. */
  readonly queueOptions: QueueOptions;
  /** `never`: wait until a peer has made the queue. */
  readonly declare: 'auto' | 'never';
  readonly locks: TicketLocks;
  /** What `get-realtime-stats` answers. */
  readonly stats: () => Promise<object>;
  readonly log: AdapterLog;
  readonly timers: Timers;
}

export interface AmqpAdapterEvents {
  /** Requests are being served. */
  connected: [];
  /** They are not any more: the broker or the queue is gone, or `stop` was called. */
  disconnected: [];
}

/**
 * How long a stop waits at most, for the requests in work and for the broker: a peer that is gone
 * says nothing.
 */
const DRAIN_TIMEOUT_MS = 6000;
const CLOSE_TIMEOUT_MS = 2000;

/**
 * Ticket locks over RabbitMQ, for services that speak NestJS.
 *
 * NEW -> `start` -> RUNNING (connected or not, back and forth) -> `stop` -> STOPPED. It starts
 * without the broker and serves as soon as that is there. Holds no state of its own: everything is
 * asked of `locks`.
 */
export class AmqpAdapter extends EventEmitter<AmqpAdapterEvents> {
  readonly #server: RpcServer;
  readonly #connection: BrokerConnection;
  readonly #timers: Timers;
  #isConnected = false;

  /** Throws `TypeError` when the URL is none of AMQP. */
  constructor({ url, locks, stats, ...options }: AmqpAdapterOptions) {
    super();
    const { log, timers } = options;
    this.#timers = timers;
    this.#server = new RpcServer({
      ...options,
      handlers: createHandlers({ locks, stats }),
      onServing: (isServing) => this.#onServing(isServing),
    });
    this.#connection = new BrokerConnection({ url, users: [this.#server], log });
  }

  /** Begins to connect and returns at once. */
  async start(): Promise<void> {
    await this.#connection.start();
  }

  /** Answers the requests in work, takes no more, and leaves. */
  async stop(): Promise<void> {
    await this.#within(DRAIN_TIMEOUT_MS, this.#server.drain());
    await this.#within(CLOSE_TIMEOUT_MS, this.#connection.close());
    this.#onServing(false);
  }

  /** Whether requests are being served: the broker is there, and the queue. */
  get isConnected(): boolean {
    return this.#isConnected;
  }

  #onServing(isServing: boolean): void {
    if (this.#isConnected === isServing) return;
    this.#isConnected = isServing;
    this.emit(isServing ? 'connected' : 'disconnected');
  }

  async #within(timeoutMs: number, work: Promise<void>): Promise<void> {
    let cancel = () => {};
    const timeout = new Promise<void>((resolve) => {
      cancel = this.#timers.after(timeoutMs, resolve);
    });
    await Promise.race([work, timeout]);
    cancel();
  }
}
