import { LocalTicketLocks, LockEngine } from '@ticket-locks/lock-engine';
import type { LockChange } from '@ticket-locks/lock-engine';
import { SqliteLockLedger } from '@ticket-locks/sql-ledger/sqlite';
import { expect, test, vi } from 'vitest';

import { countingIds, START_MS } from './box-office.js';
import { ManualTimers } from './manual-timers.js';
import { tempFolder } from './temp-folder.js';

// Real files and threads, on a machine that may be busy.
vi.setConfig({ testTimeout: 60_000 });

const CATEGORY = 1;
const TTL_MS = 60_000;

function serviceOn(folder: string, timers = new ManualTimers(), prefix = 'a') {
  return new LocalTicketLocks({
    source: {
      load: () => Promise.resolve({ categories: [{ categoryId: CATEGORY, capacity: 1e6 }] }),
    },
    ledger: new SqliteLockLedger({ folder }),
    clock: timers,
    timers,
    ids: countingIds(prefix),
    disconnectGraceMs: 86_400_000,
    policy: { ttlMs: TTL_MS, expiringNoticeMs: 0 },
  });
}

function given<Value>(answer: { ok: true; value: Value } | { ok: false; error: unknown }): Value {
  if (answer.ok) return answer.value;
  throw new Error(`refused: ${JSON.stringify(answer.error)}`);
}

const wish = { eventId: 1, categoryId: CATEGORY, quantity: 2 };

test('a restart keeps locks with their ends and sessions, sales, and request ids', async () => {
  const folder = tempFolder();
  const first = serviceOn(folder);
  await first.start();
  const session = given(await first.openSession({ userId: 1 }));
  const { sessionId } = session;
  const request = { ...wish, userId: 1, sessionId, requestId: 'r1' };
  const grant = given(await first.lock(request));
  const sold = given(await first.lock({ ...wish, userId: 2, sessionId: 's2' }));
  given(await first.confirm({ lockId: sold.lockId, orderId: 77 }));
  await first.stop();

  const timers = new ManualTimers(START_MS + 5_000);
  const second = serviceOn(folder, timers, 'b');
  await second.start();
  expect(second.recovery).toMatchObject({ activeLocks: 1, unsettledLocks: 1, clockMovedBackMs: 0 });
  const resumed = given(
    await second.resumeSession({ userId: 1, resumeToken: session.resumeToken }),
  );
  expect(resumed).toMatchObject({ sessionId, resumed: true });
  expect(await second.locksOfSession(sessionId)).toMatchObject([
    { lockId: grant.lockId, expiresAtMs: grant.expiresAtMs, status: 'ACTIVE' },
  ]);
  expect(given(await second.lock(request))).toMatchObject({
    lockId: grant.lockId,
    expiresAtMs: grant.expiresAtMs,
  });
  expect(await second.lockById(sold.lockId)).toMatchObject({ status: 'CONFIRMED', orderId: 77 });
  expect(await second.unsettledLocks(1)).toHaveLength(1);
  await second.stop();
});

test('what is over by the time of the restart is expired at once', async () => {
  const folder = tempFolder();
  const first = serviceOn(folder);
  await first.start();
  const grant = given(await first.lock({ ...wish, userId: 1, sessionId: 's1' }));
  await first.stop();

  const second = serviceOn(folder, new ManualTimers(START_MS + TTL_MS), 'b');
  const told: LockChange[] = [];
  second.on('change', (change) => told.push(change));
  await second.start();
  expect(told).toMatchObject([{ type: 'expired', lockId: grant.lockId }]);
  await second.stop();
});

test('a clock that was set back over the restart neither keeps locks nor stops time', async () => {
  const folder = tempFolder();
  const first = serviceOn(folder);
  await first.start();
  const grant = given(await first.lock({ ...wish, userId: 1, sessionId: 's1' }));
  await first.stop();

  const timers = new ManualTimers(START_MS - 3_600_000);
  const second = serviceOn(folder, timers, 'b');
  await second.start();
  expect(second.recovery?.clockMovedBackMs).toBe(3_600_000);
  const lock = await second.lockById(grant.lockId);
  expect(lock).toMatchObject({ status: 'ACTIVE', expiresInMs: TTL_MS });
  timers.advance(TTL_MS - 1);
  expect(await second.lockById(grant.lockId)).toMatchObject({ status: 'ACTIVE' });
  timers.advance(1);
  expect(await second.lockById(grant.lockId)).toMatchObject({ status: 'EXPIRED' });
  given(await second.availability(1));
  // Figures that the source gives now are news, not older than what was known before.
  given(await second.setInventory({ eventId: 1, categories: [{ categoryId: 1, capacity: 5 }] }));
  const { categories } = given(await second.availability(1));
  expect(categories).toMatchObject([{ capacity: 5 }]);
  await second.stop();
});

test.each([
  ['from changes alone', 1_000_000],
  ['from the snapshot', 1],
])(
  '100,000 active locks are back in under three seconds, %s',
  async (_how, foldAtLatest) => {
    const folder = tempFolder();
    const timers = new ManualTimers();
    const engine = new LockEngine({ clock: timers, ids: countingIds(), policy: { ttlMs: TTL_MS } });
    const ledger = new SqliteLockLedger({ folder, foldAtLatest });
    await ledger.load();
    const categories = [{ categoryId: CATEGORY, capacity: 1e6 }];
    await ledger.append(engine.setInventory({ eventId: 1, categories }).changes);
    for (let start = 0; start < 100_000; start += 1_000) {
      const userIds = Array.from({ length: 1_000 }, (_, index) => start + index);
      const locks = userIds.map((userId) =>
        engine.lock({ ...wish, userId, sessionId: `session-${userId}` }),
      );
      await ledger.append(locks.flatMap(({ changes }) => changes));
    }
    await ledger.close();

    const locks = serviceOn(folder, timers, 'b');
    const before = process.cpuUsage();
    await locks.start();
    const { user, system } = process.cpuUsage(before);
    expect(locks.recovery).toMatchObject({ activeLocks: 100_000 });
    // The time of both threads together: on a machine of its own it takes no longer than that.
    expect((user + system) / 1_000).toBeLessThan(3_000);
    await locks.stop();
  },
  60_000,
);
