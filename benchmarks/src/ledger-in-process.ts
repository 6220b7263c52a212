import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { LocalTicketLocks } from '@ticket-locks/lock-engine';
import { SqliteLockLedger } from '@ticket-locks/sql-ledger/sqlite';

import { closedLoop } from './closed-loop.js';
import type { LedgerSample } from './ledger.bench.js';

export interface LedgerRequest {
  readonly clients: number;
  readonly seconds: number;
  readonly hasLedger: boolean;
}

/** Callers in this process: what the ledger adds when nothing else costs anything. */
export async function lockInProcess(request: LedgerRequest): Promise<LedgerSample> {
  const { clients, seconds, hasLedger } = request;
  const folder = mkdtempSync(join(tmpdir(), 'ticket-locks-bench-'));
  const categories = Array.from({ length: 64 }, (_, categoryId) => ({ categoryId, capacity: 1e9 }));
  const locks = new LocalTicketLocks({
    source: { load: () => Promise.resolve({ categories }) },
    // Few, so that the memory of both stays the same.
    policy: { endedLocksMax: 1000 },
    ...(hasLedger && { ledger: new SqliteLockLedger({ folder }) }),
  });
  await locks.start();
  const visit = lockAndUnlock(locks);
  await closedLoop(clients, seconds / 4, visit);
  const before = process.cpuUsage();
  const result = await closedLoop(clients, seconds, visit);
  const { user, system } = process.cpuUsage(before);
  await locks.stop();
  rmSync(folder, { recursive: true });
  const { requestCount, elapsedMs, p50Ms, p99Ms } = result;
  return {
    requestsPerSecond: (requestCount / elapsedMs) * 1000,
    p50Ms,
    p99Ms,
    cpuUsPerRequest: (user + system) / requestCount,
  };
}

function lockAndUnlock(locks: LocalTicketLocks): Parameters<typeof closedLoop>[2] {
  return async (client, ask) => {
    const userId = client + 1;
    const wish = {
      eventId: 1,
      categoryId: client % 64,
      quantity: 2,
      userId,
      sessionId: `s${userId}`,
    };
    const locked = await ask(() => locks.lock(wish));
    if (!locked.ok) throw new Error(`lock: ${locked.error.code}`);
    const { lockId } = locked.value;
    const unlocked = await ask(() => locks.unlock({ lockId, userId }));
    if (!unlocked.ok) throw new Error(`unlock: ${unlocked.error.code}`);
  };
}
