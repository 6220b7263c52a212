// The checked protocol between Redis and the ledger, row by row: docs/model/README.md.
import type { DecisionLedger, LockPolicy } from '@ticket-locks/lock-engine';
import { memoryDecisionLedger } from '@ticket-locks/lock-engine/testing';
import { afterEach, describe, expect, test, vi } from 'vitest';

import type { Branch } from './branches.js';
import { Branches, codeOf, historyOf, valueOf, wish } from './branches.js';
import { FaultyLedger } from './faulty-ledger.js';

const CLEANUP_MS = 60_000;
/** How long an event that was claimed may stay away before it counts as lost. */
const CLAIMED_MS = 2_000;

let open: Branches[] = [];
let faulty: FaultyLedger[] = [];

afterEach(async () => {
  for (const ledger of faulty) ledger.end();
  faulty = [];
  const closing = open.map((branches) => branches.close());
  // Who still waits for another gives up in virtual time.
  await Promise.allSettled(open.map(({ clock }) => clock.advanceAsync(CLAIMED_MS * 2)));
  await Promise.all(closing);
  open = [];
});

async function openBranches(count: number, policy: Partial<LockPolicy> = {}, capacity = 10) {
  const ledger = memoryDecisionLedger({ nowMs: () => 0 });
  const faults = Array.from({ length: count }, () => new FaultyLedger(ledger));
  faulty.push(...faults);
  const decisions = (branch: number): DecisionLedger => faults[branch]?.port ?? ledger;
  const branches = new Branches({ policy, decisions, capacity });
  open.push(branches);
  const instances = await branches.open(count);
  return { branches, clock: branches.clock, instances, ledger, faults };
}

async function figuresOf({ locks }: Branch) {
  return valueOf(await locks.availability(1)).categories[0];
}

/** Figures that come to the ledger past the store. */
function stock(ledger: DecisionLedger, soldElsewhere: number, lockIds: readonly string[] = []) {
  const categories = [{ categoryId: 2, capacity: 10, soldElsewhere }];
  return ledger.settle({ eventId: 1, fetchedAtMs: 1e12, categories }, lockIds);
}

async function lockFor({ locks }: Branch, user: string, quantity = 1): Promise<string> {
  return valueOf(await locks.lock(wish(user, `session of ${user}`, quantity))).lockId;
}

describe('a confirm of several locks', () => {
  test('sells all of them with one decision', async () => {
    const { instances, ledger, faults } = await openBranches(1);
    const [first] = instances as [Branch];
    const lockIds = [await lockFor(first, 'ann', 2), await lockFor(first, 'ben', 3)];
    expect(codeOf(await first.locks.confirmMany({ lockIds, orderId: 7 }))).toBe('ok');
    expect(faults[0]?.count('decide')).toBe(1);
    expect(await ledger.findMany(lockIds)).toMatchObject([
      { outcome: 'sold' },
      { outcome: 'sold' },
    ]);
    expect(await figuresOf(first)).toMatchObject({ confirmed: 5, locked: 0 });
  });

  test('that is refused is over for all of them, by a record of each', async () => {
    const { instances, ledger } = await openBranches(1);
    const [first] = instances as [Branch];
    const lockIds = [await lockFor(first, 'ann', 2), await lockFor(first, 'ben', 3)];
    await stock(ledger, 6);
    const refused = await first.locks.confirmMany({ lockIds, orderId: 7 });
    expect(refused).toMatchObject({ error: { code: 'LOCK_RELEASED', lockId: lockIds[1] } });
    const records = await ledger.findMany(lockIds);
    expect(records).toMatchObject([{ outcome: 'aborted' }, { outcome: 'aborted' }]);
    const statuses = await Promise.all(lockIds.map((lockId) => first.locks.lockById(lockId)));
    expect(statuses).toMatchObject([{ status: 'RELEASED' }, { status: 'RELEASED' }]);
    expect(await figuresOf(first)).toMatchObject({ locked: 0, confirmed: 0 });
  });

  test('that is refused ends also what a slow confirm of one of them has pinned', async () => {
    const { instances, ledger, faults } = await openBranches(2);
    const [first, second] = instances as [Branch, Branch];
    const lockIds = [await lockFor(first, 'ann', 4), await lockFor(first, 'ben', 6)];
    const [aborted = '', slow = ''] = lockIds;
    let letGo = () => {};
    const pinned = new Promise<void>((resolve) => {
      const [held] = faults as [FaultyLedger];
      held.before.decide = () => {
        resolve();
        return new Promise<void>((done) => (letGo = done));
      };
    });
    const confirming = first.locks.confirm({ lockId: slow, orderId: 7 });
    await pinned;
    await abort(ledger, aborted, 4);
    expect(codeOf(await second.locks.confirmMany({ lockIds, orderId: 7 }))).toBe('LOCK_RELEASED');
    // Its tickets go to the next buyer, so the slow one must not sell them.
    await lockFor(second, 'cem', 10);
    letGo();
    expect(codeOf(await confirming)).toBe('LOCK_RELEASED');
    expect(await ledger.find(slow)).toMatchObject({ outcome: 'aborted' });
    expect(await figuresOf(second)).toMatchObject({ locked: 10, confirmed: 0 });
  });
});

