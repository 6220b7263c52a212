// A return is the ledger's, whatever Redis has forgotten meanwhile.
import { memoryDecisionLedger } from '@ticket-locks/lock-engine/testing';
import { afterEach, expect, test, vi } from 'vitest';

import type { Branch } from './branches.js';
import { Branches, codeOf, valueOf, wish } from './branches.js';
import { FaultyLedger } from './faulty-ledger.js';

let open: Branches[] = [];

afterEach(async () => {
  await Promise.all(open.map((branches) => branches.close()));
  open = [];
});

async function openSales() {
  const ledger = memoryDecisionLedger({ nowMs: () => 0 });
  const faults = new FaultyLedger(ledger);
  const branches = new Branches({ decisions: () => faults.port });
  open.push(branches);
  const [first] = (await branches.open(1)) as [Branch];
  const lockIds: string[] = [];
  for (const user of ['ann', 'ben']) {
    const { lockId } = valueOf(await first.locks.lock(wish(user)));
    valueOf(await first.locks.confirm({ lockId, orderId: 7 }));
    lockIds.push(lockId);
  }
  const [annsLock = '', bensLock = ''] = lockIds;
  return { branches, first, ledger, faults, annsLock, bensLock };
}

test('a return that Redis did not live to hear of is not said to have changed nothing', async () => {
  const { branches, first, ledger, faults, annsLock, bensLock } = await openSales();
  faults.after.return = () => {
    delete faults.after.return;
    return branches.lose();
  };
  const lockIds = [annsLock, bensLock];
  const answer = await first.locks.releaseMany({ lockIds, orderId: 7 });
  expect(['ok', 'OUTCOME_UNKNOWN']).toContain(codeOf(answer));
  await vi.waitFor(async () => {
    await branches.clock.advanceAsync(50);
    const again = valueOf(await first.locks.releaseMany({ lockIds, orderId: 7 }));
    expect(again.locks).toMatchObject([{ status: 'RELEASED' }, { status: 'RELEASED' }]);
  });
  expect(await ledger.findMany(lockIds)).toMatchObject([
    { outcome: 'returned' },
    { outcome: 'returned' },
  ]);
  const { categories } = valueOf(await first.locks.availability(1));
  expect(categories).toMatchObject([{ confirmed: 0, locked: 0, available: 10 }]);
});

test('a return of what another order bought stays refused after a loss', async () => {
  const { branches, first, ledger, annsLock } = await openSales();
  await branches.lose();
  await vi.waitFor(async () => {
    await branches.clock.advanceAsync(50);
    const answer = await first.locks.release({ lockId: annsLock, orderId: 8 });
    expect(codeOf(answer)).toBe('ORDER_CONFLICT');
  });
  expect(await ledger.find(annsLock)).toMatchObject({ outcome: 'sold' });
});

test('a return in the name of somebody else finds no lock, whoever asks', async () => {
  const { first, ledger, annsLock } = await openSales();
  const inBensName = { lockId: annsLock, orderId: 7, userId: 'ben' };
  expect(codeOf(await first.locks.release(inBensName))).toBe('LOCK_NOT_FOUND');
  expect(await ledger.find(annsLock)).toMatchObject({ outcome: 'sold' });
});
