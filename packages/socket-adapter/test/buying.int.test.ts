import type { LockChange } from '@ticket-locks/lock-engine';
import { afterEach, describe, expect, test } from 'vitest';

import { ANSWER_EVENTS } from '../src/protocol.js';
import { someInstant, someNumber, someText } from './some.js';
import { closeServers, startServer } from './test-server.js';
import { tokenFor } from './test-tokens.js';

afterEach(closeServers);

const WISH = { eventId: 1, categoryId: 1, quantity: 4 };

describe('a buyer', () => {
  test('is greeted with his session and his locks', async () => {
    const server = await startServer();
    const buyer = await server.buyer(12);
    const connected = await buyer.hears('connected');
    expect(connected).toEqual({
      success: true,
      sessionId: someText,
      resumeToken: someText,
      resumed: false,
      userId: 12,
      serverTime: someInstant,
      message: 'Connected to realtime service',
    });
    expect(await buyer.hears('my-locks-response')).toEqual({ locks: [] });
    expect(buyer.heard.map(({ event }) => event)).toEqual(['connected', 'my-locks-response']);
  });

  test('who joins an event is told what is free, and hears of every change', async () => {
    const server = await startServer();
    const watcher = await server.buyer('watcher');
    const joined = await watcher.ask('join-event-room', { eventId: '1', requestId: 'join-1' });
    expect(joined).toMatchObject({ success: true, eventId: 1, requestId: 'join-1' });
    expect(joined['availability']).toMatchObject([
      { eventId: 1, categoryId: 1, availableTickets: 50, lockedTickets: 0, totalTickets: 50 },
      { eventId: 1, categoryId: 2, availableTickets: 5, lockedTickets: 0, totalTickets: 5 },
    ]);
    await watcher.hears('availability-update', ({ categoryId }) => categoryId === 2);
    expect(watcher.allHeard('availability-update')).toHaveLength(2);

    const buyer = await server.buyer(12);
    await buyer.ask('lock-tickets', WISH);
    const update = await watcher.hears('availability-update', (news) => news.lockedTickets === 4);
    expect(update).toEqual({
      eventId: 1,
      categoryId: 1,
      availableTickets: 46,
      lockedTickets: 4,
      soldTickets: 0,
      totalTickets: 50,
      deficit: 0,
      version: someNumber,
      timestamp: someInstant,
    });
    expect(watcher.allHeard('availability-update')).toHaveLength(3);
    expect(buyer.allHeard('availability-update')).toEqual([]);

    expect(await watcher.ask('leave-event-room', { eventId: 1 })).toMatchObject({ success: true });
    expect(server.io.of('/realtime').adapter.rooms.has('event_1')).toBe(false);
    expect(await watcher.ask('join-event-room', { eventId: 9 })).toMatchObject({
      success: false,
      code: 'EVENT_NOT_FOUND',
    });
    expect(server.io.of('/realtime').adapter.rooms.has('event_9')).toBe(false);
  });

  test.each(Object.entries(ANSWER_EVENTS))(
    'gets one answer to %s, by callback or as %s',
    async (event, answerEvent) => {
      const server = await startServer();
      const buyer = await server.buyer(12);
      await buyer.hears('my-locks-response');
      buyer.heard.length = 0;
      const answer = await buyer.ask(event, { requestId: 'r-1' });
      expect(answer['requestId']).toBe('r-1');
      expect(buyer.heard).toEqual([]);
      buyer.send(event, { requestId: 'r-2' });
      const heard = await buyer.hears(answerEvent);
      expect(heard.requestId).toBe('r-2');
      buyer.send(event);
      await expect.poll(() => buyer.allHeard(answerEvent)).toHaveLength(2);
      expect(buyer.heard).toHaveLength(2);
    },
  );

  test('asks in one breath and is served in that order', async () => {
    const limits = { lockRequestsPerUserPerMinute: 0, messagesPerSocketPerSecond: 0 };
    const server = await startServer({ limits });
    const buyer = await server.buyer(12);
    await buyer.ask('join-event-room', { eventId: 1 });
    const name = { eventId: 1, categoryId: 1 };
    for (let round = 0; round < 20; round += 1) {
      const answers = await Promise.all([
        buyer.ask('lock-tickets', WISH),
        buyer.ask('unlock-tickets', { ...name, quantity: 1 }),
        buyer.ask('lock-tickets', { ...name, quantity: 2, onExisting: 'add' }),
        buyer.ask('unlock-tickets', name),
      ]);
      expect(answers).toMatchObject([
        { success: true, quantity: 4 },
        { success: true, remaining: 3 },
        { success: true, quantity: 5 },
        { success: true, quantity: 5, remaining: 0 },
      ]);
    }
  });

  test('may ask before he has been greeted', async () => {
    const server = await startServer();
    const { io } = await import('socket.io-client');
    const auth = { token: await tokenFor(12) };
    const socket = io(`${server.url}/realtime`, { auth, transports: ['websocket'] });
    // Kept by the client until it is connected, and sent at once then.
    const answer: unknown = await socket.timeout(5000).emitWithAck('lock-tickets', WISH);
    expect(answer).toMatchObject({ success: true });
    socket.close();
  });
});

