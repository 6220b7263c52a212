import { once } from 'node:events';
import type { Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

import { AmqpAdapter, AmqpInventorySource } from '@ticket-locks/amqp-adapter';
import type { AmqpAdapterOptions } from '@ticket-locks/amqp-adapter';
import { systemClock, systemTimers } from '@ticket-locks/lock-engine';
import type { Clock, TicketLocks, Timers } from '@ticket-locks/lock-engine';
import { SocketAdapter, socketServerOptions, tokenVerifier } from '@ticket-locks/socket-adapter';
import { Server } from 'socket.io';

import type { AmqpConfig, Config } from './config.js';
import { Demo } from './demo.js';
import type { EventsConfig } from './events-config.js';
import { createHttpServer } from './http-server.js';
import type { Route } from './http-server.js';
import type { FixedInventory } from './inventory.js';
import { createLockStore } from './lock-store.js';
import type { LockStore } from './lock-store.js';
import type { MessageState } from './message-metrics.js';
import { createMetrics } from './metrics.js';
import { readStats, serviceRoutes } from './routes.js';
import type { Readiness } from './routes.js';
import type { ServiceLog } from './service-log.js';
import { SettlementWatch } from './settlement-watch.js';

export interface ServiceOptions {
  readonly config: Config;
  readonly inventory: FixedInventory;
  readonly log: ServiceLog;
  /** The store can no longer be trusted: the process should end, and begin anew. */
  readonly onFailure: (error: Error) => void;
}

/**
 * Connections beyond those of buyers: for who looks at the health, and for handshakes under way.
 */
const CONNECTIONS_SPARE = 1000;
/** How long closed connections are waited for: a peer that is gone does not answer a farewell. */
const CLOSE_TIMEOUT_MS = 2000;

/**
 * All parts of the service, put together.
 *
 * NEW -> `start` -> RUNNING -> `stop` -> STOPPED. Stopping goes from the outside in: not ready any
 * more, requests in work finished, what they changed told to others, sockets closed so that
 * clients come back elsewhere, then the store.
 */
export class Service {
  readonly #config: Config;
  readonly #clock: Clock = systemClock();
  readonly #timers: Timers = systemTimers();
  /** Set: the events service is the source of truth. */
  readonly #events: AmqpInventorySource | undefined;
  readonly #settlements: SettlementWatch | undefined;
  readonly #store: LockStore;
  readonly #locks: TicketLocks;
  readonly #log: ServiceLog;
  readonly #http: HttpServer;
  readonly #io: Server;
  readonly #sockets: SocketAdapter;
  readonly #amqp: AmqpAdapter | undefined;
  readonly #demo: Demo | undefined;
  #missing: readonly string[] = ['start'];

  constructor(options: ServiceOptions) {
    const { config, inventory, log, onFailure } = options;
    this.#config = config;
    this.#log = log;
    this.#events = config.events && this.#createEvents(config.events);
    this.#store = createLockStore({
      config,
      source: this.#events ?? inventory,
      clock: this.#clock,
      timers: this.#timers,
      log,
    });
    this.#locks = this.#store.locks;
    this.#locks.on('failure', onFailure);
    this.#settlements = this.#events && this.#createSettlementWatch();
    this.#demo = config.isDemo ? this.#createDemo(inventory) : undefined;
    this.#http = createHttpServer({
      routes: this.#routes(),
      ...(this.#demo !== undefined && { postRoutes: this.#demo.postRoutes }),
      origins: config.origins,
      connectionsMax: connectionsMax(config),
      log,
    });
    this.#io = new Server(this.#http, socketServerOptions({ origins: config.origins }));
    // Nothing is to be had there, and nobody would count who waits.
    this.#io.use((_socket, next) => next(new Error('use the namespace /realtime')));
    this.#sockets = new SocketAdapter({
      io: this.#io,
      locks: this.#locks,
      verifyToken: tokenVerifier({ ...config.tokens, clock: this.#clock }),
      limits: config.limits,
      trustedProxies: config.trustedProxies,
      ...(this.#store.peers !== undefined && { peers: this.#store.peers }),
      clock: this.#clock,
      timers: this.#timers,
      log,
    });
    this.#amqp = config.amqp && this.#createAmqp({ ...config.amqp, outbox: this.#store.outbox });
  }

  /** Returns the port. Rejects when the port is taken or the store cannot be had. */
  async start(): Promise<number> {
    await this.#store.start();
    this.#sockets.start();
    this.#http.listen(this.#config.port, this.#config.host);
    await once(this.#http, 'listening');
    this.#settlements?.start();
    await this.#amqp?.start();
    this.#missing = [];
    return (this.#http.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    this.#missing = ['stopping'];
    this.#settlements?.stop();
    await Promise.all([this.#sockets.stop(), this.#amqp?.drain(), this.#demo?.stop()]);
    // After the last change.
    await this.#amqp?.stop();
    await this.#within(CLOSE_TIMEOUT_MS, this.#io.close());
    await this.#store.stop();
  }

  #routes(): ReadonlyMap<string, Route> {
    const settlements = this.#settlements;
    const routes = serviceRoutes({
      stats: () => this.#stats(),
      readiness: () => this.#readiness(),
      metrics: createMetrics({
        locks: this.#locks,
        store: this.#store,
        sockets: () => this.#sockets.stats(),
        oldestUnsettledSeconds: settlements && (() => settlements.oldestSeconds()),
        messages: this.#config.amqp && (() => this.#messages()),
      }),
    });
    return new Map([...routes, ...(this.#demo?.routes ?? [])]);
  }

  #createDemo({ events }: FixedInventory): Demo {
    const { tokens, amqp } = this.#config;
    // The same place beside the sources and beside what is built of them.
    const pageFolder = fileURLToPath(new URL('../../demo-web/dist', import.meta.url));
    return new Demo({
      tokens,
      events,
      pageFolder,
      clock: this.#clock,
      timers: this.#timers,
      log: this.#log,
      locks: this.#locks,
      amqp,
    });
  }

  #createEvents(config: EventsConfig): AmqpInventorySource {
    return new AmqpInventorySource({
      ...config,
      log: this.#log,
      clock: this.#clock,
      timers: this.#timers,
    });
  }

  #createSettlementWatch(): SettlementWatch {
    return new SettlementWatch({
      locks: this.#locks,
      clock: this.#clock,
      timers: this.#timers,
      log: this.#log,
    });
  }

  #createAmqp(config: AmqpConfig & Pick<AmqpAdapterOptions, 'outbox'>): AmqpAdapter {
    return new AmqpAdapter({
      ...config,
      locks: this.#locks,
      stats: () => this.#stats(),
      inventorySource: this.#events,
      onOrder: (kind, { orderId, eventId, categoryId, quantity, userId }) =>
        this.#sockets.forwardOrder(kind, { orderId, eventId, categoryId, quantity, userId }),
      log: this.#log,
      clock: this.#clock,
      timers: this.#timers,
    });
  }

  #messages(): MessageState {
    const amqp = this.#amqp;
    if (amqp === undefined) throw new TypeError('without RabbitMQ there are no messages');
    return { ...amqp.messageStats(), isConnected: amqp.isConnected };
  }

  #stats(): Promise<object> {
    return readStats(this.#locks, this.#sockets.stats());
  }

  #readiness(): Readiness {
    const degraded: string[] = [];
    if (this.#amqp?.isConnected === false) degraded.push('rabbitmq');
    if (this.#events?.isAnswering === false) degraded.push('events');
    const missing = this.#store.isAvailable ? this.#missing : [...this.#missing, 'store'];
    return { missing, degraded };
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

function connectionsMax({ limits }: Config): number {
  return limits.connectionsMax === 0 ? 0 : limits.connectionsMax + CONNECTIONS_SPARE;
}
