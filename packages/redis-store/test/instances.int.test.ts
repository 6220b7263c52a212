// Several instances behave as one store.
import { afterEach, describe, expect, test, vi } from 'vitest';

import type { Branch } from './branches.js';
import { Branches, codeOf, GRACE_MS, historyOf, LEASE_MS, valueOf, wish } from './branches.js';

let open: Branches[] = [];

afterEach(async () => {
  await Promise.all(open.map((branches) => branches.close()));
  open = [];
});

async function openBranches(
  count: number,
  options: ConstructorParameters<typeof Branches>[0] = {},
) {
  const branches = new Branches(options);
  open.push(branches);
  return { branches, clock: branches.clock, instances: await branches.open(count) };
}

async function statusOf({ locks }: Branch, lockId: string): Promise<string | undefined> {
  return (await locks.lockById(lockId))?.status;
}

describe('changes', () => {
  test('reach every instance, each once and in order', async () => {
    const { instances } = await openBranches(3);
    const [first, second, third] = instances as [Branch, Branch, Branch];
    const { lockId } = valueOf(await first.locks.lock(wish('ann', 'a', 3)));
    valueOf(await second.locks.unlock({ lockId, quantity: 1 }));
    valueOf(await third.locks.extend({ lockId }));
    valueOf(await first.locks.confirm({ lockId, orderId: 7 }));
    const history = ['locked', 'quantity-changed', 'extended', 'confirmed'];
    for (const instance of instances) {
      await vi.waitFor(() => expect(historyOf(instance, lockId)).toEqual(history));
    }
  });

  test('that were missed are read from the stream', async () => {
    const { branches, clock, instances } = await openBranches(2);
    const [first, second] = instances as [Branch, Branch];
    valueOf(await first.locks.lock(wish('ann')));
    valueOf(await second.locks.lock(wish('ben')));
    await clock.advanceAsync(1);
    await branches.cutNews();
    const { lockId } = valueOf(await first.locks.lock(wish('cem')));
    valueOf(await first.locks.unlock({ lockId }));
    await vi.waitFor(async () => {
      await clock.advanceAsync(1_000);
      expect(historyOf(second, lockId)).toEqual(['locked', 'released']);
    });
  });
});

test('questions that carry nothing may come together', async () => {
  const { instances } = await openBranches(1);
  const [{ locks }] = instances as [Branch];
  valueOf(await locks.lock(wish('ann')));
  const ask = () => Promise.all([locks.availability(1), locks.availability(1), locks.stats()]);
  const answers = await Promise.all(Array.from({ length: 8 }, ask));
  for (const [figures, , stats] of answers) {
    expect(codeOf(figures)).toBe('ok');
    expect(stats.activeLocks).toBe(1);
  }
});

describe('the end of a lock', () => {
  test('is told once, whichever instance lives', async () => {
    const { clock, instances } = await openBranches(3);
    const [first, second, third] = instances as [Branch, Branch, Branch];
    const { lockId } = valueOf(await first.locks.lock(wish('ann')));
    await vi.waitFor(() => expect(historyOf(third, lockId)).toEqual(['locked']));
    clock.holdUp(first.name);
    clock.holdUp(second.name);
    await clock.advanceAsync(61_000);
    for (const instance of instances) {
      await vi.waitFor(() => expect(historyOf(instance, lockId)).toEqual(['locked', 'expired']));
    }
  });

  test('is announced on time behind several that were announced together', async () => {
    const options = { policy: { expiringNoticeMs: 20_000 } };
    const { clock, instances } = await openBranches(1, options);
    const [first] = instances as [Branch];
    for (const user of ['ann', 'ben', 'cem']) valueOf(await first.locks.lock(wish(user)));
    await clock.advanceAsync(10_000);
    const { lockId } = valueOf(await first.locks.lock(wish('dan')));
    await clock.advanceAsync(39_000);
    expect(historyOf(first, lockId)).toEqual(['locked']);
    await clock.advanceAsync(1_001);
    await vi.waitFor(() => expect(historyOf(first, lockId)).toEqual(['locked', 'expiring']));
  });

  test('is met by an instance that was not there when it was locked', async () => {
    const { branches, clock, instances } = await openBranches(1);
    const [first] = instances as [Branch];
    const { lockId } = valueOf(await first.locks.lock(wish('ann')));
    clock.holdUp(first.name);
    const [later] = (await branches.open(1)) as [Branch];
    await clock.advanceAsync(61_000);
    await vi.waitFor(() => expect(historyOf(later, lockId)).toEqual(['expired']));
  });
});

