import type { TicketLocks } from '@ticket-locks/lock-engine';
import type { SocketStats } from '@ticket-locks/socket-adapter';
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';

import { messageMetrics } from './message-metrics.js';
import type { MessageState } from './message-metrics.js';

export interface MetricsOptions {
  readonly locks: Pick<TicketLocks, 'stats'>;
  readonly sockets: () => SocketStats;
  /** How long the oldest completed order waits to be settled; set with an events service. */
  readonly oldestUnsettledSeconds?: (() => number) | undefined;
  /** Set with RabbitMQ. */
  readonly messages?: (() => MessageState) | undefined;
}

/** What Prometheus may ask for; everything is read when it asks. */
export function createMetrics(options: MetricsOptions): Registry {
  const { locks, sockets, oldestUnsettledSeconds, messages } = options;
  const register = new Registry();
  collectDefaultMetrics({ register });
  const metrics = [lockGauge(locks), unsettledGauge(locks), ...socketMetrics(sockets)];
  if (oldestUnsettledSeconds !== undefined) metrics.push(stuckGauge(oldestUnsettledSeconds));
  if (messages !== undefined) metrics.push(...messageMetrics(messages));
  for (const metric of metrics) register.registerMetric(metric);
  return register;
}

function lockGauge(locks: MetricsOptions['locks']): Gauge {
  return new Gauge({
    name: 'ticket_locks',
    help: 'Locks that are remembered, by status',
    labelNames: ['status'],
    registers: [],
    async collect() {
      const { locksByStatus } = await locks.stats();
      for (const [status, count] of Object.entries(locksByStatus)) this.set({ status }, count);
    },
  });
}

function unsettledGauge(locks: MetricsOptions['locks']): Gauge {
  return new Gauge({
    name: 'ticket_locks_unsettled',
    help: 'Confirmed locks that the source of truth does not count yet',
    registers: [],
    async collect() {
      this.set((await locks.stats()).unsettledLocks);
    },
  });
}

function stuckGauge(oldestUnsettledSeconds: () => number): Gauge {
  return new Gauge({
    name: 'ticket_locks_unsettled_oldest_seconds',
    help: 'How long the oldest completed order waits for the source of truth to count it',
    registers: [],
    collect() {
      this.set(oldestUnsettledSeconds());
    },
  });
}

function socketMetrics(sockets: MetricsOptions['sockets']): (Gauge | Counter)[] {
  const connections = new Gauge({
    name: 'ticket_locks_connections',
    help: 'Open sockets',
    registers: [],
    collect() {
      this.set(sockets().connections);
    },
  });
  const users = new Gauge({
    name: 'ticket_locks_connected_users',
    help: 'Users with at least one open socket',
    registers: [],
    collect() {
      this.set(sockets().connectedUsers);
    },
  });
  const refusals = new Counter({
    name: 'ticket_locks_refusals_total',
    help: 'Refused requests and handshakes, by code',
    labelNames: ['code'],
    registers: [],
    collect() {
      this.reset();
      for (const [code, count] of Object.entries(sockets().refusals)) this.inc({ code }, count);
    },
  });
  return [connections, users, refusals];
}
