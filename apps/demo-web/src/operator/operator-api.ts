// What the operator looks at: `/stats` and health are there in production too, the rest is not.
import type { Id } from '@ticket-locks/socket-adapter/protocol';

import { fetchJson } from '../demo-api.js';

export interface Stats {
  readonly connectedUsers: number;
  readonly connections: number;
  readonly ticketLocks: {
    readonly activeLocks: number;
    readonly usersWithLocks: number;
    readonly locksByStatus: Readonly<
      Record<'active' | 'confirmed' | 'expired' | 'released', number>
    >;
  };
}

export interface Health {
  readonly status: string;
  readonly missing?: readonly string[];
  readonly degraded: readonly string[];
}

export interface Overview {
  readonly events: readonly {
    readonly eventId: Id;
    readonly name: string;
    readonly categories: readonly CategoryFigures[];
  }[];
  readonly eventLoopDelay: {
    readonly p50Ms: number;
    readonly p99Ms: number;
    readonly maxMs: number;
  };
  readonly heapUsedBytes: number;
  readonly uptimeSeconds: number;
  readonly orders: 'rabbitmq' | 'in-process';
}

interface CategoryFigures {
  readonly categoryId: Id;
  readonly name: string;
  readonly capacity: number;
  readonly available: number;
  readonly locked: number;
  readonly sold: number;
}

export interface ShownChange {
  readonly number: number;
  readonly type: string;
  readonly at: string;
  readonly eventId?: Id;
  readonly categoryId?: Id;
  readonly userId?: Id;
  readonly lockId?: string;
  readonly quantity?: number;
  readonly previousQuantity?: number;
  readonly orderId?: Id;
  readonly reason?: string;
  readonly late?: true;
}

export const fetchStats = () => fetchJson<Stats>('/stats');
export const fetchOverview = () => fetchJson<Overview>('/demo/overview');
export const fetchChanges = (after: number) =>
  fetchJson<{ count: number; changes: readonly ShownChange[] }>(`/demo/changes?after=${after}`);

/** A service that is not ready says so with another status, and that is an answer too. */
export async function fetchHealth(): Promise<Health> {
  const response = await fetch('/health/ready');
  return (await response.json()) as Health;
}
