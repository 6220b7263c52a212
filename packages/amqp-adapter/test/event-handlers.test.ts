import { LocalTicketLocks } from '@ticket-locks/lock-engine';
import type { ConfirmCommand, LockChange } from '@ticket-locks/lock-engine';
import { countingIds, ManualClock, ManualInventory } from '@ticket-locks/lock-engine/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { createHandlers } from '../src/handlers.js';
import type { Order } from '../src/payloads.js';
import { silentLog } from './silent-log.js';

/** A notice of the source is followed within this, and a lost one by the refresh. */
const REFRESH_MS = 5_000;

let clock: ManualClock;
let source: ManualInventory;
let locks: LocalTicketLocks;
let changes: LockChange[];
let told: [kind: string, orderId: unknown][];
let emit: (pattern: string, data: unknown) => Promise<unknown>;

const DONE = { ok: true, value: undefined };
const order = {
  orderId: 7,
  eventId: 1,
  categoryId: 2,
  quantity: 2,
  userId: 'ann',
};

async function start(isEventsService: boolean): Promise<void> {
  clock = new ManualClock(1_000_000);
  source = new ManualInventory();
  source.isPolled = isEventsService;
  count(0);
  locks = new LocalTicketLocks({ source, clock, timers: clock, ids: countingIds() });
  changes = [];
  told = [];
  locks.on('change', (change) => changes.push(change));
  await locks.start();
  const handlers = createHandlers({
    locks,
    stats: async () => ({}),
    inventory: isEventsService ? source : undefined,
    onOrder: (kind, { orderId }: Order) => told.push([kind, orderId]),
    log: silentLog,
    clock,
  });
  emit = async (pattern, data) => handlers.get(pattern)?.(data);
}

/** The events service counts so many tickets as sold. */
function count(soldElsewhere: number): void {
  source.set(1, { categoryId: 2, capacity: 10, soldElsewhere });
}

async function lock(userId = 'ann', quantity = 2): Promise<string> {
  const wish = { eventId: 1, categoryId: 2, quantity, userId, sessionId: `of ${userId}` };
  const outcome = await locks.lock(wish);
  if (!outcome.ok) throw new Error(outcome.error.code);
  return outcome.value.lockId;
}

async function sell(claims: Omit<ConfirmCommand, 'lockId'> = {}, userId = 'ann', quantity = 2) {
  const lockId = await lock(userId, quantity);
  const outcome = await locks.confirm({ lockId, ...claims });
  if (!outcome.ok) throw new Error(outcome.error.code);
  await clock.advanceAsync(1);
  return lockId;
}

async function figures() {
  const outcome = await locks.availability(1);
  if (!outcome.ok) throw new Error(outcome.error.code);
  const { available, confirmed, soldElsewhere } = outcome.value.categories[0]!;
  return { available, confirmed, soldElsewhere };
}

async function statusOf(lockId: string) {
  const found = await locks.lockById(lockId);
  return found?.settled === true ? 'SETTLED' : found?.status;
}

afterEach(() => locks.stop());

describe('with an events service', () => {
  beforeEach(() => start(true));

  test('a completed order settles with the next figures that show it', async () => {
    const lockId = await sell({ orderId: 7 });
    expect(await emit('order-completed', order)).toEqual(DONE);
    expect(await statusOf(lockId)).toBe('CONFIRMED');
    await clock.advanceAsync(REFRESH_MS);
    expect(await figures()).toEqual({ available: 8, confirmed: 2, soldElsewhere: 0 });
    count(2);
    await clock.advanceAsync(REFRESH_MS);
    expect(await statusOf(lockId)).toBe('SETTLED');
    expect(await figures()).toEqual({ available: 8, confirmed: 0, soldElsewhere: 2 });
  });

  test('its figures are asked for at once', async () => {
    await sell({ orderId: 7 });
    count(2);
    await emit('order-completed', { ...order, quantity: '2', categoryId: '2', price: '9.90' });
    await clock.advanceAsync(100);
    expect(await figures()).toEqual({ available: 8, confirmed: 0, soldElsewhere: 2 });
  });

  test('an order that is completed before its confirm comes waits for it', async () => {
    const lockId = await lock();
    expect(await emit('order-completed', order)).toEqual(DONE);
    await locks.confirm({ lockId, orderId: 7 });
    await clock.advanceAsync(1);
    count(2);
    await clock.advanceAsync(REFRESH_MS);
    expect(await statusOf(lockId)).toBe('SETTLED');
  });

  test('an order that is completed before anybody asked for its event waits too', async () => {
    expect(await emit('order-completed', order)).toEqual(DONE);
    const lockId = await sell({ orderId: 7 });
    count(2);
    await clock.advanceAsync(REFRESH_MS);
    expect(await statusOf(lockId)).toBe('SETTLED');
  });

  test('a repeat settles nothing more', async () => {
    const first = await sell();
    const second = await sell();
    await emit('order-completed', order);
    await emit('order-completed', order);
    count(4);
    await clock.advanceAsync(REFRESH_MS);
    await emit('order-completed', order);
    await clock.advanceAsync(REFRESH_MS);
    expect([await statusOf(first), await statusOf(second)]).toEqual(['SETTLED', 'CONFIRMED']);
    expect(told).toEqual([['order-completed', 7]]);
  });

  test('a cancelled order leads to new figures, and takes back nothing itself', async () => {
    const lockId = await sell({ orderId: 7 });
    const asked = source.loadCount(1);
    expect(await emit('order-cancelled', order)).toEqual(DONE);
    await clock.advanceAsync(100);
    expect(source.loadCount(1)).toBe(asked + 1);
    expect(await statusOf(lockId)).toBe('CONFIRMED');
    expect(told).toEqual([['order-cancelled', 7]]);
  });

  test('a changed capacity is asked for', async () => {
    expect(await figures()).toMatchObject({ available: 10 });
    source.set(1, { categoryId: 2, capacity: 3, soldElsewhere: 0 });
    expect(await emit('event-capacity-changed', { eventId: '1', capacity: 3 })).toEqual(DONE);
    await clock.advanceAsync(100);
    expect(await figures()).toMatchObject({ available: 3 });
  });
});