describe('a session', () => {
  async function visit({ locks }: Branch) {
    const opened = valueOf(await locks.openSession({ userId: 'ann' }));
    const { lockId } = valueOf(await locks.lock(wish('ann', opened.sessionId)));
    return { ...opened, lockId };
  }

  test('goes on with another instance, and its first one may forget it', async () => {
    const { clock, instances } = await openBranches(2);
    const [first, second] = instances as [Branch, Branch];
    const { sessionId, resumeToken, lockId } = await visit(first);
    await first.locks.leaveSession({ sessionId, how: 'lost' });
    await clock.advanceAsync(GRACE_MS - 1_000);
    const resumed = await second.locks.resumeSession({ userId: 'ann', resumeToken });
    expect(valueOf(resumed)).toMatchObject({ sessionId, resumed: true });
    await clock.advanceAsync(GRACE_MS + 2_000);
    expect(await statusOf(first, lockId)).toBe('ACTIVE');
    expect(await second.locks.locksOfUser('ann')).toHaveLength(1);
    expect(await second.locks.locksOfSession(sessionId)).toHaveLength(1);
    await second.locks.leaveSession({ sessionId, how: 'goodbye' });
    expect(await statusOf(first, lockId)).toBe('RELEASED');
  });

  test('with sockets on two instances ends with the last of them', async () => {
    const { clock, instances } = await openBranches(2);
    const [first, second] = instances as [Branch, Branch];
    const opened = valueOf(await first.locks.openSession({ userId: 'ann' }));
    const { sessionId, resumeToken } = opened;
    // Nothing is written of a session without locks: the second hears of it with the first lock.
    valueOf(await second.locks.resumeSession({ userId: 'ann', resumeToken }));
    const { lockId } = valueOf(await first.locks.lock(wish('ann', sessionId)));
    await vi.waitFor(() => expect(historyOf(second, lockId)).toEqual(['locked']));
    await clock.quiet();
    await first.locks.leaveSession({ sessionId, how: 'goodbye' });
    expect(await statusOf(second, lockId)).toBe('ACTIVE');
    await second.locks.leaveSession({ sessionId, how: 'goodbye' });
    expect(await statusOf(first, lockId)).toBe('RELEASED');
  });

  test('that leaves in the moment of its first lock has given it back', async () => {
    const { instances } = await openBranches(1);
    const [first] = instances as [Branch];
    // The event is known here, so that nothing waits for it.
    valueOf(await first.locks.lock(wish('ben')));
    const { sessionId } = valueOf(await first.locks.openSession({ userId: 'ann' }));
    const locking = first.locks.lock(wish('ann', sessionId));
    const leaving = first.locks.leaveSession({ sessionId, how: 'goodbye' });
    const [locked] = await Promise.all([locking, leaving]);
    expect(await statusOf(first, valueOf(locked).lockId)).toBe('RELEASED');
  });

  test('is entered with many others at one moment', async () => {
    const { clock, instances } = await openBranches(2, { capacity: 200 });
    const [first, second] = instances as [Branch, Branch];
    valueOf(await first.locks.lock(wish('zoe')));
    const visits = await Promise.all(
      Array.from({ length: 150 }, async (_, index) => {
        const userId = `user ${index}`;
        const { sessionId } = valueOf(await first.locks.openSession({ userId }));
        return { userId, sessionId };
      }),
    );
    const lockIds = await Promise.all(
      visits.map(async ({ userId, sessionId }) => {
        return valueOf(await first.locks.lock(wish(userId, sessionId))).lockId;
      }),
    );
    for (const { userId, sessionId } of visits) {
      expect(await second.locks.locksOfSession(sessionId)).toHaveLength(1);
      expect(await second.locks.locksOfUser(userId)).toHaveLength(1);
    }
    clock.holdUp(first.name);
    await clock.advanceAsync(LEASE_MS + GRACE_MS + 4_000);
    for (const lockId of lockIds) expect(await statusOf(second, lockId)).toBe('RELEASED');
  });

  test('of an instance that died has its grace with the others', async () => {
    const { clock, instances } = await openBranches(2);
    const [first, second] = instances as [Branch, Branch];
    const { lockId } = await visit(first);
    clock.holdUp(first.name);
    await clock.advanceAsync(LEASE_MS + GRACE_MS - 1_000);
    expect(await statusOf(second, lockId)).toBe('ACTIVE');
    await clock.advanceAsync(4_000);
    expect(await statusOf(second, lockId)).toBe('RELEASED');
    await vi.waitFor(() => expect(historyOf(second, lockId)).toEqual(['locked', 'released']));
  });

  test('of an instance that was only held up is entered again', async () => {
    const { clock, instances } = await openBranches(2);
    const [first, second] = instances as [Branch, Branch];
    const { lockId } = await visit(first);
    clock.holdUp(first.name);
    await clock.advanceAsync(LEASE_MS + GRACE_MS / 2);
    clock.letGo(first.name);
    await clock.advanceAsync(GRACE_MS * 2);
    expect(await statusOf(second, lockId)).toBe('ACTIVE');
  });
});

test('600 buyers over three instances get 200 tickets, ten times', async () => {
  for (let round = 0; round < 10; round += 1) {
    const { branches, instances } = await openBranches(3, { capacity: 200 });
    const outcomes = await Promise.all(
      Array.from({ length: 600 }, (_, buyer) => {
        const { locks } = instances[buyer % 3] as Branch;
        return locks.lock(wish(`buyer-${buyer}`));
      }),
    );
    const codes = outcomes.map(codeOf);
    expect(codes.filter((code) => code === 'ok')).toHaveLength(200);
    expect(codes.filter((code) => code === 'INSUFFICIENT_TICKETS')).toHaveLength(400);
    const granted = outcomes.flatMap((outcome) => (outcome.ok ? [outcome.value.lockId] : []));
    await Promise.all(
      granted.map((lockId, index) => (instances[index % 3] as Branch).locks.release({ lockId })),
    );
    const [first] = instances as [Branch];
    const { categories } = valueOf(await first.locks.availability(1));
    expect(categories).toMatchObject([{ available: 200, locked: 0, sold: 0 }]);
    expect(await first.locks.stats()).toMatchObject({ activeLocks: 0, usersWithLocks: 0 });
    await branches.lose();
  }
});
