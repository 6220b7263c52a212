import { afterEach, describe, expect, test } from 'vitest';

import { endServices, startService } from './service-process.js';

afterEach(endServices);

const WISH = { eventId: 1, categoryId: 1, quantity: 3 };

describe('a lock that ends by itself', () => {
  test('is announced before, told within a second, and free for the others', async () => {
    const service = await startService({
      LOCK_DURATION_SECONDS: '2',
      EXPIRING_NOTICE_SECONDS: '1',
    });
    const watcher = await service.buyer('watcher');
    await watcher.ask('join-event-room', { eventId: 1 });
    const buyer = await service.buyer(12);
    const granted = await buyer.ask('lock-tickets', WISH);
    const { lockId } = granted;
    const expiring = await buyer.hears('lock-expiring');
    expect(expiring).toMatchObject({ lockId, eventId: 1, categoryId: 1, quantity: 3 });
    expect(expiring.expiresInMs).toBeLessThanOrEqual(1000);
    expect(await buyer.hears('lock-expired')).toMatchObject({ lockId, quantity: 3 });
    const lateMs = Date.now() - Date.parse(granted['expiresAt'] as string);
    expect(lateMs).toBeGreaterThanOrEqual(0);
    expect(lateMs).toBeLessThan(1000);
    await watcher.hears('availability-update', (news) => news.lockedTickets === 3);
    await watcher.hears(
      'availability-update',
      (news) => news.availableTickets === 50 && Date.parse(news.timestamp) >= Date.now() - 2000,
    );
    expect(await buyer.ask('get-my-locks')).toEqual({ locks: [] });
    expect(await buyer.ask('extend-lock', { lockId })).toMatchObject({ code: 'LOCK_EXPIRED' });
  });
});

describe('a buyer who leaves', () => {
  test('on purpose gives his tickets back at once', async () => {
    const service = await startService({ DISCONNECT_GRACE_SECONDS: '600' });
    const watcher = await service.buyer('watcher');
    await watcher.ask('join-event-room', { eventId: 1 });
    const buyer = await service.buyer(12);
    await buyer.ask('lock-tickets', WISH);
    await watcher.hears('availability-update', (news) => news.lockedTickets === 3);
    watcher.heard.length = 0;
    buyer.socket.disconnect();
    expect(await watcher.hears('availability-update')).toMatchObject({ availableTickets: 50 });
  });

  test('because his connection breaks gives them back after the grace', async () => {
    const service = await startService({ DISCONNECT_GRACE_SECONDS: '1' });
    const watcher = await service.buyer('watcher');
    await watcher.ask('join-event-room', { eventId: 1 });
    const buyer = await service.buyer(12);
    const secondTab = await service.buyer(12);
    await buyer.ask('lock-tickets', WISH);
    await watcher.hears('availability-update', (news) => news.lockedTickets === 3);
    watcher.heard.length = 0;
    const brokeAtMs = Date.now();
    buyer.loseConnection();
    expect(await watcher.hears('availability-update')).toMatchObject({ availableTickets: 50 });
    expect(Date.now() - brokeAtMs).toBeGreaterThanOrEqual(900);
    // The other tab has a session of its own, and hears what became of the lock.
    expect(await secondTab.hears('lock-released')).toMatchObject({ reason: 'disconnected' });
  });

  test('and comes back with his token keeps them, with the same end', async () => {
    const service = await startService({ DISCONNECT_GRACE_SECONDS: '2' });
    const buyer = await service.buyer(12);
    const { resumeToken, sessionId } = await buyer.hears('connected');
    const granted = await buyer.ask('lock-tickets', WISH);
    const auth = buyer.socket.auth as { token: string };
    buyer.loseConnection();
    await buyer.disconnected();
    const back = await service.connect({ auth: { ...auth, resumeToken } });
    expect(await back.hears('connected')).toMatchObject({ resumed: true, sessionId });
    const { locks } = await back.hears('my-locks-response').then((answer) => {
      if (!('locks' in answer)) throw new Error(answer.code);
      return answer;
    });
    expect(locks).toMatchObject([
      { lockId: granted['lockId'], expiresAt: granted['expiresAt'], sessionId, status: 'active' },
    ]);

    const thief = await service.buyer('thief');
    const { token } = thief.socket.auth as { token: string };
    const stolen = await service.connect({ auth: { token, resumeToken } });
    expect(await stolen.hears('connected')).toMatchObject({ resumed: false, userId: 'thief' });
  });
});

describe('a race', () => {
  test('of 400 buyers for 50 tickets has exactly 50 winners', async () => {
    const service = await startService();
    const buyers = [];
    for (let batch = 0; batch < 8; batch += 1) {
      const connecting = Array.from({ length: 50 }, (_, index) =>
        service.buyer(batch * 50 + index),
      );
      buyers.push(...(await Promise.all(connecting)));
    }
    const wish = { eventId: 1, categoryId: 1, quantity: 1 };
    const answers = await Promise.all(buyers.map((buyer) => buyer.ask('lock-tickets', wish)));
    const granted = answers.filter(({ success }) => success === true);
    const refused = answers.filter(({ code }) => code === 'INSUFFICIENT_TICKETS');
    expect(granted).toHaveLength(50);
    expect(refused).toHaveLength(350);
    expect(new Set(granted.map(({ lockId }) => lockId)).size).toBe(50);
    const { body } = await service.get('/stats');
    expect(body).toMatchObject({ connectedUsers: 400, ticketLocks: { activeLocks: 50 } });
  });
});