/** Writes the record that a reaper writes. */
async function abort(ledger: DecisionLedger, lockId: string, quantity: number): Promise<void> {
  const about = { eventId: 1, categoryId: 2, userId: 'ann', epoch: 2, capacityAtGrant: 10 };
  await ledger.abort({ ...about, lockId, quantity });
}

describe('what Redis has not heard', () => {
  test('of a return: a confirm that comes again is answered by the record', async () => {
    const { instances, ledger } = await openBranches(1);
    const [first] = instances as [Branch];
    const lockId = await lockFor(first, 'ann', 2);
    valueOf(await first.locks.confirm({ lockId, orderId: 7 }));
    await ledger.return(lockId, 7);
    expect(codeOf(await first.locks.confirm({ lockId, orderId: 7 }))).toBe('LOCK_RELEASED');
    expect(await figuresOf(first)).toMatchObject({ confirmed: 0, available: 10 });
  });

  test('of returns and settlements is told at the clean-up, by any instance, once', async () => {
    const { clock, instances, ledger } = await openBranches(3);
    const [first, second, third] = instances as [Branch, Branch, Branch];
    const returned = await lockFor(first, 'ann', 2);
    const settled = await lockFor(second, 'ben', 3);
    const kept = await lockFor(third, 'cem', 1);
    for (const lockId of [returned, settled, kept])
      valueOf(await first.locks.confirm({ lockId, orderId: 7 }));
    await ledger.return(returned, 7);
    await stock(ledger, 3, [settled]);
    expect(await figuresOf(second)).toMatchObject({ confirmed: 6, soldElsewhere: 0 });
    await clock.advanceAsync(CLEANUP_MS + 1);
    await vi.waitFor(async () => {
      const told = { confirmed: 1, soldElsewhere: 3, available: 6 };
      expect(await figuresOf(second)).toMatchObject(told);
    });
    await vi.waitFor(() =>
      expect(historyOf(third, returned)).toEqual(['locked', 'confirmed', 'released']),
    );
    expect(historyOf(third, settled)).toEqual(['locked', 'confirmed', 'settled']);
    expect(await third.locks.unsettledLocks(1)).toMatchObject([{ lockId: kept }]);
  });
});

