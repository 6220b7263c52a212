import { describe, expect, test } from 'vitest';

import type { BoxOffices, TicketLocksFeature } from './box-office.js';
import { codeOf, valueOf } from './box-office.js';
import type { Supports } from './support.js';
import { testOf } from './support.js';

export function describeExpiry(
  offices: BoxOffices,
  supports: Supports<TicketLocksFeature> | undefined,
): void {
  const testFeature = testOf(supports);

  describe('the end of a lock', () => {
    test('is at its instant: the tickets are locked before it, and free from it on', async () => {
      const office = await offices.open();
      const { lockId } = await office.locked('ann', 5);
      const ask = async () =>
        codeOf(
          await office.locks.lock({
            eventId: 1,
            categoryId: 2,
            quantity: 5,
            userId: 'ben',
            sessionId: 'b',
          }),
        );
      await office.clock.advanceAsync(59_999);
      expect(await office.statusOf(lockId)).toBe('ACTIVE');
      expect(await ask()).toBe('INSUFFICIENT_TICKETS');
      await office.clock.advanceAsync(1);
      expect(await office.statusOf(lockId)).toBe('EXPIRED');
      expect(await office.available()).toBe(5);
      expect(await office.locks.locksOfUser('ann')).toEqual([]);
      expect(await ask()).toBe('ok');
    });

    test('is told within a second, without anybody asking', async () => {
      const office = await offices.open();
      const { lockId, expiresAtMs } = await office.locked('ann', 2);
      await office.clock.advanceAsync(59_999);
      expect(office.historyOf(lockId)).toEqual(['locked']);
      await office.clock.advanceAsync(1_001);
      expect(office.historyOf(lockId)).toEqual(['locked', 'expired']);
      const expired = office.changes.find((change) => change.type === 'expired');
      expect(expired).toMatchObject({ lockId, userId: 'ann', quantity: 2, expiresAtMs });
    });

    test('of very many at once is told of each of them', async () => {
      const office = await offices.open({ ticketsPerLockMax: 1 });
      const count = 100;
      const users = Array.from({ length: count }, (_, index) => index);
      await Promise.all(users.map((userId) => office.locked(userId, 1, 3)));
      await office.clock.advanceAsync(61_000);
      const expired = office.changes.filter((change) => change.type === 'expired');
      expect(new Set(expired.map((change) => change.userId)).size).toBe(count);
      expect(await office.figures(3)).toMatchObject({ locked: 0, available: 100 });
    });

    testFeature('expiring notice', 'is announced before, once for each end', async () => {
      const office = await offices.open({ expiringNoticeMs: 10_000 });
      const { lockId } = await office.locked('ann');
      await office.clock.advanceAsync(49_999);
      expect(office.historyOf(lockId)).toEqual(['locked']);
      await office.clock.advanceAsync(1_001);
      expect(office.historyOf(lockId)).toEqual(['locked', 'expiring']);
      valueOf(await office.locks.extend({ lockId }));
      await office.clock.advanceAsync(49_000);
      expect(office.historyOf(lockId)).toEqual(['locked', 'expiring', 'extended']);
      await office.clock.advanceAsync(12_000);
      const ending = ['locked', 'expiring', 'extended', 'expiring', 'expired'];
      expect(office.historyOf(lockId)).toEqual(ending);
    });
  });

  describe('the changes of a lock', () => {
    test('are told in the order in which they were made', async () => {
      const office = await offices.open();
      const { lockId } = await office.locked('ann', 3);
      const steps = [
        office.locks.unlock({ lockId, quantity: 1 }),
        office.locks.extend({ lockId }),
        office.locks.beginPayment({ lockId, orderId: 1 }),
        office.locks.confirm({ lockId, orderId: 1 }),
        office.locks.release({ lockId, orderId: 1 }),
      ];
      for (const outcome of await Promise.all(steps)) expect(codeOf(outcome)).toBe('ok');
      expect(office.historyOf(lockId)).toEqual([
        'locked',
        'quantity-changed',
        'extended',
        'payment-begun',
        'confirmed',
        'released',
      ]);
    });

    test('are told before anybody is answered later, and not to who has gone', async () => {
      const office = await offices.open();
      let heard = 0;
      const listener = () => {
        heard += 1;
      };
      office.locks.on('change', listener);
      await office.locked('ann');
      expect(heard).toBeGreaterThan(0);
      const before = heard;
      office.locks.off('change', listener);
      await office.locked('ben');
      expect(heard).toBe(before);
    });
  });
}
