import { describe, expect, test } from 'vitest';

import type { BoxOffices } from './box-office.js';
import { codeOf, errorOf, valueOf } from './box-office.js';

export function describeLocking(offices: BoxOffices): void {
  describe('lock', () => {
    test('takes tickets for a user until the end of its life', async () => {
      const office = await offices.open();
      const sessionId = 'visit';
      const grant = valueOf(
        await office.locks.lock({
          eventId: '1',
          categoryId: '2',
          quantity: 2,
          userId: '7',
          sessionId,
        }),
      );
      const expiresAtMs = office.clock.nowMs() + 60_000;
      expect(grant).toMatchObject({ eventId: 1, categoryId: 2, quantity: 2, available: 3 });
      expect(grant.expiresAtMs).toBe(expiresAtMs);
      expect(grant.expiresInMs).toBe(60_000);
      expect(await office.figures()).toMatchObject({ available: 3, locked: 2, sold: 0 });
      const lock = await office.locks.lockById(grant.lockId);
      expect(lock).toMatchObject({ status: 'ACTIVE', userId: 7, sessionId, quantity: 2 });
      expect(await office.locks.locksOfUser('7')).toEqual([lock]);
      expect(await office.locks.locksOfSession(sessionId)).toEqual([lock]);
      expect(office.historyOf(grant.lockId)).toEqual(['locked']);
    });

    test('never grants more than there is, however many ask at once', async () => {
      const office = await offices.open();
      const users = Array.from({ length: 20 }, (_, index) => `user-${index}`);
      const outcomes = await Promise.all(
        users.map((userId) =>
          office.locks.lock({ eventId: 1, categoryId: 2, quantity: 1, userId, sessionId: userId }),
        ),
      );
      const codes = outcomes.map(codeOf);
      expect(codes.filter((code) => code === 'ok')).toHaveLength(5);
      expect(codes.filter((code) => code === 'INSUFFICIENT_TICKETS')).toHaveLength(15);
      expect(await office.figures()).toMatchObject({ available: 0, locked: 5, deficit: 0 });
    });

    test('says how many are left when there are too few', async () => {
      const office = await offices.open();
      await office.locked('ann', 4);
      const refusal = await office.unchangedBy(() =>
        office.locks.lock({
          eventId: 1,
          categoryId: 2,
          quantity: 2,
          userId: 'ben',
          sessionId: 'b',
        }),
      );
      expect(errorOf(refusal)).toEqual({
        code: 'INSUFFICIENT_TICKETS',
        available: 1,
        requested: 2,
        lines: [{ categoryId: 2, available: 1, requested: 2 }],
      });
    });

    test('a second lock in a category is refused with the first', async () => {
      const office = await offices.open();
      const { lockId } = await office.locked('ann');
      const again = { eventId: 1, categoryId: 2, quantity: 1, userId: 'ann', sessionId: 'other' };
      const refusal = await office.unchangedBy(() => office.locks.lock(again));
      const lock = await office.locks.lockById(lockId);
      expect(errorOf(refusal)).toEqual({ code: 'DUPLICATE_LOCK', lockId, lock });
    });

    test('onExisting changes the quantity in place and never moves the end', async () => {
      const office = await offices.open();
      const { lockId, expiresAtMs } = await office.locked('ann', 2);
      await office.clock.advanceAsync(1_000);
      const line = { eventId: 1, categoryId: 2, userId: 'ann', sessionId: 'other' };
      const set = await office.locks.lock({ ...line, quantity: 1, onExisting: 'set' });
      expect(valueOf(set)).toMatchObject({ lockId, quantity: 1, expiresAtMs, available: 4 });
      const added = await office.locks.lock({ ...line, quantity: 3, onExisting: 'add' });
      expect(valueOf(added)).toMatchObject({ lockId, quantity: 4, expiresAtMs, available: 1 });
      const tooMany = await office.unchangedBy(() =>
        office.locks.lock({ ...line, quantity: 2, onExisting: 'add' }),
      );
      expect(errorOf(tooMany)).toMatchObject({ code: 'INSUFFICIENT_TICKETS', available: 1 });
      const lock = await office.locks.lockById(lockId);
      expect(lock).toMatchObject({ quantity: 4, sessionId: 'session of ann' });
    });

    test('keeps to the limits', async () => {
      const limits = { ticketsPerLockMax: 3, locksPerUserMax: 2, ticketsPerUserPerEventMax: 4 };
      const office = await offices.open(limits);
      const ask = async (categoryId: number, quantity: number) =>
        errorOf(
          await office.locks.lock({
            eventId: 1,
            categoryId,
            quantity,
            userId: 'ann',
            sessionId: 'a',
          }),
        );
      const exceeded = (limit: string, max: number) => ({ code: 'LIMIT_EXCEEDED', limit, max });
      expect(await ask(2, 4)).toEqual(exceeded('ticketsPerLockMax', 3));
      expect(await ask(2, 3)).toBe('ok');
      expect(await ask(3, 2)).toEqual(exceeded('ticketsPerUserPerEventMax', 4));
      expect(await ask(3, 1)).toBe('ok');
      expect(await ask(4, 1)).toEqual(exceeded('locksPerUserMax', 2));
      await office.locked('ann', 3, 2, 'gala');
    });

    test('ids that look alike are different, and no id is special', async () => {
      const office = await offices.open();
      await office.locked('__proto__');
      await office.locked('constructor');
      await office.locked(7);
      await office.locked('007');
      const users = ['__proto__', 'constructor', '7', '007', 'toString'];
      const counts = await Promise.all(
        users.map(async (userId) => (await office.locks.locksOfUser(userId)).length),
      );
      expect(counts).toEqual([1, 1, 1, 1, 0]);
    });
  });

  describe('lockMany', () => {
    test('locks several categories with one end, all or nothing', async () => {
      const office = await offices.open();
      const order = { eventId: 1, userId: 'ann', sessionId: 'a' };
      const items = [
        { categoryId: 2, quantity: 2 },
        { categoryId: 4, quantity: 1 },
      ];
      const grant = valueOf(await office.locks.lockMany({ ...order, items }));
      expect(grant.locks.map((lock) => [lock.categoryId, lock.quantity, lock.available])).toEqual([
        [2, 2, 3],
        [4, 1, 1],
      ]);
      expect(new Set(grant.locks.map((lock) => lock.expiresAtMs)).size).toBe(1);
      expect(grant.lockId).toBe(grant.locks[0]?.lockId);
      const more = items.map((item) => ({ ...item, quantity: 4 }));
      const refusal = await office.unchangedBy(() =>
        office.locks.lockMany({ ...order, userId: 'ben', items: more }),
      );
      expect(errorOf(refusal)).toEqual({
        code: 'INSUFFICIENT_TICKETS',
        available: 3,
        requested: 4,
        lines: [
          { categoryId: 2, available: 3, requested: 4 },
          { categoryId: 4, available: 1, requested: 4 },
        ],
      });
    });

    test('those that ask at once for the same categories get all or nothing', async () => {
      const office = await offices.open();
      const items = [
        { categoryId: 2, quantity: 2 },
        { categoryId: 4, quantity: 1 },
      ];
      const users = ['ann', 'ben', 'cem', 'dan'];
      const outcomes = await Promise.all(
        users.map((userId, index) =>
          office.locks.lockMany({
            eventId: 1,
            items: index % 2 === 0 ? items : items.toReversed(),
            userId,
            sessionId: userId,
          }),
        ),
      );
      expect(outcomes.filter((outcome) => outcome.ok)).toHaveLength(2);
      expect(await office.figures(2)).toMatchObject({ available: 1, locked: 4 });
      expect(await office.figures(4)).toMatchObject({ available: 0, locked: 2 });
    });
  });

  describe('a repeated request', () => {
    const wish = { eventId: 1, categoryId: 2, quantity: 2, userId: 'ann', sessionId: 'a' };

    test('is answered as before, with the times and counts of now', async () => {
      const office = await offices.open();
      const request = { ...wish, requestId: 'r-1' };
      const [first, second] = await Promise.all([
        office.locks.lock(request),
        office.locks.lock(request),
      ]);
      expect(valueOf(second)).toEqual(valueOf(first));
      await office.clock.advanceAsync(1_000);
      await office.locked('ben', 1);
      const later = valueOf(await office.locks.lock({ ...request, sessionId: 'after reload' }));
      expect(later).toEqual({ ...valueOf(first), expiresInMs: 59_000, available: 2 });
      expect(await office.figures()).toMatchObject({ locked: 3 });
    });

    test('with other content is a conflict, and another user is another space', async () => {
      const office = await offices.open();
      valueOf(await office.locks.lock({ ...wish, requestId: 'r-1' }));
      const other = await office.locks.lock({ ...wish, quantity: 1, requestId: 'r-1' });
      expect(errorOf(other)).toEqual({ code: 'REQUEST_CONFLICT', requestId: 'r-1' });
      const ben = await office.locks.lock({ ...wish, userId: 'ben', requestId: 'r-1' });
      expect(codeOf(ben)).toBe('ok');
      const gala = await office.locks.lock({ ...wish, eventId: 'gala', requestId: 'r-1' });
      expect(codeOf(gala)).toBe('ok');
    });

    test('tells how its lock has ended since', async () => {
      const office = await offices.open();
      const { lockId } = valueOf(await office.locks.lock({ ...wish, requestId: 'r-1' }));
      await office.clock.advanceAsync(60_000);
      const repeated = await office.locks.lock({ ...wish, requestId: 'r-1' });
      expect(errorOf(repeated)).toEqual({ code: 'LOCK_EXPIRED', lockId });
    });

    test('of a refusal is judged anew', async () => {
      const office = await offices.open();
      const { lockId } = await office.locked('ben', 5);
      const request = { ...wish, requestId: 'r-1' };
      expect(codeOf(await office.locks.lock(request))).toBe('INSUFFICIENT_TICKETS');
      valueOf(await office.locks.unlock({ lockId }));
      expect(codeOf(await office.locks.lock(request))).toBe('ok');
    });
  });
}