describe('a settlement', () => {
  const completed = (lockId: string) => [
    { orderId: 7, categoryId: 2, quantity: 4, userId: 'ann', lockId },
  ];

  test('that does not come to the ledger counts its sale until it has', async () => {
    const { instances, ledger, faults } = await openBranches(1);
    const [first] = instances as [Branch];
    const lockId = await lockFor(first, 'ann', 4);
    valueOf(await first.locks.confirm({ lockId, orderId: 7 }));
    const categories = [{ categoryId: 2, capacity: 10, soldElsewhere: 4 }];
    const [away] = faults as [FaultyLedger];
    away.before.settle = () => Promise.reject(new Error('the ledger is away'));
    const inventory = { eventId: 1, categories, completed: completed(lockId) };
    expect(codeOf(await first.locks.setInventory(inventory))).toBe('UNAVAILABLE');
    expect(await figuresOf(first)).toMatchObject({ sold: 8, available: 2 });
    expect(await ledger.figures(1)).toMatchObject([{ soldElsewhere: 0, confirmed: 4 }]);
    away.before = {};
    expect(codeOf(await first.locks.setInventory({ eventId: 1, categories }))).toBe('ok');
    expect(await figuresOf(first)).toMatchObject({ sold: 4, confirmed: 0, available: 6 });
    expect(await ledger.find(lockId)).toMatchObject({ settled: true });
    expect(historyOf(first, lockId)).toEqual(['locked', 'confirmed', 'settled']);
  });

  test('meets a ledger that never counts its sale twice', async () => {
    const { instances, ledger, faults } = await openBranches(1);
    const [first] = instances as [Branch];
    const lockId = await lockFor(first, 'ann', 4);
    const promised = await lockFor(first, 'ben', 6);
    valueOf(await first.locks.confirm({ lockId, orderId: 7 }));
    const [watched] = faults as [FaultyLedger];
    const counts: number[] = [];
    watched.after.settle = async () => {
      for (const { soldElsewhere, confirmed } of await ledger.figures(1))
        counts.push(soldElsewhere + confirmed);
    };
    const categories = [{ categoryId: 2, capacity: 10, soldElsewhere: 4 }];
    const inventory = { eventId: 1, categories, completed: completed(lockId) };
    expect(valueOf(await first.locks.setInventory(inventory)).settledLockIds).toEqual([lockId]);
    expect(new Set(counts)).toEqual(new Set([4]));
    expect(codeOf(await first.locks.confirm({ lockId: promised, orderId: 8 }))).toBe('ok');
  });

  test('frees no tickets in Redis before the ledger has the figures', async () => {
    const { instances, faults } = await openBranches(2, {}, 4);
    const [first, second] = instances as [Branch, Branch];
    await lockFor(first, 'ann', 4);
    const [held] = faults as [FaultyLedger];
    let letGo = () => {};
    const asked = new Promise<void>((resolve) => {
      held.before.settle = () => {
        resolve();
        return new Promise<void>((done) => (letGo = done));
      };
    });
    const categories = [{ categoryId: 2, capacity: 10, soldElsewhere: 0 }];
    const setting = first.locks.setInventory({ eventId: 1, categories });
    await asked;
    expect(codeOf(await second.locks.lock(wish('ben')))).toBe('INSUFFICIENT_TICKETS');
    letGo();
    expect(codeOf(await setting)).toBe('ok');
    const promised = await lockFor(second, 'ben', 6);
    expect(codeOf(await second.locks.confirm({ lockId: promised, orderId: 8 }))).toBe('ok');
  });
});

describe('what was promised', () => {
  async function setCapacity({ locks }: Branch, capacity: number): Promise<void> {
    const categories = [{ categoryId: 2, capacity, soldElsewhere: 0 }];
    valueOf(await locks.setInventory({ eventId: 1, categories }));
  }

  test('when a lock grew is honoured at the capacity of then', async () => {
    const { instances } = await openBranches(1, {}, 5);
    const [first] = instances as [Branch];
    const lockId = await lockFor(first, 'ann', 2);
    await setCapacity(first, 10);
    valueOf(await first.locks.lock({ ...wish('ann', 'a', 9), onExisting: 'set' }));
    await setCapacity(first, 5);
    expect(codeOf(await first.locks.confirm({ lockId, orderId: 7 }))).toBe('ok');
  });

  test('when a lock was taken late is honoured at the capacity of then', async () => {
    const policy = { ttlMs: 5_000, lateConfirm: 'if-available' } as const;
    const { clock, instances, faults } = await openBranches(1, policy, 3);
    const [first] = instances as [Branch];
    const lockId = await lockFor(first, 'ann', 3);
    await clock.advanceAsync(6_000);
    await setCapacity(first, 10);
    await lockFor(first, 'ben', 7);
    const [ledger] = faults as [FaultyLedger];
    ledger.before.decide = async () => {
      ledger.before = {};
      await setCapacity(first, 2);
    };
    const late = valueOf(await first.locks.confirm({ lockId, orderId: 7 }));
    expect(late).toMatchObject({ late: true, quantity: 3 });
  });
});

