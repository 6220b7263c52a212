import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { io } from 'socket.io-client';
import type { Socket } from 'socket.io-client';

import { closedLoop } from './closed-loop.js';
import type { LedgerRequest } from './ledger-in-process.js';
import type { LedgerSample } from './ledger.bench.js';
import { cpuUsOf } from './process-cpu.js';

const SERVICE = fileURLToPath(new URL('../../apps/realtime-service/dist/main.js', import.meta.url));
const SECRET = 'a secret of the benchmark, long enough for HS256';
const NO_LIMITS = {
  RATE_LIMIT_LOCKS_PER_MINUTE: '0',
  RATE_LIMIT_MESSAGES_PER_SECOND: '0',
  MAX_CONNECTIONS_PER_IP: '0',
  ENDED_LOCK_RETENTION_HOURS: '1',
};

/** Clients with a socket each, in this process, and the real service in one of its own. */
export async function lockOverSockets(request: LedgerRequest): Promise<LedgerSample> {
  const { clients, seconds, hasLedger } = request;
  const folder = mkdtempSync(join(tmpdir(), 'ticket-locks-bench-'));
  const { child, port } = await startService(folder, hasLedger);
  try {
    const sockets = await Promise.all(
      Array.from({ length: clients }, (_, client) => connect(port, client + 1)),
    );
    const visit = lockAndUnlock(sockets);
    await closedLoop(clients, seconds / 4, visit);
    const cpuBeforeUs = cpuUsOf(child);
    const { requestCount, elapsedMs, p50Ms, p99Ms } = await closedLoop(clients, seconds, visit);
    const cpuUs = cpuUsOf(child) - cpuBeforeUs;
    for (const socket of sockets) socket.disconnect();
    return {
      requestsPerSecond: (requestCount / elapsedMs) * 1000,
      p50Ms,
      p99Ms,
      cpuUsPerRequest: cpuUs / requestCount,
    };
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
    rmSync(folder, { recursive: true });
  }
}

async function startService(
  folder: string,
  hasLedger: boolean,
): Promise<{ readonly child: ChildProcess; readonly port: number }> {
  const categories = Array.from({ length: 64 }, (_, index) => ({
    categoryId: index + 1,
    name: `Category ${index + 1}`,
    capacity: 1_000_000,
  }));
  const inventory = join(folder, 'inventory.json');
  writeFileSync(inventory, JSON.stringify({ events: [{ eventId: 1, name: 'Event', categories }] }));
  const child = spawn(process.execPath, [SERVICE], {
    env: {
      ...NO_LIMITS,
      PATH: process.env['PATH'],
      JWT_SECRET: SECRET,
      WEBSOCKET_PORT: '0',
      HOST: '127.0.0.1',
      INVENTORY_FILE: inventory,
      DATA_DIR: hasLedger ? join(folder, 'data') : 'none',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const port = /"port":(\d+),"msg":"the service is ready"/.exec(line)?.[1];
    if (port !== undefined) return { child, port: Number(port) };
  }
  throw new Error('the service did not start');
}

async function connect(port: number, userId: number): Promise<Socket> {
  const socket = io(`http://127.0.0.1:${port}/realtime`, {
    transports: ['websocket'],
    auth: { token: tokenFor(userId) },
    forceNew: true,
    reconnection: false,
  });
  const failed = new Promise<never>((_, reject) => {
    socket.once('connect_error', reject);
  });
  await Promise.race([
    new Promise<void>((resolve) => socket.once('connected', () => resolve())),
    failed,
  ]);
  return socket;
}

function tokenFor(userId: number): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const exp = Math.floor(Date.now() / 1000) + 3_600;
  const signed = `${part({ alg: 'HS256' })}.${part({ sub: String(userId), exp })}`;
  return `${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}`;
}

function lockAndUnlock(sockets: readonly Socket[]): Parameters<typeof closedLoop>[2] {
  return async (client, ask) => {
    const socket = sockets[client];
    const send = async (event: string, payload: object) => {
      const answer = (await socket?.emitWithAck(event, payload)) as Record<string, unknown>;
      if (answer['success'] !== true) throw new Error(`${event}: ${JSON.stringify(answer)}`);
      return answer;
    };
    const wish = { eventId: 1, categoryId: 1 + (client % 64), quantity: 2 };
    const { lockId } = await ask(() => send('lock-tickets', wish));
    await ask(() => send('unlock-tickets', { lockId }));
  };
}
