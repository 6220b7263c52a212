import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { LocalTicketLocks } from '../src/index.js';
import type { LocalTicketLocksOptions, LockChange, StaleNews } from '../src/index.js';
import { ManualClock } from '../src/testing/manual-clock.js';
import { ManualInventory } from '../src/testing/manual-inventory.js';
import { memoryLedger } from '../src/testing/memory-ledger.js';
import { codeOf, valueOf } from './local-process.js';

const REFRESH_MS = 5_000;
const STALE_AFTER_MS = 300_000;
const NOTICE_MS = 20;
const WANTED_FOR_MS = 600_000;

let clock: ManualClock;
let source: ManualInventory;
let open: LocalTicketLocks[];

beforeEach(() => {
  clock = new ManualClock(1_000_000);
  source = new ManualInventory().set(1, { categoryId: 2, capacity: 5, soldElsewhere: 0 });
  open = [];
});

afterEach(async () => {
  source.letGo();
  for (const locks of open) await locks.stop();
  expect(clock.timerCount).toBe(0);
});

async function started(options: Partial<LocalTicketLocksOptions> = {}): Promise<LocalTicketLocks> {
  const timing = { inventoryRefreshMs: REFRESH_MS, inventoryStaleAfterMs: STALE_AFTER_MS };
  const locks = new LocalTicketLocks({ source, clock, timers: clock, ...timing, ...options });
  open.push(locks);
  await locks.start();
  return locks;
}

async function figuresOf(locks: LocalTicketLocks, categoryId = 2) {
  const { categories } = valueOf(await locks.availability(1));
  return categories.find((category) => category.categoryId === categoryId);
}

function wish(userId: string, quantity = 1) {
  return { eventId: 1, categoryId: 2, quantity, userId, sessionId: `session of ${userId}` };
}

