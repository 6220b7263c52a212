import { describe, expect, test } from 'vitest';

import type { TicketLocks } from '../../ports/ticket-locks.js';
import { literalOf } from '../literal.js';
import { MALFORMED } from '../small-world.js';
import type { BoxOffices } from './box-office.js';
import { codeOf, errorOf, valueOf } from './box-office.js';

/** Every command with an input that is right in each field. */
const COMMANDS = {
  lock: { eventId: 1, categoryId: 2, quantity: 1, userId: 'ann', sessionId: 'a' },
  lockMany: {
    eventId: 1,
    items: [{ categoryId: 2, quantity: 1 }],
    userId: 'ann',
    sessionId: 'a',
  },
  unlock: { lockId: 'lock', quantity: 1 },
  extend: { lockId: 'lock' },
  beginPayment: { lockId: 'lock', orderId: 1 },
  confirm: { lockId: 'lock' },
  confirmMany: { lockIds: ['lock'] },
  release: { lockId: 'lock' },
  releaseMany: { lockIds: ['lock'] },
  setInventory: { eventId: 1, categories: [{ categoryId: 2, capacity: 5 }] },
  cancelEvent: { eventId: 1 },
  settle: { lockId: 'lock' },
} satisfies Partial<Record<keyof TicketLocks, object>>;

/** What is wrong in every field that must be there. */
const ALWAYS_WRONG = [NaN, -1, 1.5, Infinity, 1e21, 2 ** 53, '', null, true, {}, [], 'a\u0000b'];

type Command = (input: unknown) => ReturnType<TicketLocks['lock']>;

export function describeRunning(offices: BoxOffices): void {
  describe.each(Object.keys(COMMANDS) as (keyof typeof COMMANDS)[])('%s', (name) => {
    test('refuses malformed input by its field, and changes nothing', async () => {
      const office = await offices.open();
      await office.locked('ben');
      await office.locked('ben', 1, 2, 'gala');
      const command = office.locks[name].bind(office.locks) as Command;
      await office.unchangedBy(async () => {
        for (const input of [undefined, null, 7, 'lock', true]) {
          expect(codeOf(await command(input)), String(input)).toBe('INVALID_REQUEST');
        }
        for (const field of Object.keys(COMMANDS[name])) {
          for (const wrong of ALWAYS_WRONG) {
            // No figures are figures: the event is there, and has no categories.
            if (field === 'categories' && Array.isArray(wrong)) continue;
            const error = errorOf(await command({ ...COMMANDS[name], [field]: wrong }));
            const what = `${field}: ${literalOf(wrong)}`;
            expect(error, what).toMatchObject({ code: 'INVALID_REQUEST' });
          }
        }
      });
    });
  });

  describe('a query', () => {
    test('of something malformed or unknown finds nothing', async () => {
      const office = await offices.open();
      await office.locked('ben');
      for (const wrong of [...MALFORMED, 'unknown']) {
        const id = wrong as string;
        expect(await office.locks.lockById(id)).toBeUndefined();
        expect(await office.locks.locksOfUser(id)).toEqual([]);
        expect(await office.locks.locksOfSession(id)).toEqual([]);
      }
      expect(codeOf(await office.locks.availability(NaN))).toBe('INVALID_REQUEST');
    });

    test('of the stats counts what there is', async () => {
      const office = await offices.open();
      const { lockId } = await office.locked('ann', 2);
      await office.locked('ann', 1, 3);
      const { lockId: sold } = await office.locked('ben', 1);
      const { lockId: given } = await office.locked('cem', 1);
      valueOf(await office.locks.confirm({ lockId: sold }));
      valueOf(await office.locks.release({ lockId: given }));
      expect(await office.statusOf(lockId)).toBe('ACTIVE');
      expect(await office.locks.stats()).toMatchObject({
        totalLocks: 4,
        activeLocks: 2,
        usersWithLocks: 1,
        categoriesWithLocks: 2,
        locksByStatus: { active: 2, expired: 0, confirmed: 1, released: 1 },
        unsettledLocks: 1,
      });
    });
  });

  describe('stop', () => {
    test('begins no release, tells nothing more, and refuses what comes then', async () => {
      const office = await offices.open({}, 0);
      const { sessionId } = valueOf(await office.locks.openSession({ userId: 'ann' }));
      const wish = { eventId: 1, categoryId: 2, quantity: 1, userId: 'ann', sessionId };
      const { lockId } = valueOf(await office.locks.lock(wish));
      const told = office.changes.length;
      await office.locks.stop();
      await office.locks.leaveSession({ sessionId, how: 'goodbye' });
      await office.locks.leaveSession({ sessionId: 'nobody', how: 'lost' });
      await office.clock.advanceAsync(120_000);
      expect(office.changes.slice(told)).toEqual([]);
      const refusals = [
        await office.locks.lock({ ...wish, userId: 'ben' }),
        await office.locks.confirm({ lockId }),
        await office.locks.release({ lockId }),
        await office.locks.openSession({ userId: 'ben' }),
        await office.locks.availability(1),
      ];
      expect(refusals.map(codeOf)).toEqual(refusals.map(() => 'UNAVAILABLE'));
    });

    test('finishes what runs', async () => {
      const office = await offices.open();
      await office.available();
      const locked = office.locked('ann', 2);
      await office.locks.stop();
      expect(await locked).toMatchObject({ quantity: 2 });
      expect(office.changes.filter((change) => change.type === 'locked')).toHaveLength(1);
    });
  });
}
