import { EventEmitter } from 'node:events';

import { randomIds, systemClock } from '@ticket-locks/lock-engine';
import type { ChangeOutbox, Clock, TicketLocks, Timers } from '@ticket-locks/lock-engine';

import type { AdapterLog } from './adapter-log.js';
import { BrokerConnection } from './broker-connection.js';
import { ChangePublisher } from './change-publisher.js';
import type { PublisherStats } from './change-publisher.js';
import { DeliveryDesk } from './delivery-desk.js';
import { createHandlers } from './handlers.js';
import type { AmqpInventorySource } from './inventory-source.js';
import type { OrderKind } from './order-news.js';
import type { Order } from './payloads.js';
import type { QueueOptions } from './queue-declaration.js';
import { RpcServer } from './rpc-server.js';
import { SideQueues } from './side-queues.js';

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
  /** The events service as the store asks it. Without it our own count is the truth. */
  readonly inventorySource?: AmqpInventorySource | undefined;
  /** Is told once what became of an order, when that is durable. */
  readonly onOrder?: ((kind: OrderKind, order: Order) => void) | undefined;
  /** Default `ticket.locks`. The topic exchange to which every change is told. */
  readonly exchange?: string | undefined;
  /**
   * The ledger of `locks`, or what the store in Redis offers, made with the option `outbox`.
   * Without it a change is told at most as long as this process lives, by every instance, and the
   * oldest are dropped when the broker is away for too long.
   */
  readonly outbox?: ChangeOutbox | undefined;
  /** Default 10,000. Changes in memory that wait for the broker. */
  readonly changesMax?: number | undefined;
  /** Default 10,000. How long the broker may confirm nothing before a new connection is made. */
  readonly confirmTimeoutMs?: number | undefined;
  readonly log: AdapterLog;
  /** Default: that of the system. */
  readonly clock?: Clock | undefined;
  readonly timers: Timers;
}

/** What happened since the start, in messages. */
export interface AmqpStats extends PublisherStats {
  /** Attempts beyond the first one. */
  readonly retried: number;
  readonly deadLettered: number;
}

export interface AmqpAdapterEvents {
  /** Requests are being served. */
  connected: [];
  /** They are not any more: the broker or the queue is gone, or `stop` was called. */
  disconnected: [];
}

const EXCHANGE = 'ticket.locks';
const CHANGES_MAX = 10_000;
const CONFIRM_TIMEOUT_MS = 10_000;
/**
 * How long a stop waits at most, for the requests in work, for the changes that they made to be
 * told, and for the broker: a peer that is gone says nothing.
 */
const DRAIN_TIMEOUT_MS = 4000;
const TELL_TIMEOUT_MS = 2000;
const CLOSE_TIMEOUT_MS = 1500;

/**
 * Ticket locks over RabbitMQ, for services that speak NestJS.
 *
 * NEW -> `start` (when `locks` has started) -> RUNNING (connected or not, back and forth) -> `stop`
 * (before `locks` stops) -> STOPPED. It starts without the broker and serves as soon as that is
 * there. Holds no state of its own but the changes that the broker has not taken over yet.
 */
export class AmqpAdapter extends EventEmitter<AmqpAdapterEvents> {
  readonly #server: RpcServer;
  readonly #desk: DeliveryDesk;
  readonly #sideQueues: SideQueues;
  readonly #publisher: ChangePublisher;
  readonly #connection: BrokerConnection;
  readonly #timers: Timers;
  #drained: Promise<void> | undefined;
  #isConnected = false;

  /** Throws `TypeError` when the URL is none of AMQP. */
  constructor(options: AmqpAdapterOptions) {
    super();
    const { url, locks, queue, log, timers, inventorySource } = options;
    const clock = options.clock ?? systemClock();
    this.#timers = timers;
    this.#sideQueues = new SideQueues({ queue, log, clock, timers });
    this.#desk = new DeliveryDesk({
      handlers: createHandlers({ ...options, inventory: inventorySource, clock }),
      sideQueues: this.#sideQueues,
      log,
      clock,
      timers,
    });
    this.#server = new RpcServer({
      ...options,
      desk: this.#desk,
      onServing: (isServing) => this.#onServing(isServing),
    });
    this.#publisher = new ChangePublisher({
      exchange: options.exchange ?? EXCHANGE,
      refundQueue: `${queue}.refunds`,
      locks,
      outbox: options.outbox,
      runId: randomIds().sessionId(),
      changesMax: options.changesMax ?? CHANGES_MAX,
      confirmTimeoutMs: options.confirmTimeoutMs ?? CONFIRM_TIMEOUT_MS,
      log,
      timers,
    });
    const others = inventorySource === undefined ? [] : [inventorySource];
    const users = [this.#sideQueues, ...others, this.#server, this.#publisher];
    this.#connection = new BrokerConnection({ url, users, log });
  }

  /** Begins to connect and returns at once. Rejects when the outbox cannot be used. */
  async start(): Promise<void> {
    await this.#publisher.start();
    await this.#connection.start();
  }

  /** Takes no more requests, and answers those in work. The first part of a stop. */
  drain(): Promise<void> {
    this.#drained ??= this.#within(DRAIN_TIMEOUT_MS, this.#server.drain());
    return this.#drained;
  }

  /** Takes no more requests, answers those in work, tells the last changes, and leaves. */
  async stop(): Promise<void> {
    await this.drain();
    await this.#within(TELL_TIMEOUT_MS, this.#publisher.drain());
    await this.#within(CLOSE_TIMEOUT_MS, this.#publisher.stop());
    await this.#within(CLOSE_TIMEOUT_MS, this.#connection.close());
    this.#onServing(false);
  }

  /** Whether requests are being served: the broker is there, and the queue. */
  get isConnected(): boolean {
    return this.#isConnected;
  }

  messageStats(): AmqpStats {
    return {
      ...this.#publisher.stats(),
      retried: this.#desk.retriedCount,
      deadLettered: this.#sideQueues.buriedCount,
    };
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