describe('a polled source', () => {
  beforeEach(() => {
    source.isPolled = true;
  });

  test('is asked again at every interval about an event in use', async () => {
    const locks = await started();
    expect(await figuresOf(locks)).toMatchObject({ available: 5 });
    source.set(1, { categoryId: 2, capacity: 5, soldElsewhere: 2 });
    await clock.advanceAsync(REFRESH_MS - 1);
    expect(source.loadCount(1)).toBe(1);
    await clock.advanceAsync(1);
    expect(source.loadCount(1)).toBe(2);
    expect(await figuresOf(locks)).toMatchObject({ available: 3 });
  });

  test('is asked no more about an event that nobody uses, and anew when somebody does', async () => {
    const locks = await started();
    await figuresOf(locks);
    await clock.advanceAsync(WANTED_FOR_MS + REFRESH_MS);
    const asked = source.loadCount(1);
    await clock.advanceAsync(WANTED_FOR_MS);
    expect(source.loadCount(1)).toBe(asked);
    source.set(1, { categoryId: 2, capacity: 3, soldElsewhere: 0 });
    expect(await figuresOf(locks)).toMatchObject({ available: 3 });
    expect(source.loadCount(1)).toBe(asked + 1);
  });

  test('is asked on as long as a lock waits to be settled', async () => {
    const locks = await started();
    const { lockId } = valueOf(await locks.lock(wish('ann')));
    valueOf(await locks.confirm({ lockId, orderId: 1 }));
    await clock.advanceAsync(WANTED_FOR_MS * 2);
    const asked = source.loadCount(1);
    await clock.advanceAsync(REFRESH_MS);
    expect(source.loadCount(1)).toBe(asked + 1);
  });

  test('leaves no record of an answer that says nothing new', async () => {
    const locks = await started();
    const changes: LockChange[] = [];
    locks.on('change', (change) => changes.push(change));
    await figuresOf(locks);
    await clock.advanceAsync(REFRESH_MS * 3);
    expect(source.loadCount(1)).toBe(4);
    expect(changes.map(({ type }) => type)).toEqual(['inventory-set']);
  });

  test('settles a sale by saying the same again after its order was completed', async () => {
    const locks = await started();
    const { lockId } = valueOf(await locks.lock(wish('ann', 2)));
    valueOf(await locks.confirm({ lockId, orderId: 'o-1' }));
    source.set(1, { categoryId: 2, capacity: 5, soldElsewhere: 2 });
    await clock.advanceAsync(REFRESH_MS);
    expect(await figuresOf(locks)).toMatchObject({ confirmed: 2, soldElsewhere: 2, available: 1 });
    const order = { orderId: 'o-1', categoryId: 2, quantity: 2, userId: 'ann' };
    valueOf(await locks.setInventory({ eventId: 1, completed: [order] }));
    await clock.advanceAsync(REFRESH_MS);
    expect(await figuresOf(locks)).toMatchObject({ confirmed: 0, soldElsewhere: 2, available: 3 });
  });

  test('is asked about unsettled locks after a restart before anybody else asks', async () => {
    const ledger = memoryLedger();
    const before = await started({ ledger });
    const { lockId } = valueOf(await before.lock(wish('ann', 2)));
    valueOf(await before.confirm({ lockId, orderId: 'o-1' }));
    const order = { orderId: 'o-1', categoryId: 2, quantity: 2, userId: 'ann' };
    valueOf(await before.setInventory({ eventId: 1, completed: [order] }));
    ledger.crash();
    source.set(1, { categoryId: 2, capacity: 5, soldElsewhere: 2 });
    await clock.advanceAsync(1_000);
    const after = await started({ ledger: ledger.reopen() });
    await clock.advanceAsync(REFRESH_MS);
    expect(await after.unsettledLocks(1)).toEqual([]);
    await before.stop().catch(() => undefined);
  });

  test('gives no locks after a restart on figures that are too old', async () => {
    const ledger = memoryLedger();
    const before = await started({ ledger });
    valueOf(await before.lock(wish('ann')));
    await before.stop();
    source.fail();
    await clock.advanceAsync(STALE_AFTER_MS);
    const after = await started({ ledger: ledger.reopen() });
    expect(codeOf(await after.lock(wish('ben')))).toBe('UNAVAILABLE');
    expect(valueOf(await after.availability(1)).stale).toBe(true);
    source.recover();
    await clock.advanceAsync(REFRESH_MS);
    expect(codeOf(await after.lock(wish('ben')))).toBe('ok');
  });

  test('is asked about a few events at a time, however many are in use', async () => {
    const eventIds = Array.from({ length: 50 }, (_, index) => index + 1);
    for (const eventId of eventIds) source.set(eventId, { categoryId: 2, capacity: 5 });
    const locks = await started();
    source.hold();
    const asked = Promise.all(eventIds.map((eventId) => locks.availability(eventId)));
    await clock.advanceAsync(1);
    source.letGo();
    expect((await asked).map(codeOf)).toEqual(eventIds.map(() => 'ok'));
    await clock.advanceAsync(REFRESH_MS);
    expect(eventIds.map((eventId) => source.loadCount(eventId))).toEqual(eventIds.map(() => 2));
    expect(source.loadingCountMax).toBe(8);
  });

  test('that lists a category no more has nothing more of it sold', async () => {
    const standing = { categoryId: 3, capacity: 10, soldElsewhere: 0 };
    const seats = { categoryId: 2, capacity: 5, soldElsewhere: 1 };
    source.set(1, seats, standing);
    const locks = await started();
    const { lockId } = valueOf(await locks.lock(wish('ann', 2)));
    source.set(1, standing);
    await clock.advanceAsync(REFRESH_MS);
    expect(await figuresOf(locks)).toMatchObject({ available: 0, locked: 2, soldElsewhere: 1 });
    expect(codeOf(await locks.lock(wish('ben')))).toBe('INSUFFICIENT_TICKETS');
    expect(codeOf(await locks.confirm({ lockId, orderId: 1 }))).toBe('ok');
    source.set(1, seats, standing);
    await clock.advanceAsync(REFRESH_MS);
    expect(await figuresOf(locks)).toMatchObject({ available: 2, confirmed: 2, soldElsewhere: 1 });
  });

  test('that knows the event no more has nothing more of it sold', async () => {
    const locks = await started();
    const { lockId } = valueOf(await locks.lock(wish('ann', 2)));
    source.remove(1);
    await clock.advanceAsync(REFRESH_MS);
    expect(codeOf(await locks.lock(wish('ben')))).toBe('INSUFFICIENT_TICKETS');
    expect(codeOf(await locks.confirm({ lockId, orderId: 1 }))).toBe('ok');
  });
});

