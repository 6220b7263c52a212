// Sold is what the ledger says, whatever Redis forgets.
import { randomBytes } from 'node:crypto';

import type { DecisionLedger, LockPolicy } from '@ticket-locks/lock-engine';
import { PostgresDecisionLedger } from '@ticket-locks/sql-ledger/postgres';
import { afterEach, describe, expect, test, vi } from 'vitest';

import type { Branch } from './branches.js';
import { Branches, codeOf, historyOf, valueOf, wish } from './branches.js';

let open: Branches[] = [];
let ledgers: DecisionLedger[] = [];

afterEach(async () => {
  await Promise.all(open.map((branches) => branches.close()));
  await Promise.all(ledgers.map((ledger) => ledger.close()));
  open = [];
  ledgers = [];
});

/** The server for tests. Throws when there is none: a test that did not run has shown nothing. */
function databaseUrl(): string {
  const url = process.env['TEST_DATABASE_URL'];
  if (url !== undefined && url !== '') return url;
  throw new Error('TEST_DATABASE_URL must name a PostgreSQL for tests; `npm test` starts one');
}

interface Faults {
  /** Runs before a decision is written. */
  beforeDecide?: () => Promise<void>;
  /** Runs after it, before it is answered. */
  afterDecide?: () => Promise<void>;
}

async function openBranches(count: number, policy: Partial<LockPolicy> = {}) {
  const schema = `test_${randomBytes(6).toString('hex')}`;
  const faults: Faults = {};
  const newLedger = () => {
    const ledger = new PostgresDecisionLedger({ url: databaseUrl(), schema });
    ledgers.push(ledger);
    return ledger;
  };
  const decisions = (): DecisionLedger => {
    const ledger = newLedger();
    return Object.assign(Object.create(ledger) as DecisionLedger, {
      load: () => ledger.load(),
      decide: async (sales: Parameters<DecisionLedger['decide']>[0]) => {
        await faults.beforeDecide?.();
        const result = await ledger.decide(sales);
        await faults.afterDecide?.();
        return result;
      },
      abort: ledger.abort.bind(ledger),
      return: ledger.return.bind(ledger),
      find: ledger.find.bind(ledger),
      findMany: ledger.findMany.bind(ledger),
      epoch: ledger.epoch.bind(ledger),
      claim: ledger.claim.bind(ledger),
      settle: ledger.settle.bind(ledger),
      nextEpoch: ledger.nextEpoch.bind(ledger),
      events: ledger.events.bind(ledger),
      figures: ledger.figures.bind(ledger),
      list: ledger.list.bind(ledger),
    });
  };
  const branches = new Branches({ policy, decisions });
  open.push(branches);
  const instances = await branches.open(count);
  const ledger = newLedger();
  return { branches, clock: branches.clock, instances, ledger, faults };
}

async function figuresOf({ locks }: Branch) {
  const { categories } = valueOf(await locks.availability(1));
  return categories[0];
}

