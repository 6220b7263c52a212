import type { TicketLocks } from '@ticket-locks/lock-engine';
import type { SocketStats } from '@ticket-locks/socket-adapter';
import type { Registry } from 'prom-client';

import { json } from './http-answer.js';
import type { HttpAnswer } from './http-answer.js';
import type { Route } from './http-server.js';

export interface Readiness {
  /** Without these no buyer can be served. */
  readonly missing: readonly string[];
  /** Without these buyers are served, and something else is not. */
  readonly degraded: readonly string[];
}

export interface RouteOptions {
  readonly stats: () => Promise<object>;
  readonly readiness: () => Readiness;
  readonly metrics: Registry;
}

/** What everybody may ask for. */
export function serviceRoutes({
  stats,
  readiness,
  metrics,
}: RouteOptions): ReadonlyMap<string, Route> {
  return new Map<string, Route>([
    ['/', async () => json(200, { service: 'realtime-service', namespace: '/realtime' })],
    ['/stats', () => statsAnswer(stats)],
    ['/health/live', async () => json(200, { status: 'live' })],
    [
      '/health/ready',
      async () => {
        const { missing, degraded } = readiness();
        if (missing.length > 0) return json(503, { status: 'not ready', missing, degraded });
        return json(200, { status: 'ready', degraded });
      },
    ],
    [
      '/metrics',
      async () => ({ status: 200, type: metrics.contentType, body: await metrics.metrics() }),
    ],
  ]);
}

/** Without a store that answers there are no figures. */
async function statsAnswer(stats: RouteOptions['stats']): Promise<HttpAnswer> {
  try {
    return json(200, await stats());
  } catch {
    return json(503, { code: 'UNAVAILABLE', message: 'The service cannot do this now' });
  }
}

/** The figures of `/stats` and of `get-realtime-stats`. */
export async function readStats(
  locks: Pick<TicketLocks, 'stats'>,
  sockets: SocketStats,
): Promise<object> {
  const { unsettledLocks, rememberedRequests, events, ...ticketLocks } = await locks.stats();
  return {
    service: 'realtime-service',
    status: 'active',
    connectedUsers: sockets.connectedUsers,
    connections: sockets.connections,
    ticketLocks: { ...ticketLocks, unsettledLocks },
    rememberedRequests,
    events,
  };
}