test('a source that tells of changes is not asked for nothing', async () => {
  const locks = await started();
  await figuresOf(locks);
  await clock.advanceAsync(WANTED_FOR_MS * 2);
  await figuresOf(locks);
  expect(source.loadCount(1)).toBe(1);
});

describe('a notice', () => {
  test('leads to one fetch, however many of them come at once', async () => {
    const locks = await started();
    await figuresOf(locks);
    source.set(1, { categoryId: 2, capacity: 4, soldElsewhere: 0 });
    for (let count = 0; count < 10; count += 1) source.changed(1);
    await clock.advanceAsync(NOTICE_MS);
    expect(source.loadCount(1)).toBe(2);
    expect(await figuresOf(locks)).toMatchObject({ capacity: 4 });
  });

  test('while a fetch runs leads to one more that begins after it', async () => {
    const locks = await started();
    await figuresOf(locks);
    source.changed(1);
    source.hold();
    await clock.advanceAsync(NOTICE_MS);
    source.set(1, { categoryId: 2, capacity: 4, soldElsewhere: 0 });
    source.changed(1);
    source.changed(1);
    await clock.advanceAsync(NOTICE_MS);
    expect(source.loadCount(1)).toBe(2);
    source.letGo();
    await clock.advanceAsync(0);
    expect(source.loadCount(1)).toBe(3);
    expect(await figuresOf(locks)).toMatchObject({ capacity: 4 });
  });

  test('of an event that nobody knows costs nothing', async () => {
    await started();
    source.changed(1);
    await clock.advanceAsync(NOTICE_MS);
    expect(source.loadCount(1)).toBe(0);
  });
});

