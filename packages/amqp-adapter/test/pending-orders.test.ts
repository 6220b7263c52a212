import { ManualClock } from '@ticket-locks/lock-engine/testing';
import { beforeEach, expect, test } from 'vitest';

import { PendingOrders } from '../src/pending-orders.js';

const HOUR_MS = 3_600_000;

let clock: ManualClock;
let pending: PendingOrders;

beforeEach(() => {
  clock = new ManualClock();
  pending = new PendingOrders(clock);
});

const order = (orderId: number | string, lockId?: string) => ({
  orderId,
  eventId: 1,
  categoryId: 2,
  quantity: 2,
  userId: 'ann',
  lockId,
});
const sale = { lockId: 'l-1', eventId: 1, categoryId: 2, userId: 'ann', quantity: 2 };
const idsOf = (found: readonly { orderId: unknown }[]) => found.map(({ orderId }) => orderId);

test('an order waits for a sale of the same buyer, category and quantity', () => {
  pending.add(order(7));
  pending.add(order(8));
  expect(idsOf(pending.matching(sale))).toEqual([7, 8]);
  for (const other of [{ userId: 'ben' }, { quantity: 1 }, { categoryId: 3 }, { eventId: 9 }]) {
    expect(pending.matching({ ...sale, ...other })).toEqual([]);
  }
  pending.delete(order(7));
  expect(idsOf(pending.matching(sale))).toEqual([8]);
});

test('an order that names its lock waits for no other', () => {
  pending.add(order(7, 'l-2'));
  expect(pending.matching(sale)).toEqual([]);
  expect(idsOf(pending.matching({ ...sale, lockId: 'l-2' }))).toEqual([7]);
});

test('a repeat is the same order', () => {
  pending.add(order(7));
  pending.add(order(7));
  expect(pending.size).toBe(1);
});

test('an order is forgotten after an hour', () => {
  pending.add(order(7));
  clock.advance(HOUR_MS - 1);
  expect(idsOf(pending.matching(sale))).toEqual([7]);
  clock.advance(1);
  expect(pending.matching(sale)).toEqual([]);
  pending.add(order(8));
  expect(pending.size).toBe(1);
});

test('only so many are remembered, the newest', () => {
  for (let orderId = 1; orderId <= 10_001; orderId += 1) pending.add(order(orderId));
  expect(pending.size).toBe(10_000);
  expect(pending.matching(sale)[0]?.orderId).toBe(2);
});