describe('an event', () => {
  test('that all want at once is brought by one instance', async () => {
    const { clock, instances, faults } = await openBranches(3);
    const codes: string[] = [];
    for (const [index, { locks }] of instances.entries())
      void locks.lock(wish(`buyer ${index}`)).then((outcome) => codes.push(codeOf(outcome)));
    await vi.waitFor(async () => {
      // Who waits for another looks now and then.
      await clock.advanceAsync(50);
      expect(codes).toEqual(['ok', 'ok', 'ok']);
    });
    const lists = faults.map((ledger) => ledger.count('list'));
    expect(lists.filter((count) => count > 0)).toHaveLength(1);
  });

  test('is counted in its sales or in its figures, whatever settles meanwhile', async () => {
    const { branches, clock, instances, ledger, faults } = await openBranches(1);
    const [first] = instances as [Branch];
    const lockId = await lockFor(first, 'ann', 4);
    valueOf(await first.locks.confirm({ lockId, orderId: 7 }));
    const [watched] = faults as [FaultyLedger];
    watched.after.list = async () => {
      watched.after = {};
      await stock(ledger, 4, [lockId]);
    };
    await branches.lose();
    await vi.waitFor(async () => {
      await clock.advanceAsync(50);
      expect(await figuresOf(first)).toMatchObject({ soldElsewhere: 4 });
    });
    expect((await figuresOf(first))?.available).toBeLessThanOrEqual(6);
    await clock.advanceAsync(CLEANUP_MS + 1);
    await vi.waitFor(async () => expect(await figuresOf(first)).toMatchObject({ available: 6 }));
  });

  test('whose instance dies while it brings it is lost after two seconds', async () => {
    const { branches, clock, instances, ledger, faults } = await openBranches(2);
    const [first, second] = instances as [Branch, Branch];
    await lockFor(first, 'ann');
    const [dying] = faults as [FaultyLedger];
    dying.after.claim = dying.hang;
    clock.holdUp(second.name);
    await branches.lose();
    await vi.waitFor(() => {
      void first.locks.lock(wish('ben'));
      expect(dying.count('claim')).toBe(2);
    });
    clock.letGo(second.name);
    clock.holdUp(first.name);
    const { epoch } = await ledger.load();
    const codes: string[] = [];
    await vi.waitFor(() => {
      const locking = second.locks.lock(wish('cem', 'c', 10));
      void locking.then((outcome) => codes.push(codeOf(outcome)));
      expect(faults[1]?.count('claim')).toBeGreaterThan(0);
    });
    await clock.advanceAsync(CLAIMED_MS - 100);
    expect((await ledger.load()).epoch).toBe(epoch);
    await clock.advanceAsync(200);
    expect(codes).not.toContain('ok');
    await vi.waitFor(async () => {
      expect(codeOf(await second.locks.lock(wish('cem', 'c', 10)))).toBe('ok');
    });
    expect((await ledger.load()).epoch).toBe(epoch + 1);
  });

  test('that could not be brought is brought in the next epoch, without waiting', async () => {
    const { branches, instances, ledger, faults } = await openBranches(1);
    const [first] = instances as [Branch];
    await lockFor(first, 'ann');
    const [failing] = faults as [FaultyLedger];
    failing.before.list = () => {
      failing.before = {};
      return Promise.reject(new Error('the ledger is away'));
    };
    const { epoch } = await ledger.load();
    await branches.lose();
    // Virtual time stands still.
    await vi.waitFor(async () => {
      expect(codeOf(await first.locks.lock(wish('ben', 'b', 10)))).toBe('ok');
    });
    expect((await ledger.load()).epoch).toBe(epoch + 2);
  });
});

describe('an epoch', () => {
  test('whose instance dies right after it has begun it is gone on in, without waiting', async () => {
    const { branches, clock, instances, ledger, faults } = await openBranches(2);
    const [first, second] = instances as [Branch, Branch];
    await lockFor(first, 'ann');
    const [dying] = faults as [FaultyLedger];
    dying.after.nextEpoch = dying.hang;
    clock.holdUp(second.name);
    await branches.lose();
    expect(codeOf(await first.locks.lock(wish('ben')))).toBe('UNAVAILABLE');
    await vi.waitFor(() => expect(dying.count('nextEpoch')).toBe(2));
    const { epoch } = await ledger.load();
    await vi.waitFor(async () => {
      expect(codeOf(await second.locks.lock(wish('cem', 'c', 10)))).toBe('ok');
    });
    expect((await ledger.load()).epoch).toBe(epoch);
  });

  test('that others have begun is found although nobody asks', async () => {
    const { clock, instances, ledger } = await openBranches(1);
    const [first] = instances as [Branch];
    const lockId = await lockFor(first, 'ann');
    const { epoch } = await ledger.load();
    await ledger.nextEpoch(epoch);
    await clock.advanceAsync(5_000);
    expect(codeOf(await first.locks.confirm({ lockId, orderId: 7 }))).toBe('LOCK_LOST');
    expect(codeOf(await first.locks.lock(wish('ben', 'b', 10)))).toBe('ok');
  });

  test('is that of every lock which is granted in it', async () => {
    const { branches, clock, instances } = await openBranches(2);
    const [first, second] = instances as [Branch, Branch];
    await lockFor(first, 'ann');
    await lockFor(second, 'ben');
    clock.holdUp(second.name);
    await branches.lose();
    await vi.waitFor(async () => expect(codeOf(await first.locks.lock(wish('cem')))).toBe('ok'));
    // The second instance is an epoch behind, and hears of it with its call.
    const behind = second.locks.lock(wish('dan', 'd', 2));
    const lockId = valueOf(await behind).lockId;
    expect(codeOf(await first.locks.confirm({ lockId, orderId: 7 }))).toBe('ok');
  });

  test('that an instance does not know yet makes it look, before it says no', async () => {
    const { branches, clock, instances } = await openBranches(2);
    const [first, second] = instances as [Branch, Branch];
    await lockFor(first, 'ann');
    clock.holdUp(second.name);
    await branches.lose();
    let lockId = '';
    await vi.waitFor(async () => {
      lockId = await lockFor(first, 'cem');
    });
    expect(codeOf(await second.locks.confirm({ lockId, orderId: 7 }))).toBe('ok');
  });
});

