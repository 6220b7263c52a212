// Ends are announced each once, on time and in their order.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import type { Branch } from './branches.js';
import { Branches, valueOf, wish } from './branches.js';

const TTL_MS = 60_000;
/** Ends that one sweep announces. */
const SLICE = 256;

let branches: Branches;

afterEach(() => branches.close());

function announcedIn({ changes }: Branch): string[] {
  return changes.flatMap((change) => (change.type === 'expiring' ? [change.lockId] : []));
}

async function lockFor({ locks }: Branch, user: string): Promise<string> {
  return valueOf(await locks.lock(wish(user))).lockId;
}

/** How many locks are kept beside the ends because they are to be announced. */
function waitingCount(): Promise<number> {
  return branches.redis.zcard(`{${branches.prefix}:n1}:n`);
}

describe('locks that end at one instant', () => {
  const noticeMs = 20_000;
  let shop: Branch;

  beforeEach(async () => {
    const policy = { ttlMs: TTL_MS, expiringNoticeMs: noticeMs };
    branches = new Branches({ capacity: 1_000, policy });
    [shop] = (await branches.open(1)) as [Branch];
  });

  test('are announced in slices, also when the last of a slice is gone', async () => {
    const users = Array.from({ length: 2 * SLICE + 10 }, (_, index) => `user ${index}`);
    const lockIds = await Promise.all(users.map((user) => lockFor(shop, user)));
    await branches.clock.advanceAsync(TTL_MS - noticeMs);
    expect(announcedIn(shop)).toEqual(lockIds.slice(0, SLICE));
    const gone = [SLICE - 2, SLICE - 1, SLICE, SLICE + 5];
    for (const index of gone) {
      valueOf(await shop.locks.unlock({ lockId: lockIds[index] ?? '' }));
    }
    await branches.clock.advanceAsync(100);
    const wanted = lockIds.filter((_, index) => index < SLICE || !gone.includes(index));
    expect(announcedIn(shop)).toEqual(wanted);
    await branches.clock.advanceAsync(TTL_MS);
    expect(announcedIn(shop)).toEqual(wanted);
    expect(await shop.locks.stats()).toMatchObject({ activeLocks: 0 });
  });
});

describe('a lock that ends before one that was announced', () => {
  let shop: Branch;

  beforeEach(async () => {
    const policy = { ttlMs: TTL_MS, paymentTtlMs: 3 * TTL_MS, expiringNoticeMs: 2 * TTL_MS };
    branches = new Branches({ policy });
    [shop] = (await branches.open(1)) as [Branch];
    const paid = await lockFor(shop, 'ann');
    valueOf(await shop.locks.beginPayment({ lockId: paid, orderId: 7 }));
    await branches.clock.advanceAsync(TTL_MS / 2);
    // Its end brings the sweep in which the tests wait for more.
    const other = await lockFor(shop, 'zoe');
    await branches.clock.advanceAsync(TTL_MS / 2);
    expect(announcedIn(shop)).toEqual([other, paid]);
    shop.changes.length = 0;
  });

  test('is announced', async () => {
    const [ben, cem] = [await lockFor(shop, 'ben'), await lockFor(shop, 'cem')];
    expect(await waitingCount()).toBe(2);
    await branches.clock.advanceAsync(TTL_MS / 2);
    expect(announcedIn(shop)).toEqual([ben, cem]);
    expect(await waitingCount()).toBe(0);
  });

  test('leaves nothing behind when it is given back first', async () => {
    const lockId = await lockFor(shop, 'ben');
    expect(await waitingCount()).toBe(1);
    valueOf(await shop.locks.unlock({ lockId }));
    expect(await waitingCount()).toBe(0);
    await branches.clock.advanceAsync(TTL_MS / 2);
    expect(announcedIn(shop)).toEqual([]);
  });
});
