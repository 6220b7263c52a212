import { describe, expect, test } from 'vitest';

import type { StaleNews } from '../../ports/ticket-locks.js';
import type { BoxOffices, TicketLocksFeature } from './box-office.js';
import { codeOf, errorOf, valueOf } from './box-office.js';
import type { Supports } from './support.js';
import { testOf } from './support.js';

/** More events that do not exist than anybody should remember. */
const UNKNOWN_COUNT = 10_001;
/** When a notice of the source has surely led to a new fetch. */
const NOTICED_MS = 1_000;

export function describeInventory(
  offices: BoxOffices,
  supports: Supports<TicketLocksFeature> | undefined,
): void {
  const testFeature = testOf(supports);
  const wish = { categoryId: 2, quantity: 1, userId: 'ann', sessionId: 'a' };

  describe('an event', () => {
    test('is asked for on first need, once however many wait for it', async () => {
      const office = await offices.open();
      expect(office.source.loadCount(1)).toBe(0);
      office.source.hold();
      const asked = Promise.all([
        office.locks.availability(1),
        office.locks.availability('1'),
        office.locks.lock({ ...wish, eventId: 1 }),
        office.locks.lockMany({ ...wish, eventId: '1', userId: 'ben', items: [wish] }),
      ]);
      office.source.letGo();
      expect((await asked).map(codeOf)).toEqual(['ok', 'ok', 'ok', 'ok']);
      await office.available();
      expect(office.source.loadCount(1)).toBe(1);
    });

    test('that does not exist is asked for once in a while, not by everybody', async () => {
      const office = await offices.open();
      const error = { code: 'EVENT_NOT_FOUND', eventId: 'nowhere' };
      const ask = () =>
        Promise.all([
          office.locks.availability('nowhere'),
          office.locks.lock({ ...wish, eventId: 'nowhere' }),
          office.locks.availability('nowhere'),
        ]);
      expect((await ask()).map(errorOf)).toEqual([error, error, error]);
      expect((await ask()).map(errorOf)).toEqual([error, error, error]);
      expect(office.source.loadCount('nowhere')).toBe(1);
      await office.clock.advanceAsync(60_000);
      office.source.set('nowhere', { categoryId: 2, capacity: 1 });
      expect((await ask()).map(codeOf)).toEqual(['ok', 'ok', 'ok']);
      expect(office.source.loadCount('nowhere')).toBe(2);
    });

    testFeature(
      'bounded memory of unknown events',
      'that does not exist is forgotten among very many others',
      async () => {
        const office = await offices.open();
        await office.locks.availability('x-0');
        const others = Array.from({ length: UNKNOWN_COUNT }, (_, index) => `x-${index + 1}`);
        await Promise.all(others.map((eventId) => office.locks.availability(eventId)));
        await office.locks.availability('x-0');
        expect(office.source.loadCount('x-0')).toBe(2);
      },
    );

    test('that is made known is there at once, asked for in vain or not', async () => {
      const office = await offices.open();
      expect(codeOf(await office.locks.availability('new'))).toBe('EVENT_NOT_FOUND');
      const categories = [{ categoryId: 2, capacity: 7 }];
      valueOf(await office.locks.setInventory({ eventId: 'new', categories }));
      expect(await office.available(2, 'new')).toBe(7);
      expect(codeOf(await office.locks.lock({ ...wish, eventId: 'new' }))).toBe('ok');
    });

    test('whose truth is not to be had is unavailable, and comes back', async () => {
      const office = await offices.open();
      office.source.fail();
      expect(errorOf(await office.locks.availability(1))).toEqual({ code: 'UNAVAILABLE' });
      const refusal = await office.locks.lock({ ...wish, eventId: 1 });
      expect(errorOf(refusal)).toEqual({ code: 'UNAVAILABLE' });
      office.source.recover();
      expect(codeOf(await office.locks.lock({ ...wish, eventId: 1 }))).toBe('ok');
    });

    test('whose figures make no sense is unavailable, not unknown', async () => {
      const office = await offices.open();
      office.source.set(1, { categoryId: 2, capacity: NaN });
      expect(errorOf(await office.locks.availability(1))).toEqual({ code: 'UNAVAILABLE' });
      const refusal = await office.locks.lock({ ...wish, eventId: 1 });
      expect(errorOf(refusal)).toEqual({ code: 'UNAVAILABLE' });
      office.source.set(1, { categoryId: 2, capacity: 5 });
      expect(codeOf(await office.locks.lock({ ...wish, eventId: 1 }))).toBe('ok');
    });

    test('without the category does not have it', async () => {
      const office = await offices.open();
      const refusal = await office.locks.lock({ ...wish, eventId: 1, categoryId: 99 });
      const error = { code: 'CATEGORY_NOT_FOUND', eventId: 1, categoryId: 99 };
      expect(errorOf(refusal)).toEqual(error);
    });

    testFeature('refresh', 'is asked for again when its source says that it changed', async () => {
      const office = await offices.open();
      await office.locked('ann', 4);
      await office.clock.advanceAsync(1_000);
      office.source.set(1, { categoryId: 2, capacity: 3, soldElsewhere: 1 });
      office.source.changed(1);
      await office.clock.advanceAsync(NOTICED_MS);
      const figures = { capacity: 3, soldElsewhere: 1, locked: 4, available: 0, deficit: 2 };
      expect(await office.figures()).toMatchObject(figures);
      expect(valueOf(await office.locks.availability(1)).stale).toBe(false);
    });

    testFeature('refresh', 'goes on with its last figures while its source fails', async () => {
      const office = await offices.open();
      const news: StaleNews[] = [];
      office.locks.on('stale', (told) => news.push(told));
      await office.locked('ann', 4);
      await office.clock.advanceAsync(1_000);
      office.source.fail();
      office.source.changed(1);
      await office.clock.advanceAsync(NOTICED_MS);
      expect(valueOf(await office.locks.availability(1)).stale).toBe(true);
      expect(news).toEqual([{ eventId: 1, stale: true }]);
      await office.locked('ben', 1);
      office.source.recover();
      office.source.changed(1);
      await office.clock.advanceAsync(NOTICED_MS);
      expect(valueOf(await office.locks.availability(1)).stale).toBe(false);
      expect(news).toEqual([
        { eventId: 1, stale: true },
        { eventId: 1, stale: false },
      ]);
    });
  });

  describe('setInventory', () => {
    test('takes a capacity below what is promised as the truth, and honours what is', async () => {
      const office = await offices.open();
      const { lockId } = await office.locked('ann', 4);
      const lowered = { eventId: 1, categories: [{ categoryId: 2, capacity: 1 }] };
      expect(valueOf(await office.locks.setInventory(lowered))).toMatchObject({ applied: true });
      expect(await office.figures()).toMatchObject({ available: 0, deficit: 3, locked: 4 });
      const refusal = await office.locks.lock({ ...wish, eventId: 1, userId: 'ben' });
      expect(codeOf(refusal)).toBe('INSUFFICIENT_TICKETS');
      expect(codeOf(await office.locks.confirm({ lockId, orderId: 1 }))).toBe('ok');
    });

    test('ignores figures that are older than what is known', async () => {
      const office = await offices.open();
      await office.clock.advanceAsync(10_000);
      const set = (capacity: number, fetchedAtMs: number) =>
        office.locks.setInventory({
          eventId: 1,
          categories: [{ categoryId: 2, capacity }],
          fetchedAtMs,
        });
      await office.available();
      const nowMs = office.clock.nowMs();
      await office.clock.advanceAsync(10);
      expect(valueOf(await set(9, nowMs + 5)).applied).toBe(true);
      expect(valueOf(await set(7, nowMs + 4)).applied).toBe(false);
      expect(await office.available()).toBe(9);
    });
  });

  describe('cancelEvent', () => {
    test('releases what is locked and takes no more', async () => {
      const office = await offices.open();
      const { lockId } = await office.locked('ann');
      const { lockId: paid } = await office.locked('ben');
      const { lockId: sold } = await office.locked('cem');
      const { lockId: elsewhere } = await office.locked('ann', 1, 2, 'gala');
      valueOf(await office.locks.beginPayment({ lockId: paid, orderId: 1 }));
      valueOf(await office.locks.confirm({ lockId: sold, orderId: 2 }));
      const cancelled = valueOf(await office.locks.cancelEvent({ eventId: '1' }));
      expect(cancelled.lockIds.toSorted()).toEqual([lockId, paid].toSorted());
      const lock = await office.locks.lockById(lockId);
      expect(lock).toMatchObject({ status: 'RELEASED', reason: 'event-cancelled' });
      expect(await office.statusOf(sold)).toBe('CONFIRMED');
      expect(await office.statusOf(elsewhere)).toBe('ACTIVE');
      const refusal = await office.locks.lock({ ...wish, eventId: 1, userId: 'dan' });
      expect(errorOf(refusal)).toEqual({ code: 'EVENT_NOT_FOUND', eventId: 1 });
      const again = await office.locks.cancelEvent({ eventId: 1 });
      expect(valueOf(again)).toEqual({ eventId: 1, lockIds: [] });
    });

    test('of an event that does not exist is refused', async () => {
      const office = await offices.open();
      const refusal = await office.locks.cancelEvent({ eventId: 'nowhere' });
      expect(errorOf(refusal)).toEqual({ code: 'EVENT_NOT_FOUND', eventId: 'nowhere' });
    });
  });

  describe('settlement', () => {
    testFeature('settlement', 'waits until the source shows the completed order', async () => {
      const office = await offices.open();
      const { lockId } = await office.locked('ann', 2);
      valueOf(await office.locks.confirm({ lockId, orderId: 'o-1' }));
      const order = { orderId: 'o-1', categoryId: 2, quantity: 2, userId: 'ann' };
      const fetched = async (soldElsewhere: number) => {
        await office.clock.advanceAsync(1);
        const categories = [{ categoryId: 2, capacity: 5, soldElsewhere }];
        const completed = [order];
        return valueOf(await office.locks.setInventory({ eventId: 1, categories, completed }));
      };
      expect(await fetched(1)).toMatchObject({ settledLockIds: [], unmatched: [] });
      const [waiting] = await office.locks.unsettledLocks(1);
      expect(waiting).toMatchObject({ lockId });
      expect(await office.figures()).toMatchObject({ sold: 3, confirmed: 2, available: 2 });
      expect((await fetched(2)).settledLockIds).toEqual([lockId]);
      expect(await office.locks.unsettledLocks(1)).toEqual([]);
      expect(await office.figures()).toMatchObject({ sold: 2, confirmed: 0, available: 3 });
      const returned = await office.locks.release({ lockId, orderId: 'o-1' });
      expect(errorOf(returned)).toEqual({ code: 'LOCK_CONFIRMED', lockId });
    });

    testFeature('settlement', "is also done by an operator's word", async () => {
      const office = await offices.open();
      const { lockId } = await office.locked('ann', 2);
      expect(codeOf(await office.locks.settle({ lockId }))).toBe('LOCK_MISMATCH');
      valueOf(await office.locks.confirm({ lockId }));
      const settled = { lockId, status: 'CONFIRMED', settled: true };
      expect(valueOf(await office.locks.settle({ lockId }))).toEqual(settled);
      expect(valueOf(await office.locks.settle({ lockId }))).toEqual(settled);
      expect(await office.figures()).toMatchObject({ confirmed: 0, available: 5 });
    });
  });
}
