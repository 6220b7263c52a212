import { describe, expect, test } from 'vitest';

import type { BoxOffice, BoxOffices } from './box-office.js';
import { codeOf, errorOf, valueOf } from './box-office.js';

const GRACE_MS = 15_000;

export function describeSessions(offices: BoxOffices): void {
  /** A visit of a user who has locked seats in it. */
  async function visit(office: BoxOffice, userId = 'ann') {
    const opened = valueOf(await office.locks.openSession({ userId }));
    const { sessionId } = opened;
    const wish = { eventId: 1, categoryId: 2, quantity: 2, userId, sessionId };
    const { lockId } = valueOf(await office.locks.lock(wish));
    return { ...opened, lockId };
  }

  describe('a session', () => {
    test('is its own, and a goodbye gives its locks back at once', async () => {
      const office = await offices.open();
      const ann = await visit(office, 'ann');
      const ben = await visit(office, 'ben');
      expect(ann.resumed).toBe(false);
      expect(ann.sessionId).not.toBe(ben.sessionId);
      await office.locks.leaveSession({ sessionId: ann.sessionId, how: 'goodbye' });
      const lock = await office.locks.lockById(ann.lockId);
      expect(lock).toMatchObject({ status: 'RELEASED', reason: 'disconnected' });
      expect(await office.statusOf(ben.lockId)).toBe('ACTIVE');
      expect(await office.available()).toBe(3);
      expect(office.historyOf(ann.lockId)).toEqual(['locked', 'released']);
    });

    test('that lost its socket keeps its locks for the grace, and not longer', async () => {
      const office = await offices.open({}, GRACE_MS);
      const { sessionId, lockId } = await visit(office);
      await office.locks.leaveSession({ sessionId, how: 'lost' });
      await office.clock.advanceAsync(GRACE_MS - 1);
      expect(await office.statusOf(lockId)).toBe('ACTIVE');
      await office.clock.advanceAsync(1_001);
      expect(await office.statusOf(lockId)).toBe('RELEASED');
      expect(await office.available()).toBe(5);
    });

    test('without a grace gives its locks back at once', async () => {
      const office = await offices.open({}, 0);
      const { sessionId, lockId } = await visit(office);
      await office.locks.leaveSession({ sessionId, how: 'lost' });
      expect(await office.statusOf(lockId)).toBe('RELEASED');
    });

    test('goes on when it is resumed within the grace', async () => {
      const office = await offices.open({}, GRACE_MS);
      const { sessionId, lockId, resumeToken } = await visit(office);
      await office.locks.leaveSession({ sessionId, how: 'lost' });
      await office.clock.advanceAsync(GRACE_MS - 1);
      const resumed = valueOf(await office.locks.resumeSession({ userId: 'ann', resumeToken }));
      expect(resumed).toMatchObject({ sessionId, resumed: true });
      await office.clock.advanceAsync(GRACE_MS * 2);
      expect(await office.statusOf(lockId)).toBe('ACTIVE');
      await office.locks.leaveSession({ sessionId, how: 'lost' });
      await office.clock.advanceAsync(GRACE_MS + 1_000);
      expect(await office.statusOf(lockId)).toBe('RELEASED');
    });

    test('leaves with its last socket', async () => {
      const office = await offices.open({}, GRACE_MS);
      const { sessionId, lockId, resumeToken } = await visit(office);
      valueOf(await office.locks.resumeSession({ userId: 'ann', resumeToken }));
      await office.locks.leaveSession({ sessionId, how: 'goodbye' });
      await office.clock.advanceAsync(GRACE_MS + 1_000);
      expect(await office.statusOf(lockId)).toBe('ACTIVE');
      await office.locks.leaveSession({ sessionId, how: 'goodbye' });
      expect(await office.statusOf(lockId)).toBe('RELEASED');
    });

    test('is not kept by its grace past the end of its locks', async () => {
      const office = await offices.open({ ttlMs: 5_000 }, GRACE_MS);
      const { sessionId, lockId } = await visit(office);
      await office.locks.leaveSession({ sessionId, how: 'lost' });
      await office.clock.advanceAsync(5_000);
      expect(await office.statusOf(lockId)).toBe('EXPIRED');
      await office.clock.advanceAsync(GRACE_MS);
      expect(await office.statusOf(lockId)).toBe('EXPIRED');
    });

    test('does not touch what is paid for', async () => {
      const office = await offices.open();
      const { sessionId, lockId } = await visit(office);
      valueOf(await office.locks.beginPayment({ lockId, orderId: 1 }));
      await office.locks.leaveSession({ sessionId, how: 'goodbye' });
      expect(await office.statusOf(lockId)).toBe('ACTIVE');
      expect(codeOf(await office.locks.confirm({ lockId, orderId: 1 }))).toBe('ok');
    });

    test('that has nothing can be resumed as well, during the grace and after it', async () => {
      const office = await offices.open({}, GRACE_MS);
      const { sessionId, resumeToken } = valueOf(await office.locks.openSession({ userId: 7 }));
      await office.locks.leaveSession({ sessionId, how: 'lost' });
      const early = await office.locks.resumeSession({ userId: '7', resumeToken });
      expect(valueOf(early)).toMatchObject({ sessionId, resumed: true });
      await office.locks.leaveSession({ sessionId, how: 'lost' });
      await office.clock.advanceAsync(GRACE_MS * 10);
      const late = await office.locks.resumeSession({ userId: 7, resumeToken });
      expect(valueOf(late)).toMatchObject({ sessionId, resumed: true });
      const wish = { eventId: 1, categoryId: 2, quantity: 1, userId: 7, sessionId };
      expect(codeOf(await office.locks.lock(wish))).toBe('ok');
    });

    test('that nobody knows is left without a word', async () => {
      const office = await offices.open();
      const { lockId } = await visit(office);
      await office.locks.leaveSession({ sessionId: 'nobody', how: 'goodbye' });
      await office.locks.leaveSession({ sessionId: '__proto__', how: 'lost' });
      expect(await office.statusOf(lockId)).toBe('ACTIVE');
    });

    test('that has said goodbye gets no locks that were under way', async () => {
      const office = await offices.open();
      const { sessionId } = valueOf(await office.locks.openSession({ userId: 'ann' }));
      office.source.hold();
      const wish = { eventId: 1, categoryId: 2, quantity: 2, userId: 'ann', sessionId };
      const locked = office.locks.lock(wish);
      await office.locks.leaveSession({ sessionId, how: 'goodbye' });
      office.source.letGo();
      await locked;
      await office.clock.advanceAsync(1_000);
      expect(await office.figures()).toMatchObject({ locked: 0, available: 5 });
    });

    test('any session of the user may change his lock, which stays where it was made', async () => {
      const office = await offices.open();
      const { sessionId, lockId } = await visit(office);
      const other = valueOf(await office.locks.openSession({ userId: 'ann' }));
      valueOf(await office.locks.unlock({ lockId, userId: 'ann', quantity: 1 }));
      await office.locks.leaveSession({ sessionId: other.sessionId, how: 'goodbye' });
      expect(await office.statusOf(lockId)).toBe('ACTIVE');
      await office.locks.leaveSession({ sessionId, how: 'goodbye' });
      expect(await office.statusOf(lockId)).toBe('RELEASED');
    });
  });

  describe('a resume token', () => {
    test('is worthless to another user', async () => {
      const office = await offices.open();
      const { resumeToken } = await visit(office);
      const stolen = await office.locks.resumeSession({ userId: 'ben', resumeToken });
      expect(errorOf(stolen)).toEqual({ code: 'FORBIDDEN' });
    });

    test('that was forged is refused', async () => {
      const office = await offices.open();
      const ann = await visit(office, 'ann');
      const ben = await visit(office, 'ben');
      const [, seal = ''] = ben.resumeToken.split(/\.(?=[^.]*$)/);
      const forged: unknown[] = [
        '',
        '.',
        ann.sessionId,
        `${ann.sessionId}.`,
        `${ann.sessionId}.${seal}`,
        `${ann.resumeToken}x`,
        ann.resumeToken.slice(0, -1),
        ann.resumeToken.toUpperCase(),
        'x'.repeat(10_000),
        undefined,
        null,
        7,
        { resumeToken: ann.resumeToken },
      ];
      for (const resumeToken of forged) {
        const visitor = { userId: 'ann', resumeToken: resumeToken as string };
        const code = codeOf(await office.locks.resumeSession(visitor));
        expect(['FORBIDDEN', 'INVALID_REQUEST'], String(resumeToken)).toContain(code);
      }
    });

    test('needs somebody to be', async () => {
      const office = await offices.open();
      const { resumeToken } = await visit(office);
      const nobody = { userId: undefined as unknown as string };
      const error = { code: 'INVALID_REQUEST', field: 'userId' };
      expect(errorOf(await office.locks.openSession(nobody))).toEqual(error);
      const resumed = await office.locks.resumeSession({ ...nobody, resumeToken });
      expect(errorOf(resumed)).toEqual(error);
    });
  });
}