describe('a confirm', () => {
  test('is a row in the ledger before it is answered', async () => {
    const { instances, ledger } = await openBranches(1);
    const [first] = instances as [Branch];
    const { lockId } = valueOf(await first.locks.lock(wish('ann', 'a', 3)));
    const confirmed = valueOf(await first.locks.confirm({ lockId, orderId: 7 }));
    expect(confirmed).toMatchObject({ lockId, status: 'CONFIRMED', quantity: 3, orderId: 7 });
    expect(await ledger.find(lockId)).toMatchObject({ outcome: 'sold', quantity: 3, orderId: 7 });
    expect(await figuresOf(first)).toMatchObject({ confirmed: 3, locked: 0, available: 7 });
    expect(historyOf(first, lockId)).toEqual(['locked', 'confirmed']);
  });

  test('whose outcome is not known keeps its tickets, and the next one finds out', async () => {
    const { instances, faults } = await openBranches(2);
    const [first, second] = instances as [Branch, Branch];
    const { lockId } = valueOf(await first.locks.lock(wish('ann')));
    faults.afterDecide = () => Promise.reject(new Error('the answer was lost'));
    expect(codeOf(await first.locks.confirm({ lockId, orderId: 7 }))).toBe('OUTCOME_UNKNOWN');
    delete faults.afterDecide;
    expect(await second.locks.lockById(lockId)).toMatchObject({ status: 'ACTIVE' });
    expect(codeOf(await second.locks.confirm({ lockId, orderId: 8 }))).toBe('ORDER_CONFLICT');
    expect(codeOf(await second.locks.confirm({ lockId, orderId: 7 }))).toBe('ok');
    expect(await figuresOf(second)).toMatchObject({ confirmed: 1, locked: 0 });
  });

  test('that never came to the ledger is aborted there before its tickets are freed', async () => {
    const { clock, instances, ledger, faults } = await openBranches(2);
    const [first, second] = instances as [Branch, Branch];
    const { lockId } = valueOf(await first.locks.lock(wish('ann')));
    faults.beforeDecide = () => Promise.reject(new Error('the ledger is gone'));
    expect(codeOf(await first.locks.confirm({ lockId, orderId: 7 }))).toBe('OUTCOME_UNKNOWN');
    delete faults.beforeDecide;
    clock.holdUp(first.name);
    await clock.advanceAsync(9_000);
    expect(await second.locks.lockById(lockId)).toMatchObject({ status: 'ACTIVE' });
    await vi.waitFor(async () => {
      await clock.advanceAsync(2_000);
      expect(await second.locks.lockById(lockId)).toMatchObject({ status: 'RELEASED' });
    });
    expect(await ledger.find(lockId)).toMatchObject({ outcome: 'aborted' });
    const reasons = second.changes.filter((one) => one.type === 'released');
    expect(reasons).toMatchObject([{ lockId, reason: 'confirm-aborted' }]);
    expect(codeOf(await second.locks.confirm({ lockId, orderId: 7 }))).toBe('LOCK_RELEASED');
  });

  test('keeps its tickets past the end of its lock, as long as the decision is open', async () => {
    const { clock, instances, ledger, faults } = await openBranches(2, { ttlMs: 5_000 });
    const [first, second] = instances as [Branch, Branch];
    const { lockId } = valueOf(await first.locks.lock(wish('ann', 'a', 10)));
    faults.beforeDecide = () => Promise.reject(new Error('the ledger is gone'));
    expect(codeOf(await first.locks.confirm({ lockId, orderId: 7 }))).toBe('OUTCOME_UNKNOWN');
    await clock.advanceAsync(9_000);
    expect(await figuresOf(second)).toMatchObject({ locked: 10, available: 0 });
    expect(codeOf(await second.locks.lock(wish('ben')))).toBe('INSUFFICIENT_TICKETS');
    await vi.waitFor(async () => {
      await clock.advanceAsync(2_000);
      expect(historyOf(second, lockId)).toEqual(['locked', 'expired']);
    });
    expect(await ledger.find(lockId)).toMatchObject({ outcome: 'aborted' });
    expect(await figuresOf(second)).toMatchObject({ locked: 0, available: 10 });
  });

  test('under way is waited for by whoever else asks', async () => {
    const { clock, instances, faults } = await openBranches(1);
    const [first] = instances as [Branch];
    const { lockId } = valueOf(await first.locks.lock(wish('ann')));
    let letGo = () => {};
    faults.beforeDecide = () => new Promise((resolve) => (letGo = resolve));
    const confirming = first.locks.confirm({ lockId, orderId: 7 });
    await vi.waitFor(() => expect(letGo).not.toBe(undefined));
    const releasing = first.locks.unlock({ lockId, userId: 'ann' });
    await clock.advanceAsync(1);
    letGo();
    expect(codeOf(await confirming)).toBe('ok');
    expect(codeOf(await releasing)).toBe('LOCK_CONFIRMED');
  });
});