describe('news of his locks', () => {
  test('reach all sockets of a user, but not the one that asked', async () => {
    const server = await startServer();
    const [asking, otherTab, stranger] = await Promise.all([
      server.buyer(12),
      server.buyer('12'),
      server.buyer(13),
    ]);
    const { lockId } = await asking.ask('lock-tickets', WISH);
    await asking.ask('unlock-tickets', { eventId: 1, categoryId: 1, quantity: 1 });
    await asking.ask('unlock-tickets', { eventId: 1, categoryId: 1 });
    const released = await otherTab.hears('lock-released');
    const about = { lockId, eventId: 1, categoryId: 1, quantity: 3 };
    expect(released).toEqual({ ...about, reason: 'unlocked' });

    const second = await asking.ask('lock-tickets', WISH);
    const sold = { lockId: String(second['lockId']), orderId: 7 };
    await server.locks.confirm(sold);
    const news = { ...sold, eventId: 1, categoryId: 1, quantity: 4 };
    expect(await asking.hears('lock-confirmed')).toEqual(news);
    expect(await otherTab.hears('lock-confirmed')).toEqual(news);
    await server.locks.release(sold);
    expect(await asking.hears('lock-released')).toEqual({ ...news, reason: 'order-failed' });
    expect(asking.allHeard('lock-released')).toHaveLength(1);
    expect(stranger.heard.filter(({ event }) => event.startsWith('lock-'))).toEqual([]);
  });

  test('come before the end and at the end', async () => {
    const server = await startServer({ policy: { ttlMs: 400, expiringNoticeMs: 200 } });
    const buyer = await server.buyer(12);
    const { lockId, expiresAt } = await buyer.ask('lock-tickets', WISH);
    const about = { lockId, eventId: 1, categoryId: 1, quantity: 4, expiresAt };
    const expiring = await buyer.hears('lock-expiring');
    expect(expiring).toEqual({ ...about, expiresInMs: someNumber });
    expect(expiring.expiresInMs).toBeLessThanOrEqual(200);
    expect(await buyer.hears('lock-expired')).toEqual(about);
  });

  test('of orders are passed on', async () => {
    const server = await startServer();
    const [buyer, stranger] = await Promise.all([server.buyer(12), server.buyer(13)]);
    const order = { orderId: '77', eventId: 1, categoryId: 1, quantity: 2 };
    server.adapter.forwardOrder('order-completed', { ...order, userId: 12 });
    server.adapter.forwardOrder('order-cancelled', { ...order, userId: 12 });
    expect(await buyer.hears('order-completed')).toEqual({ ...order, message: someText });
    expect(await buyer.hears('order-cancelled')).toEqual({ ...order, message: someText });
    expect(stranger.allHeard('order-completed')).toEqual([]);
  });
});

describe('limits', () => {
  test('refuse without asking the store, and say how long', async () => {
    const server = await startServer({ limits: { lockRequestsPerUserPerMinute: 2 } });
    const [tab, otherTab] = await Promise.all([server.buyer(12), server.buyer(12)]);
    const changes: LockChange[] = [];
    await tab.ask('lock-tickets', WISH);
    await otherTab.ask('lock-tickets', {});
    server.locks.on('change', (change) => changes.push(change));
    server.locks.lock = () => Promise.reject(new Error('the store was asked'));
    const refused = await tab.ask('lock-tickets', { ...WISH, categoryId: 2 });
    expect(refused).toMatchObject({ success: false, code: 'RATE_LIMITED' });
    expect(refused['retryAfterMs']).toBeGreaterThan(50_000);
    expect(refused['retryAfterMs']).toBeLessThanOrEqual(60_000);
    expect(changes).toEqual([]);
    expect(await tab.ask('get-my-locks')).toMatchObject({ locks: [{}] });
  });

  test('hold for every message, known or not', async () => {
    const server = await startServer({ limits: { messagesPerSocketPerSecond: 3 } });
    const buyer = await server.buyer(12);
    const asked = ['heartbeat', 'nonsense', 'heartbeat', 'heartbeat', 'nonsense', 'lock-tickets'];
    const answers = await Promise.all(asked.map((event) => buyer.ask(event)));
    expect(answers.map(({ code }) => code)).toEqual([
      undefined,
      'INVALID_REQUEST',
      undefined,
      'RATE_LIMITED',
      'RATE_LIMITED',
      'RATE_LIMITED',
    ]);
  });

  test('end the connection of who does not listen to them', async () => {
    const server = await startServer({ limits: { messagesPerSocketPerSecond: 1 } });
    const buyer = await server.buyer(12);
    for (let index = 0; index < 1100; index += 1) buyer.send('heartbeat');
    expect(await buyer.disconnected()).toBe('transport close');
  });
});