describe('a source that fails', () => {
  test('makes figures stale, is asked again at the interval, and both are told', async () => {
    const locks = await started();
    const news: StaleNews[] = [];
    locks.on('stale', (told) => news.push(told));
    await figuresOf(locks);
    source.fail();
    source.changed(1);
    await clock.advanceAsync(NOTICE_MS + REFRESH_MS * 2);
    expect(news).toEqual([{ eventId: 1, stale: true }]);
    expect(valueOf(await locks.availability(1))).toMatchObject({ stale: true });
    source.recover();
    await clock.advanceAsync(REFRESH_MS);
    expect(news).toEqual([
      { eventId: 1, stale: true },
      { eventId: 1, stale: false },
    ]);
  });

  test('for too long ends locking, and nothing else', async () => {
    const locks = await started();
    const { lockId } = valueOf(await locks.lock(wish('ann')));
    const { lockId: other } = valueOf(await locks.lock(wish('ben')));
    const { lockId: third } = valueOf(await locks.lock(wish('cem')));
    source.fail();
    source.changed(1);
    await clock.advanceAsync(STALE_AFTER_MS - 1);
    const { lockId: fourth } = valueOf(await locks.lock(wish('dan')));
    await clock.advanceAsync(1);
    expect(codeOf(await locks.lock(wish('eva')))).toBe('UNAVAILABLE');
    const many = { ...wish('eva'), items: [wish('eva')] };
    expect(codeOf(await locks.lockMany(many))).toBe('UNAVAILABLE');
    const payment = await locks.beginPayment({ lockId: fourth, orderId: 1 });
    expect(codeOf(payment)).toBe('ok');
    expect(codeOf(await locks.confirm({ lockId: fourth, orderId: 1 }))).toBe('ok');
    expect(codeOf(await locks.release({ lockId }))).toBe('ok');
    expect(codeOf(await locks.release({ lockId: other }))).toBe('ok');
    expect(codeOf(await locks.release({ lockId: third }))).toBe('ok');
    source.recover();
    await clock.advanceAsync(REFRESH_MS);
    expect(codeOf(await locks.lock(wish('eva')))).toBe('ok');
  });

  test('from the beginning ends locking too, on figures that were brought', async () => {
    source.isPolled = true;
    source.fail();
    const locks = await started();
    valueOf(await locks.setInventory({ eventId: 1, categories: [{ categoryId: 2, capacity: 5 }] }));
    expect(codeOf(await locks.lock(wish('ann')))).toBe('ok');
    for (let waitedMs = 0; waitedMs < STALE_AFTER_MS; waitedMs += 50_000) {
      await clock.advanceAsync(50_000);
      await locks.availability(1);
    }
    expect(codeOf(await locks.lock(wish('ben')))).toBe('UNAVAILABLE');
  });

  test('with nonsense leaves the last good figures', async () => {
    const locks = await started();
    await figuresOf(locks);
    source.set(1, { categoryId: 2, capacity: -1 });
    source.changed(1);
    await clock.advanceAsync(NOTICE_MS);
    expect(await figuresOf(locks)).toMatchObject({ capacity: 5 });
    expect(valueOf(await locks.availability(1)).stale).toBe(true);
  });
});

test('an event that is made known is there at once, asked for in vain or not', async () => {
  source.remove(1);
  const locks = await started();
  expect(codeOf(await locks.availability(1))).toBe('EVENT_NOT_FOUND');
  const categories = [{ categoryId: 2, capacity: 7 }];
  valueOf(await locks.setInventory({ eventId: 1, categories }));
  expect(await figuresOf(locks)).toMatchObject({ available: 7 });
  await clock.advanceAsync(WANTED_FOR_MS);
  expect(await figuresOf(locks)).toMatchObject({ available: 7 });
});

test('a listener that throws is a bug of its owner, and nobody else hears less', async () => {
  const locks = await started();
  const told: string[] = [];
  const failures: Error[] = [];
  const throwing = () => {
    throw new Error('the listener is broken');
  };
  locks.on('change', throwing);
  locks.on('change', ({ type }) => told.push(type));
  locks.on('failure', (error) => failures.push(error));
  expect(codeOf(await locks.lock(wish('ann')))).toBe('ok');
  expect(told).toEqual(['inventory-set', 'locked']);
  expect(failures).toEqual([]);
  // Once for each change, out of a timer that nobody catches.
  expect(() => clock.advance(0)).toThrow('the listener is broken');
  expect(() => clock.advance(0)).toThrow('the listener is broken');
  locks.off('change', throwing);
  expect(codeOf(await locks.lock(wish('ben')))).toBe('ok');
  clock.advance(0);
});

test('a session that ended is taken for gone for a minute', async () => {
  const locks = await started();
  const { sessionId } = valueOf(await locks.openSession({ userId: 'ann' }));
  await locks.leaveSession({ sessionId, how: 'goodbye' });
  await clock.advanceAsync(59_999);
  expect(codeOf(await locks.lock({ ...wish('ann'), sessionId }))).toBe('FORBIDDEN');
  await clock.advanceAsync(1);
  expect(codeOf(await locks.lock({ ...wish('ann'), sessionId }))).toBe('ok');
});

test.each(['inventoryRefreshMs', 'inventoryStaleAfterMs'])('%s has bounds', (name) => {
  expect(() => new LocalTicketLocks({ source, [name]: 0 })).toThrow(RangeError);
});