describe('a return', () => {
  test('is a row in the ledger, and frees the tickets', async () => {
    const { instances, ledger } = await openBranches(2);
    const [first, second] = instances as [Branch, Branch];
    const { lockId } = valueOf(await first.locks.lock(wish('ann', 'a', 2)));
    valueOf(await first.locks.confirm({ lockId, orderId: 7 }));
    expect(codeOf(await second.locks.release({ lockId, orderId: 8 }))).toBe('ORDER_CONFLICT');
    expect(codeOf(await second.locks.release({ lockId, orderId: 7 }))).toBe('ok');
    expect(await ledger.find(lockId)).toMatchObject({ outcome: 'returned' });
    expect(await figuresOf(first)).toMatchObject({ confirmed: 0, available: 10 });
  });
});

describe('when Redis has lost its memory', () => {
  test('sales come back, locks are said to be lost, and one instance begins the epoch', async () => {
    const { branches, clock, instances, ledger } = await openBranches(3);
    const [first, second, third] = instances as [Branch, Branch, Branch];
    const opened = valueOf(await first.locks.openSession({ userId: 'ann' }));
    const kept = valueOf(await first.locks.lock(wish('ann', opened.sessionId, 4)));
    const sold = valueOf(await second.locks.lock(wish('ben', 'b', 3)));
    valueOf(await second.locks.confirm({ lockId: sold.lockId, orderId: 7 }));
    await clock.advanceAsync(1);
    await branches.lose();
    const wishes = instances.map(({ locks }) => locks.lock(wish('cem', 'c', 8)));
    const during = await clock.until(Promise.all(wishes));
    // Ten are not there any more: three are sold. Nobody is granted eight, before or after.
    expect(during.map(codeOf)).not.toContain('ok');
    await vi.waitFor(async () => {
      await clock.advanceAsync(50);
      for (const instance of instances) {
        const figures = await clock.until(figuresOf(instance));
        expect(figures).toMatchObject({ confirmed: 3, locked: 0, available: 7 });
      }
    });
    expect((await ledger.load()).epoch).toBe(3);
    expect(codeOf(await third.locks.confirm({ lockId: kept.lockId }))).toBe('LOCK_LOST');
    expect(codeOf(await third.locks.confirm({ lockId: sold.lockId, orderId: 7 }))).toBe('ok');
    await vi.waitFor(async () => {
      await clock.advanceAsync(50);
      const lost = first.changes.filter((one) => one.type === 'released');
      expect(lost).toMatchObject([{ lockId: kept.lockId, reason: 'lost' }]);
    });
    expect(codeOf(await third.locks.lock(wish('dan', 'd', 7)))).toBe('ok');
  });

  test('a confirm that was under way is refused by the ledger', async () => {
    const { branches, instances, clock, ledger, faults } = await openBranches(2);
    const [first, second] = instances as [Branch, Branch];
    const { lockId } = valueOf(await first.locks.lock(wish('ann', 'a', 10)));
    faults.beforeDecide = async () => {
      delete faults.beforeDecide;
      await branches.lose();
      await vi.waitFor(async () => {
        await clock.advanceAsync(50);
        const locking = clock.until(second.locks.lock(wish('ben', 'b', 10)));
        expect(codeOf(await locking)).toBe('ok');
      });
    };
    const confirm = () => clock.until(first.locks.confirm({ lockId, orderId: 7 }));
    expect(codeOf(await confirm())).toBe('LOCK_LOST');
    expect(await ledger.find(lockId)).toMatchObject({ outcome: 'aborted' });
    expect(codeOf(await confirm())).toBe('LOCK_LOST');
    expect(await figuresOf(second)).toMatchObject({ locked: 10, confirmed: 0, deficit: 0 });
  });
});
