import type { Clock, LockChange, TicketLocks, Timers } from '@ticket-locks/lock-engine';

import type { AmqpConfig } from './config.js';
import { DemoChanges } from './demo-changes.js';
import { demoOrderRoutes } from './demo-orders.js';
import { eventFigures, EventLoopWatch } from './demo-overview.js';
import { demoPageRoutes } from './demo-page.js';
import { demoTokenRoute } from './demo-token.js';
import { json } from './http-answer.js';
import type { PostRoute, Route } from './http-server.js';
import type { DescribedEvent } from './inventory.js';
import { LocalOrdersDesk } from './orders-desk.js';
import type { OrdersDesk } from './orders-desk.js';
import { RabbitOrdersDesk } from './rabbit-orders-desk.js';
import type { ServiceLog } from './service-log.js';
import type { TokenConfig } from './token-config.js';

export interface DemoOptions {
  readonly tokens: TokenConfig;
  readonly events: readonly DescribedEvent[];
  /** Where the built demo page is, if it was built. */
  readonly pageFolder: string;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: ServiceLog;
  readonly locks: TicketLocks;
  /** Set: the demo's orders go through RabbitMQ, as real ones do. */
  readonly amqp: Pick<AmqpConfig, 'url' | 'queue'> | undefined;
}

/**
 * The demo page and what it needs beside the socket: tokens for whoever one wants to be, events,
 * orders, and a look inside. Not for production.
 *
 * WATCHING from the beginning -> `stop`.
 */
export class Demo {
  readonly routes: ReadonlyMap<string, Route>;
  readonly postRoutes: ReadonlyMap<string, PostRoute>;
  readonly #locks: TicketLocks;
  readonly #desk: OrdersDesk;
  readonly #changes = new DemoChanges();
  readonly #eventLoop = new EventLoopWatch();
  readonly #onChange = (change: LockChange) => this.#changes.onChange(change);

  constructor({ tokens, events, pageFolder, clock, locks, amqp, ...parts }: DemoOptions) {
    this.#locks = locks;
    this.#desk =
      amqp === undefined ? new LocalOrdersDesk(locks) : new RabbitOrdersDesk({ ...parts, ...amqp });
    locks.on('change', this.#onChange);
    this.routes = new Map<string, Route>([
      ...demoPageRoutes(pageFolder),
      ['/demo/token', demoTokenRoute(tokens, clock)],
      ['/demo/events', async () => json(200, { events })],
      ['/demo/changes', async (query) => json(200, this.#changesAfter(query))],
      ['/demo/overview', async () => json(200, await this.#overview(events))],
    ]);
    this.postRoutes = demoOrderRoutes({ desk: this.#desk, locks, events });
  }

  async stop(): Promise<void> {
    this.#locks.off('change', this.#onChange);
    this.#eventLoop.stop();
    await this.#desk.close();
  }

  /** The number of another life of this service is not believed. */
  #changesAfter(query: URLSearchParams): object {
    const asked = Number(query.get('after'));
    const after = asked > 0 && asked <= this.#changes.count ? asked : 0;
    return { count: this.#changes.count, changes: this.#changes.after(after) };
  }

  async #overview(events: readonly DescribedEvent[]): Promise<object> {
    return {
      events: await eventFigures(this.#locks, events),
      eventLoopDelay: this.#eventLoop.delay,
      heapUsedBytes: process.memoryUsage().heapUsed,
      uptimeSeconds: Math.round(process.uptime()),
      orders: this.#desk instanceof RabbitOrdersDesk ? 'rabbitmq' : 'in-process',
    };
  }
}