describe('a lock that is lost', () => {
  test('is said to be, whatever is asked of it, and its owner hears it once', async () => {
    const { branches, clock, instances } = await openBranches(2);
    const [first, second] = instances as [Branch, Branch];
    const { sessionId } = valueOf(await first.locks.openSession({ userId: 'ann' }));
    const { lockId } = valueOf(await first.locks.lock(wish('ann', sessionId)));
    await branches.lose();
    await vi.waitFor(async () => {
      const locking = clock.until(second.locks.lock(wish('ben', 'b', 10)));
      expect(codeOf(await locking)).toBe('ok');
    });
    for (const { locks } of instances) {
      expect(codeOf(await clock.until(locks.confirm({ lockId })))).toBe('LOCK_LOST');
      expect(codeOf(await clock.until(locks.unlock({ lockId })))).toBe('LOCK_LOST');
      expect(codeOf(await clock.until(locks.extend({ lockId })))).toBe('LOCK_LOST');
      expect(codeOf(await clock.until(locks.release({ lockId })))).toBe('LOCK_LOST');
      expect(await clock.until(locks.locksOfUser('ann'))).toEqual([]);
    }
    await clock.advanceAsync(10_000);
    await vi.waitFor(() => expect(historyOf(first, lockId)).toEqual(['locked', 'released']));
    expect(first.changes.filter(({ type }) => type === 'released')).toMatchObject([
      { lockId, reason: 'lost' },
    ]);
  });

  test('is said to be where its owner has come back to', async () => {
    const { branches, clock, instances } = await openBranches(2);
    const [first, second] = instances as [Branch, Branch];
    const visit = valueOf(await first.locks.openSession({ userId: 'ann' }));
    const { sessionId, resumeToken } = visit;
    const { lockId } = valueOf(await first.locks.lock(wish('ann', sessionId)));
    await vi.waitFor(() => expect(historyOf(second, lockId)).toEqual(['locked']));
    valueOf(await second.locks.resumeSession({ userId: 'ann', resumeToken }));
    await first.locks.leaveSession({ sessionId, how: 'lost' });
    await branches.lose();
    await vi.waitFor(async () => {
      await clock.advanceAsync(1_000);
      expect(historyOf(second, lockId)).toEqual(['locked', 'released']);
    });
  });

  test('is none if it was sold: its owner hears that', async () => {
    const { branches, clock, instances, faults } = await openBranches(1);
    const [first] = instances as [Branch];
    const { sessionId } = valueOf(await first.locks.openSession({ userId: 'ann' }));
    const { lockId } = valueOf(await first.locks.lock(wish('ann', sessionId)));
    const [losing] = faults as [FaultyLedger];
    losing.after.decide = async () => {
      losing.after = {};
      await branches.lose();
    };
    expect(codeOf(await first.locks.confirm({ lockId, orderId: 7 }))).toBe('ok');
    await vi.waitFor(async () => {
      await clock.advanceAsync(1_000);
      expect(historyOf(first, lockId)).toEqual(['locked', 'confirmed']);
    });
    expect(codeOf(await first.locks.unlock({ lockId }))).toBe('LOCK_CONFIRMED');
  });

  test('is not there for a ledger that settled it long ago', async () => {
    const { branches, clock, instances, ledger } = await openBranches(1);
    const [first] = instances as [Branch];
    const lockId = await lockFor(first, 'ann', 2);
    valueOf(await first.locks.confirm({ lockId, orderId: 7 }));
    await stock(ledger, 2, [lockId]);
    await branches.lose();
    await vi.waitFor(async () => {
      await clock.advanceAsync(50);
      expect(codeOf(await first.locks.confirm({ lockId, orderId: 7 }))).toBe('ok');
    });
    expect(codeOf(await first.locks.release({ lockId, orderId: 7 }))).toBe('LOCK_CONFIRMED');
    expect(codeOf(await first.locks.extend({ lockId }))).toBe('LOCK_CONFIRMED');
  });
});
