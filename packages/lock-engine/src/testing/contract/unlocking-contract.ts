import { describe, expect, test } from 'vitest';

import type { BoxOffices } from './box-office.js';
import { codeOf, errorOf, valueOf } from './box-office.js';

export function describeUnlocking(offices: BoxOffices): void {
  describe('unlock', () => {
    test('gives back some and keeps the rest with its end, or gives back all', async () => {
      const office = await offices.open();
      const { lockId, expiresAtMs } = await office.locked('ann', 4);
      await office.clock.advanceAsync(1_000);
      const about = { lockId, eventId: 1, categoryId: 2 };
      const some = await office.locks.unlock({ lockId, quantity: 3 });
      expect(valueOf(some)).toEqual({ ...about, quantity: 3, remaining: 1 });
      expect(await office.locks.lockById(lockId)).toMatchObject({ quantity: 1, expiresAtMs });
      expect(await office.available()).toBe(4);
      const rest = await office.locks.unlock({ eventId: 1, categoryId: 2, userId: 'ann' });
      expect(valueOf(rest)).toEqual({ ...about, quantity: 1, remaining: 0 });
      expect(await office.available()).toBe(5);
      const lock = await office.locks.lockById(lockId);
      expect(lock).toMatchObject({ status: 'RELEASED', reason: 'unlocked', quantity: 1 });
      expect(office.historyOf(lockId)).toEqual(['locked', 'quantity-changed', 'released']);
    });

    test('more than is locked is refused with what is locked', async () => {
      const office = await offices.open();
      const { lockId } = await office.locked('ann', 2);
      const refusal = await office.unchangedBy(() => office.locks.unlock({ lockId, quantity: 3 }));
      const error = { code: 'INVALID_REQUEST', field: 'quantity', locked: 2 };
      expect(errorOf(refusal)).toEqual(error);
    });

    test('all of what is over already succeeds, some of it does not', async () => {
      const office = await offices.open();
      const { lockId } = await office.locked('ann');
      const { lockId: lapsed } = await office.locked('ben');
      valueOf(await office.locks.unlock({ lockId }));
      await office.clock.advanceAsync(60_000);
      const again = await office.locks.unlock({ lockId });
      expect(valueOf(again)).toMatchObject({ quantity: 0, remaining: 0 });
      expect(codeOf(await office.locks.unlock({ lockId, quantity: 1 }))).toBe('LOCK_RELEASED');
      expect(valueOf(await office.locks.unlock({ lockId: lapsed }))).toMatchObject({ quantity: 0 });
      const some = await office.locks.unlock({ lockId: lapsed, quantity: 1 });
      expect(codeOf(some)).toBe('LOCK_EXPIRED');
      const unnamed = { eventId: 1, categoryId: 2, userId: 'ann' };
      expect(errorOf(await office.locks.unlock(unnamed))).toEqual({ code: 'LOCK_NOT_FOUND' });
    });

    test("another user's lock is as good as none", async () => {
      const office = await offices.open();
      const { lockId } = await office.locked('ann');
      const refusal = { code: 'LOCK_NOT_FOUND', lockId };
      const unlocked = await office.locks.unlock({ lockId, userId: 'ben' });
      expect(errorOf(unlocked)).toEqual(refusal);
      const extended = await office.locks.extend({ lockId, userId: 'ben' });
      expect(errorOf(extended)).toEqual(refusal);
      const confirmed = await office.locks.confirm({ lockId, userId: 'ben' });
      expect(errorOf(confirmed)).toEqual(refusal);
      expect(await office.statusOf(lockId)).toBe('ACTIVE');
    });
  });

  describe('extend', () => {
    test('moves the end to a life from now, as often as is allowed', async () => {
      const office = await offices.open({ extensionsMax: 2 });
      const { lockId, expiresAtMs } = await office.locked('ann');
      await office.clock.advanceAsync(20_000);
      const first = valueOf(await office.locks.extend({ lockId, userId: 'ann' }));
      expect(first).toEqual({
        lockId,
        expiresAtMs: expiresAtMs + 20_000,
        expiresInMs: 60_000,
        extensionsLeft: 1,
      });
      valueOf(await office.locks.extend({ lockId }));
      const third = await office.locks.extend({ lockId });
      const error = { code: 'LIMIT_EXCEEDED', limit: 'extensionsMax', max: 2 };
      expect(errorOf(third)).toEqual(error);
      await office.clock.advanceAsync(59_999);
      expect(await office.statusOf(lockId)).toBe('ACTIVE');
      await office.clock.advanceAsync(1);
      expect(codeOf(await office.locks.extend({ lockId }))).toBe('LOCK_EXPIRED');
    });

    test('never moves an end past the greatest age, and never nearer', async () => {
      const office = await offices.open({ lockAgeMsMax: 90_000 });
      const { lockId } = await office.locked('ann');
      const createdAtMs = office.clock.nowMs();
      await office.clock.advanceAsync(50_000);
      const { expiresAtMs } = valueOf(await office.locks.extend({ lockId }));
      expect(expiresAtMs).toBe(createdAtMs + 90_000);
      const refusal = await office.locks.extend({ lockId });
      const error = { code: 'LIMIT_EXCEEDED', limit: 'lockAgeMsMax', max: 90_000 };
      expect(errorOf(refusal)).toEqual(error);
    });

    test('repeated with its request id moves nothing', async () => {
      const office = await offices.open();
      const { lockId } = await office.locked('ann');
      await office.clock.advanceAsync(10_000);
      const request = { lockId, userId: 'ann', requestId: 'r-1' };
      const first = valueOf(await office.locks.extend(request));
      await office.clock.advanceAsync(10_000);
      const again = valueOf(await office.locks.extend(request));
      expect(again.expiresAtMs).toBe(first.expiresAtMs);
      expect(again.expiresInMs).toBe(50_000);
    });
  });
}
