import { once } from 'node:events';
import type { Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

import { AmqpAdapter } from '@ticket-locks/amqp-adapter';
import { LocalTicketLocks, systemClock, systemTimers } from '@ticket-locks/lock-engine';
import type { Clock, InventorySource, Timers } from '@ticket-locks/lock-engine';
import { SocketAdapter, socketServerOptions, tokenVerifier } from '@ticket-locks/socket-adapter';
import { Server } from 'socket.io';

import type { AmqpConfig, Config } from './config.js';
import { demoRoutes } from './demo.js';
import { createHttpServer } from './http-server.js';
import type { Route } from './http-server.js';
import type { FixedInventory } from './inventory.js';
import { createLedger } from './ledger.js';
import { createMetrics } from './metrics.js';
import { readStats, serviceRoutes } from './routes.js';
import type { Readiness } from './routes.js';
import type { ServiceLog } from './service-log.js';

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
/** An events service that is not asked yet: whatever would need it is unavailable. */
const SILENT_SOURCE: InventorySource = {
  load: () => Promise.reject(new Error('this version does not ask the events service')),
};
/** How long closed connections are waited for: a peer that is gone does not answer a farewell. */
const CLOSE_TIMEOUT_MS = 2000;

/**
 * All parts of the service, put together.
 *
 * NEW -> `start` -> RUNNING -> `stop` -> STOPPED. Stopping goes from the outside in: not ready any
 * more, requests in work finished, sockets closed so that clients come back elsewhere, then the
 * store.
 */
export class Service {
  readonly #config: Config;
  readonly #clock: Clock = systemClock();
  readonly #timers: Timers = systemTimers();
  readonly #locks: LocalTicketLocks;
  readonly #log: ServiceLog;
  readonly #http: HttpServer;
  readonly #io: Server;
  readonly #sockets: SocketAdapter;
  readonly #amqp: AmqpAdapter | undefined;
  #missing: readonly string[] = ['start'];

  constructor(options: ServiceOptions) {
    const { config, inventory, log, onFailure } = options;
    this.#config = config;
    this.#log = log;
    const ledger = createLedger(config.ledger, log);
    this.#locks = new LocalTicketLocks({
      source: config.hasEventsService ? SILENT_SOURCE : inventory,
      ...(ledger !== undefined && { ledger }),
      policy: config.policy,
      disconnectGraceMs: config.disconnectGraceMs,
      cleanupIntervalMs: config.cleanupIntervalMs,
      clock: this.#clock,
      timers: this.#timers,
    });
    this.#locks.on('failure', onFailure);
    this.#http = createHttpServer({
      routes: this.#routes(inventory),
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
      clock: this.#clock,
      timers: this.#timers,
      log,
    });
    this.#amqp = config.amqp && this.#createAmqp(config.amqp, log);
  }

  /** Returns the port. Rejects when the port is taken or the store cannot be had. */
  async start(): Promise<number> {
    await this.#locks.start();
    this.#tellRecovery();
    this.#sockets.start();
    this.#http.listen(this.#config.port, this.#config.host);
    await once(this.#http, 'listening');
    await this.#amqp?.start();
    this.#missing = [];
    return (this.#http.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    this.#missing = ['stopping'];
    await Promise.all([this.#sockets.stop(), this.#amqp?.stop()]);
    await this.#within(CLOSE_TIMEOUT_MS, this.#io.close());
    await this.#locks.stop();
  }

  #tellRecovery(): void {
    const { recovery } = this.#locks;
    if (recovery === undefined) return;
    this.#log.info(recovery, 'the ledger was read');
    const { clockMovedBackMs } = recovery;
    if (clockMovedBackMs === 0) return;
    this.#log.warn(
      { clockMovedBackMs },
      'the clock stands behind the ledger: time goes on from the newest change',
    );
  }

  #routes(inventory: FixedInventory): ReadonlyMap<string, Route> {
    const { isDemo, tokens } = this.#config;
    const routes = serviceRoutes({
      stats: () => this.#stats(),
      readiness: () => this.#readiness(),
      metrics: createMetrics({ locks: this.#locks, sockets: () => this.#sockets.stats() }),
    });
    if (!isDemo) return routes;
    // The same place beside the sources and beside what is built of them.
    const pageFolder = fileURLToPath(new URL('../../demo-web/dist', import.meta.url));
    const demo = demoRoutes({ tokens, events: inventory.events, pageFolder, clock: this.#clock });
    return new Map([...routes, ...demo]);
  }

  #createAmqp(config: AmqpConfig, log: ServiceLog): AmqpAdapter {
    return new AmqpAdapter({
      ...config,
      locks: this.#locks,
      stats: () => this.#stats(),
      log,
      timers: this.#timers,
    });
  }

  #stats(): Promise<object> {
    return readStats(this.#locks, this.#sockets.stats());
  }

  #readiness(): Readiness {
    const degraded: string[] = [];
    if (this.#amqp?.isConnected === false) degraded.push('rabbitmq');
    if (this.#config.hasEventsService) degraded.push('events');
    return { missing: this.#missing, degraded };
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
