// What comes together goes together, and is answered as if each call had come alone.
import { afterEach, beforeEach, expect, test } from 'vitest';

import type { Branch } from './branches.js';
import { Branches, codeOf, valueOf, wish } from './branches.js';

const CAPACITY = 150;
const BUYERS = Array.from({ length: 200 }, (_, index) => `buyer ${index}`);

let branches: Branches;
let locks: Branch['locks'];
let changes: Branch['changes'];

beforeEach(async () => {
  branches = new Branches({ capacity: CAPACITY });
  const [branch] = (await branches.open(1)) as [Branch];
  ({ locks, changes } = branch);
  valueOf(await locks.availability(1));
});

afterEach(() => branches.close());

test('questions among commands, with arguments and without', async () => {
  const { lockId } = valueOf(await locks.lock(wish('ann')));
  const [grant, figures, stats, one, unlocked, unknown] = await Promise.all([
    locks.lock(wish('ben', 'b', 2)),
    locks.availability(1),
    locks.stats(),
    locks.lockById(lockId),
    locks.unlock({ lockId, userId: 'ann' }),
    locks.unlock({ lockId, userId: 'ben' }),
  ]);
  expect(valueOf(grant)).toMatchObject({ quantity: 2, available: CAPACITY - 3 });
  expect(valueOf(figures).categories).toMatchObject([{ locked: 3, available: CAPACITY - 3 }]);
  expect(stats).toMatchObject({ totalLocks: 2 });
  expect(one).toMatchObject({ lockId, userId: 'ann' });
  expect(valueOf(unlocked)).toMatchObject({ lockId, quantity: 1, remaining: 0 });
  expect(codeOf(unknown)).toBe('LOCK_NOT_FOUND');
});

test('more than one call carries: each is answered, and each change told once', async () => {
  const outcomes = await Promise.all(BUYERS.map((buyer) => locks.lock(wish(buyer))));
  const granted = outcomes.flatMap((outcome) => (outcome.ok ? [outcome.value.lockId] : []));
  expect(new Set(granted).size).toBe(CAPACITY);
  expect(outcomes.filter((outcome) => codeOf(outcome) === 'INSUFFICIENT_TICKETS')).toHaveLength(
    BUYERS.length - CAPACITY,
  );
  await Promise.all(granted.map(async (lockId) => valueOf(await locks.unlock({ lockId }))));
  const told = changes.filter(({ type }) => type === 'locked' || type === 'released');
  expect(told.map(({ seq }) => seq)).toEqual(told.map((_, index) => (told[0]?.seq ?? 0) + index));
  expect(told).toHaveLength(2 * CAPACITY);
});
