import type { TicketLocks } from '@ticket-locks/lock-engine';
import type { SocketStats } from '@ticket-locks/socket-adapter';
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';

export interface MetricsOptions {
  readonly locks: Pick<TicketLocks, 'stats'>;
  readonly sockets: () => SocketStats;
}

/** What Prometheus may ask for; everything is read when it asks. */
export function createMetrics({ locks, sockets }: MetricsOptions): Registry {
  const register = new Registry();
  collectDefaultMetrics({ register });
  const metrics = [lockGauge(locks), unsettledGauge(locks), ...socketMetrics(sockets)];
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
