import { vi } from 'vitest';

import { SECRET, spawnService } from '../service-process.js';
import type { ServiceProcess } from '../service-process.js';

/** Campaigns run for many minutes, beside whatever else the machine has to do. */
const READY_MS = 60_000;

/** Starts a service without limits for buyers who are programs. */
export async function startPatiently(environment: Record<string, string>): Promise<ServiceProcess> {
  const service = spawnService({
    WEBSOCKET_PORT: '0',
    HOST: '127.0.0.1',
    JWT_SECRET: SECRET,
    MAX_LOCKS_PER_USER: '0',
    RATE_LIMIT_LOCKS_PER_MINUTE: '0',
    RATE_LIMIT_MESSAGES_PER_SECOND: '0',
    ...environment,
  });
  return vi.waitFor(() => service.ready(), { timeout: READY_MS, interval: 10 });
}