describe('without an events service', () => {
  beforeEach(() => start(false));

  test('a completed order changes nothing and is handed on', async () => {
    const lockId = await sell({ orderId: 7 });
    const before = changes.length;
    expect(await emit('order-completed', order)).toEqual(DONE);
    await clock.advanceAsync(REFRESH_MS);
    expect(changes.length).toBe(before);
    expect(await statusOf(lockId)).toBe('CONFIRMED');
    expect(told).toEqual([['order-completed', 7]]);
  });

  test('a cancelled order returns what it confirmed and what it was paying for', async () => {
    const sold = await sell({ orderId: 7 });
    const paying = await lock('ann', 1);
    await locks.beginPayment({ lockId: paying, orderId: 7 });
    const others = await sell({ orderId: 8 }, 'ben');
    expect(await emit('order-cancelled', order)).toEqual(DONE);
    expect([await statusOf(sold), await statusOf(paying)]).toEqual(['RELEASED', 'RELEASED']);
    expect(await statusOf(others)).toBe('CONFIRMED');
    expect(told).toEqual([['order-cancelled', 7]]);
  });

  test('a cancelled order returns the lock that it names', async () => {
    const older = await sell();
    const lockId = await sell();
    expect(await emit('order-cancelled', { ...order, lockId })).toEqual(DONE);
    expect([await statusOf(older), await statusOf(lockId)]).toEqual(['CONFIRMED', 'RELEASED']);
  });

  test('a cancelled order returns nothing of anybody else', async () => {
    const lockId = await sell({ orderId: 8 }, 'ben');
    expect(await emit('order-cancelled', { ...order, lockId })).toEqual(DONE);
    expect(await emit('order-cancelled', { ...order, userId: 'ben', lockId })).toEqual(DONE);
    expect(await emit('order-cancelled', { ...order, lockId: 'none' })).toEqual(DONE);
    expect(await emit('order-cancelled', { ...order, userId: 'ben' })).toEqual(DONE);
    expect(await statusOf(lockId)).toBe('CONFIRMED');
  });

  test('a cancelled order that is tied to none returns the oldest sale that is, once', async () => {
    const tied = await sell({ orderId: 9 });
    const first = await sell();
    const second = await sell();
    const larger = await sell({}, 'ann', 3);
    await emit('order-cancelled', order);
    await emit('order-cancelled', order);
    const statuses = [tied, first, second, larger].map(statusOf);
    expect(await Promise.all(statuses)).toEqual([
      'CONFIRMED',
      'RELEASED',
      'CONFIRMED',
      'CONFIRMED',
    ]);
    await emit('order-cancelled', { ...order, orderId: 10 });
    expect(await statusOf(second)).toBe('RELEASED');
    expect(told).toEqual([
      ['order-cancelled', 7],
      ['order-cancelled', 10],
    ]);
  });

  test('a cancelled event releases its locks, and a repeat is fine', async () => {
    const lockId = await lock();
    expect(await emit('event-cancelled', { eventId: '1', reason: 'storm' })).toEqual(DONE);
    expect(await statusOf(lockId)).toBe('RELEASED');
    expect(await emit('event-cancelled', { eventId: 1 })).toEqual(DONE);
    expect(await emit('event-cancelled', { eventId: 'nowhere' })).toEqual(DONE);
  });
});

describe('whatever the source is', () => {
  beforeEach(() => start(true));

  test.each<[string, unknown, string]>([
    ['order-completed', undefined, 'data'],
    ['order-completed', { ...order, orderId: undefined }, 'orderId'],
    ['order-completed', { ...order, quantity: 0 }, 'quantity'],
    ['order-completed', { ...order, quantity: '1.5' }, 'quantity'],
    ['order-cancelled', { ...order, eventId: -1 }, 'eventId'],
    ['order-cancelled', { ...order, lockId: '' }, 'lockId'],
    ['event-capacity-changed', {}, 'eventId'],
    ['event-cancelled', 'x', 'data'],
  ])('%s with %j is malformed', async (pattern, data, field) => {
    const refusal = { ok: false, error: { code: 'INVALID_REQUEST', field } };
    expect(await emit(pattern, data)).toEqual(refusal);
    expect(told).toEqual([]);
  });

  test.each([
    ['order-completed', order],
    ['event-cancelled', { eventId: 1 }],
  ])('%s is not lost when the store cannot do it now', async (pattern, data) => {
    await locks.stop();
    expect(await emit(pattern, data)).toEqual({ ok: false, error: { code: 'UNAVAILABLE' } });
    expect(told).toEqual([]);
  });
});
