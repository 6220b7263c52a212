// Money that came too late is in the ledger, whatever Redis forgets.
import { randomBytes } from 'node:crypto';

import type { LockChange } from '@ticket-locks/lock-engine';
import { PostgresDecisionLedger } from '@ticket-locks/sql-ledger/postgres';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { Branches, codeOf, valueOf, wish } from './branches.js';
import type { Branch } from './branches.js';

let branches: Branches;
let ledger: PostgresDecisionLedger;
let branch: Branch;

/** The server for tests. Throws when there is none: a test that did not run has shown nothing. */
function databaseUrl(): string {
  const url = process.env['TEST_DATABASE_URL'];
  if (url !== undefined && url !== '') return url;
  throw new Error('TEST_DATABASE_URL must name a PostgreSQL for tests; `npm test` starts one');
}

beforeEach(async () => {
  const schema = `test_${randomBytes(6).toString('hex')}`;
  ledger = new PostgresDecisionLedger({ url: databaseUrl(), schema });
  branches = new Branches({ decisions: () => ledger });
  [branch] = (await branches.open(1)) as [Branch];
});

afterEach(async () => {
  await branches.close();
  await ledger.close();
});

async function expiredLock(): Promise<string> {
  const { lockId } = valueOf(await branch.locks.lock(wish('ann', 'a', 2)));
  await branches.clock.advanceAsync(61_000);
  return lockId;
}

async function loseRedis(): Promise<void> {
  await branches.lose();
  await vi.waitFor(async () => {
    await branches.clock.advanceAsync(50);
    expect(codeOf(await branch.locks.availability(1))).toBe('ok');
  });
}

const refundsTold = () =>
  branch.changes.filter((change): change is Extract<LockChange, { type: 'refund-required' }> => {
    return change.type === 'refund-required';
  });

test('what is noted of an expired lock survives a loss of Redis, and a repeat is no second', async () => {
  const lockId = await expiredLock();
  const noted = valueOf(await branch.locks.requireRefund({ lockId, orderId: 7 }));
  expect(noted).toMatchObject({ lockId, orderId: 7, userId: 'ann', quantity: 2 });
  expect(await ledger.refundsRequired()).toEqual([noted]);
  await loseRedis();
  expect(await branch.locks.refundsRequired()).toEqual([noted]);
  const again = await branch.locks.requireRefund({ lockId, orderId: 7, quantity: 2 });
  expect(valueOf(again)).toEqual(noted);
  expect(await branch.locks.refundsRequired()).toEqual([noted]);
});

test('of a lost lock what is claimed is noted, and told where that is everything', async () => {
  const { lockId } = valueOf(await branch.locks.lock(wish('ann', 'a', 2)));
  const other = valueOf(await branch.locks.lock(wish('ben', 'b', 1)));
  await loseRedis();
  expect(codeOf(await branch.locks.confirm({ lockId, orderId: 7 }))).toBe('LOCK_LOST');
  const claims = { categoryId: 2, userId: 'ann', quantity: 2 };
  const refund = { lockId, orderId: 7, eventId: 1, ...claims };
  expect(valueOf(await branch.locks.requireRefund({ ...refund, eventId: 1 }))).toMatchObject(
    refund,
  );
  await vi.waitFor(() => expect(refundsTold()).toMatchObject([refund]));
  const little = valueOf(await branch.locks.requireRefund({ lockId: other.lockId }));
  expect(little).toEqual({
    lockId: other.lockId,
    eventId: 1,
    requiredAtMs: expect.any(Number) as number,
  });
  expect(refundsTold()).toHaveLength(1);
  expect(await branch.locks.refundsRequired()).toHaveLength(2);
});

test('of a lost lock whose sale was aborted the record says what it was', async () => {
  const { lockId } = valueOf(await branch.locks.lock(wish('ann', 'a', 2)));
  const facts = { eventId: 1, categoryId: 2, userId: 'ann', quantity: 2, orderId: 7 };
  await ledger.abort({ lockId, ...facts, epoch: 1, capacityAtGrant: 10 });
  await loseRedis();
  const noted = valueOf(await branch.locks.requireRefund({ lockId, quantity: 5 }));
  expect(noted).toMatchObject({ lockId, orderId: 7, userId: 'ann', quantity: 2 });
});

test('nothing is noted of a lock that is sold, is not over, or never was', async () => {
  const { lockId } = valueOf(await branch.locks.lock(wish('ann', 'a', 2)));
  expect(codeOf(await branch.locks.requireRefund({ lockId }))).toBe('LOCK_MISMATCH');
  valueOf(await branch.locks.confirm({ lockId, orderId: 7 }));
  expect(codeOf(await branch.locks.requireRefund({ lockId }))).toBe('LOCK_CONFIRMED');
  await loseRedis();
  expect(codeOf(await branch.locks.requireRefund({ lockId }))).toBe('LOCK_CONFIRMED');
  const never = lockId.replace(/\.n1$/, '.n77');
  expect(codeOf(await branch.locks.requireRefund({ lockId: never }))).toBe('LOCK_LOST');
  expect(await ledger.refundsRequired()).toEqual([]);
});

test('without the ledger nobody is told that it is noted', async () => {
  const lockId = await expiredLock();
  vi.spyOn(ledger, 'noteRefund').mockRejectedValue(new Error('PostgreSQL is away'));
  expect(codeOf(await branch.locks.requireRefund({ lockId }))).toBe('OUTCOME_UNKNOWN');
  vi.restoreAllMocks();
  expect(codeOf(await branch.locks.requireRefund({ lockId }))).toBe('ok');
  expect(await ledger.refundsRequired()).toHaveLength(1);
});
