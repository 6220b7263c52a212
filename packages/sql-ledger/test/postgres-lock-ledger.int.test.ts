import type { LockLedger } from '@ticket-locks/lock-engine';
import { LocalTicketLocks } from '@ticket-locks/lock-engine';
import {
  describeChangeOutboxContract,
  describeLockLedgerContract,
  ledgerOutbox,
} from '@ticket-locks/lock-engine/testing';
import type { LedgerUnderTest } from '@ticket-locks/lock-engine/testing';
import { PostgresLockLedger } from '@ticket-locks/sql-ledger/postgres';
import { afterEach, expect, test, vi } from 'vitest';

import { PostgresStore } from '../src/postgres/postgres-store.js';
import { busyOptions } from './busy-options.js';
import { inlineLedger } from './inline-ledger.js';
import { killRounds } from './kill-rounds.js';
import { randomIntegers } from './box-office.js';
import { administer, databaseUrl, dropSchema, newSchema } from './test-database.js';

/** Ends the connection of the ledger in the schema, as the end of its process would. */
async function cutOff(schema: string): Promise<void> {
  const holder = `SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = 1
    AND classid = (hashtext('ledger ${schema}')::bigint & 4294967295)::oid`;
  await administer(`SELECT pg_terminate_backend(pid) FROM (${holder}) AS holder`);
  await vi.waitFor(async () => expect(await administer(holder)).toEqual([]));
}

function inOneThread(): LedgerUnderTest {
  const ownSchema = newSchema();
  const openInline = () =>
    inlineLedger({
      store: new PostgresStore({ url: databaseUrl(), schema: ownSchema }),
      foldAtLatest: 20,
      outbox: true,
    });
  return {
    ledger: openInline(),
    crash: () => cutOff(ownSchema),
    breakDisk: async () => {
      await administer(`ALTER TABLE ${ownSchema}.changes RENAME TO out_of_reach`);
    },
    reopen: async () => {
      await administer(`ALTER TABLE IF EXISTS ${ownSchema}.out_of_reach RENAME TO changes`);
      return openInline();
    },
    dispose: () => dropSchema(ownSchema),
  };
}

describeLockLedgerContract({ name: 'PostgresLockLedger', create: inOneThread });
describeChangeOutboxContract({
  name: 'PostgresLockLedger',
  create: () => ledgerOutbox(inOneThread()),
});

const schema = newSchema();
afterEach(() => dropSchema(schema));

const open = () => new PostgresLockLedger({ url: databaseUrl(), schema });
const serviceOn = (ledger: LockLedger) => new LocalTicketLocks({ ...busyOptions(), ledger });
const wish = { eventId: 1, categoryId: 1, quantity: 1, userId: 1, sessionId: 's' };

test('a second process is refused, and let in when the first has ended', async () => {
  const first = open();
  await first.load();
  const second = open();
  await expect(second.load()).rejects.toMatchObject({
    code: 'LEDGER_IN_USE',
    message: expect.stringContaining(`schema ${schema} is in use by another process`) as string,
  });
  await second.close();
  await first.close();
  const third = open();
  await third.load();
  await third.close();
});

test('the loss of the connection, even an idle one, stops the service', async () => {
  const locks = serviceOn(open());
  const failures: Error[] = [];
  locks.on('failure', (error) => failures.push(error));
  await locks.start();
  const granted = await locks.lock(wish);
  await cutOff(schema);
  // It is noticed at the next write at the latest: that one is unknown, and nothing is granted from
  // then on.
  const next = await locks.lock({ ...wish, userId: 2 });
  expect(next).toMatchObject({ ok: false, error: { code: 'OUTCOME_UNKNOWN' } });
  expect(await locks.lock({ ...wish, userId: 3 })).toMatchObject({
    ok: false,
    error: { code: 'UNAVAILABLE' },
  });
  expect(failures).toHaveLength(1);
  expect(failures[0]?.message).toContain(`schema ${schema}`);
  await locks.stop();

  const again = serviceOn(open());
  await again.start();
  const lockId = granted.ok ? granted.value.lockId : '';
  expect(await again.lockById(lockId)).toMatchObject({ status: 'ACTIVE' });
  await again.stop();
});

test('without a server it says so, and does not start', async () => {
  const url = 'postgres://nobody@127.0.0.1:1/none';
  const ledger = new PostgresLockLedger({ url, timeoutMs: 2_000 });
  await expect(ledger.load()).rejects.toMatchObject({ code: 'LEDGER_FAILED' });
  await expect(new PostgresLockLedger({ url }).load()).rejects.toThrow(/cannot connect/);
  await ledger.close();
});

test('kill -9 under load, five times, loses nothing that was told', async () => {
  process.env['BUSY_DATABASE_SCHEMA'] = schema;
  const report = await killRounds({
    folder: '',
    rounds: 5,
    openLedger: open,
    random: randomIntegers(5),
  });
  expect(report.problems).toEqual([]);
  expect(report.answers).toBeGreaterThan(100);
});
