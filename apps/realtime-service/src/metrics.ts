import type { LockStats, TicketLocks } from '@ticket-locks/lock-engine';
import type { SocketStats } from '@ticket-locks/socket-adapter';
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';

import type { LockStore } from './lock-store.js';
import { messageMetrics } from './message-metrics.js';
import type { MessageState } from './message-metrics.js';

export interface MetricsOptions {
  readonly locks: Pick<TicketLocks, 'stats'>;
  readonly store: Pick<LockStore, 'isAvailable' | 'epoch'>;
  readonly sockets: () => SocketStats;
  /** How long the oldest completed order waits to be settled; set with an events service. */
  readonly oldestUnsettledSeconds?: (() => number) | undefined;
  /** Set with RabbitMQ. */
  readonly messages?: (() => MessageState) | undefined;
}

/** What Prometheus may ask for; everything is read when it asks. */
export function createMetrics(options: MetricsOptions): Registry {
  const { locks, store, sockets, oldestUnsettledSeconds, messages } = options;
  const register = new Registry();
  collectDefaultMetrics({ register });
  const metrics = [...lockMetrics(locks), ...storeMetrics(store), ...socketMetrics(sockets)];
  if (oldestUnsettledSeconds !== undefined) metrics.push(stuckGauge(oldestUnsettledSeconds));
  if (messages !== undefined) metrics.push(...messageMetrics(messages));
  for (const metric of metrics) register.registerMetric(metric);
  return register;
}

function lockMetrics(locks: MetricsOptions['locks']): Gauge[] {
  // Without a store that answers there are no such figures, but all others still are.
  const stats = (): Promise<LockStats | undefined> => locks.stats().catch(() => undefined);
  const byStatus = new Gauge({
    name: 'ticket_locks',
    help: 'Locks that are remembered, by status',
    labelNames: ['status'],
    registers: [],
    async collect() {
      this.reset();
      const known = await stats();
      if (known === undefined) return;
      const { locksByStatus } = known;
      for (const [status, count] of Object.entries(locksByStatus)) this.set({ status }, count);
    },
  });
  const unsettled = new Gauge({
    name: 'ticket_locks_unsettled',
    help: 'Confirmed locks that the source of truth does not count yet',
    registers: [],
    async collect() {
      const count = (await stats())?.unsettledLocks;
      if (count === undefined) this.remove();
      else this.set(count);
    },
  });
  return [byStatus, unsettled];
}

function storeMetrics(store: MetricsOptions['store']): Gauge[] {
  const available = new Gauge({
    name: 'ticket_locks_store_available',
    help: 'Whether the store can serve buyers: 1 or 0',
    registers: [],
    collect() {
      this.set(store.isAvailable ? 1 : 0);
    },
  });
  if (store.epoch === undefined) return [available];
  const epoch = new Gauge({
    name: 'ticket_locks_store_epoch',
    help: 'Which memory of Redis is in force: it grows when Redis has lost the one before',
    registers: [],
    collect() {
      this.set(store.epoch ?? 0);
    },
  });
  return [available, epoch];
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
    help: 'Open sockets of all instances',
    registers: [],
    collect() {
      this.set(sockets().connections);
    },
  });
  const own = new Gauge({
    name: 'ticket_locks_own_connections',
    help: 'Open sockets of this instance',
    registers: [],
    collect() {
      this.set(sockets().ownConnections);
    },
  });
  const users = new Gauge({
    name: 'ticket_locks_connected_users',
    help: 'Users with at least one open socket, on any instance',
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
  return [connections, own, users, refusals];
}
