import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { someInstant, someNumber, someText } from '../../../packages/socket-adapter/test/some.js';
import { endServices, startService, tokenFor } from './service-process.js';
import type { ServiceProcess } from './service-process.js';

let service: ServiceProcess;
let nextEventId = 1;

beforeAll(async () => {
  service = await startService();
});
afterAll(endServices);

/** Each test has an event of its own. */
function ownEvent(): number {
  nextEventId += 1;
  return nextEventId;
}

describe('the service as a buyer meets it', () => {
  test('shows what is free, locks it, and lets everybody see', async () => {
    const eventId = ownEvent();
    const watcher = await service.buyer('watcher');
    const joined = await watcher.ask('join-event-room', { eventId, userId: 'watcher' });
    expect(joined).toMatchObject({ success: true, eventId });
    expect(joined['availability']).toMatchObject([
      { categoryId: 1, availableTickets: 50 },
      { categoryId: 2, availableTickets: 5 },
    ]);

    const buyer = await service.buyer(12);
    const granted = await buyer.ask('lock-tickets', {
      eventId,
      categoryId: 1,
      quantity: 3,
      userId: '12',
      requestId: 'first',
    });
    expect(granted).toEqual({
      success: true,
      requestId: 'first',
      lockId: someText,
      eventId,
      categoryId: 1,
      quantity: 3,
      expiresAt: someInstant,
      expiresInMs: 300_000,
      availableTickets: 47,
    });
    const update = await watcher.hears('availability-update', (news) => news.lockedTickets === 3);
    expect(update).toMatchObject({
      eventId,
      categoryId: 1,
      availableTickets: 47,
      totalTickets: 50,
    });
  });

  test('refuses a second lock of the category and says which there is', async () => {
    const eventId = ownEvent();
    const buyer = await service.buyer(13);
    const wish = { eventId, categoryId: 1, quantity: 2 };
    const granted = await buyer.ask('lock-tickets', wish);
    const again = await buyer.ask('lock-tickets', wish);
    expect(again).toMatchObject({ success: false, code: 'DUPLICATE_LOCK' });
    expect(again['lock']).toMatchObject({
      lockId: granted['lockId'],
      quantity: 2,
      userId: 13,
      status: 'active',
      expiresAt: granted['expiresAt'],
    });
    const more = await buyer.ask('lock-tickets', { ...wish, onExisting: 'add' });
    expect(more).toMatchObject({ success: true, lockId: granted['lockId'], quantity: 4 });
  });

  test('says how many are left when they are too few', async () => {
    const eventId = ownEvent();
    const buyer = await service.buyer(14);
    const refused = await buyer.ask('lock-tickets', { eventId, categoryId: 2, quantity: 6 });
    expect(refused).toMatchObject({
      success: false,
      code: 'INSUFFICIENT_TICKETS',
      available: 5,
      availableTickets: 5,
      requested: 6,
      lines: [{ categoryId: 2, requested: 6, available: 5 }],
    });
  });

  test('locks several categories together or not at all', async () => {
    const eventId = ownEvent();
    const buyer = await service.buyer(15);
    const tooMany = [
      { categoryId: 1, quantity: 2 },
      { categoryId: 2, quantity: 6 },
    ];
    const refused = await buyer.ask('lock-tickets', { eventId, items: tooMany });
    expect(refused).toMatchObject({ success: false, code: 'INSUFFICIENT_TICKETS' });
    expect(await buyer.ask('get-my-locks')).toEqual({ locks: [] });

    const items = [
      { categoryId: 1, quantity: 2 },
      { categoryId: 2, quantity: 5 },
    ];
    const granted = await buyer.ask('lock-tickets', { eventId, items });
    expect(granted).toMatchObject({ success: true, eventId, categoryId: 1, quantity: 2 });
    const locks = granted['locks'] as { expiresAt: string }[];
    expect(locks).toMatchObject([
      { categoryId: 1, quantity: 2, availableTickets: 48 },
      { categoryId: 2, quantity: 5, availableTickets: 0 },
    ]);
    expect(new Set(locks.map(({ expiresAt }) => expiresAt)).size).toBe(1);
  });

  test('takes tickets back in part and whole', async () => {
    const eventId = ownEvent();
    const buyer = await service.buyer(16);
    const granted = await buyer.ask('lock-tickets', { eventId, categoryId: 1, quantity: 4 });
    const name = { eventId, categoryId: 1 };
    expect(await buyer.ask('unlock-tickets', { ...name, quantity: 9 })).toMatchObject({
      success: false,
      code: 'INVALID_REQUEST',
      field: 'quantity',
      locked: 4,
    });
    expect(await buyer.ask('unlock-tickets', { ...name, quantity: 1 })).toEqual({
      success: true,
      lockId: granted['lockId'],
      quantity: 1,
      remaining: 3,
      message: 'Tickets unlocked successfully',
    });
    expect(await buyer.ask('unlock-tickets', { lockId: granted['lockId'] })).toMatchObject({
      success: true,
      quantity: 3,
      remaining: 0,
    });
    expect(await buyer.ask('unlock-tickets', name)).toMatchObject({ code: 'LOCK_NOT_FOUND' });
  });

  test('extends a lock', async () => {
    const buyer = await service.buyer(17);
    const wish = { eventId: ownEvent(), categoryId: 1, quantity: 1 };
    const granted = await buyer.ask('lock-tickets', wish);
    const extended = await buyer.ask('extend-lock', { lockId: granted['lockId'] });
    expect(extended).toMatchObject({ success: true, extensionsLeft: 2 });
    expect(Date.parse(extended['expiresAt'] as string)).toBeGreaterThanOrEqual(
      Date.parse(granted['expiresAt'] as string),
    );
  });

  test('answers the same request alike, as often as it comes', async () => {
    const buyer = await service.buyer(18);
    const wish = { eventId: ownEvent(), categoryId: 1, quantity: 2, requestId: 'once' };
    const first = await buyer.ask('lock-tickets', wish);
    const second = await buyer.ask('lock-tickets', wish);
    expect(second).toMatchObject({ success: true, lockId: first['lockId'], quantity: 2 });
    expect(second['expiresAt']).toBe(first['expiresAt']);
    expect(await buyer.ask('lock-tickets', { ...wish, quantity: 3 })).toMatchObject({
      code: 'REQUEST_CONFLICT',
      requestId: 'once',
    });
  });

  test('answers as the named event to who gives no callback', async () => {
    const buyer = await service.buyer(19);
    buyer.send('heartbeat');
    expect(await buyer.hears('heartbeat-response')).toEqual({
      timestamp: someInstant,
      serverTime: someInstant,
      sessionId: someText,
    });
    buyer.send('lock-tickets', { eventId: 999, categoryId: 1, quantity: 1, requestId: 'r' });
    expect(await buyer.hears('lock-tickets-response')).toMatchObject({
      success: false,
      code: 'EVENT_NOT_FOUND',
      requestId: 'r',
    });
    buyer.send('no-such-event', {});
    expect(await buyer.hears('error')).toMatchObject({
      code: 'INVALID_REQUEST',
      event: 'no-such-event',
    });
  });

  test('renews a token of the same user only', async () => {
    const buyer = await service.buyer(20);
    const own = await buyer.ask('refresh-token', { token: await tokenFor(20) });
    expect(own).toEqual({ success: true, expiresAt: someInstant });
    const foreign = await buyer.ask('refresh-token', { token: await tokenFor(21) });
    expect(foreign).toMatchObject({ success: false, code: 'FORBIDDEN' });
    const forged = await tokenFor(20, { secret: 'another secret, of somebody else, also long' });
    expect(await buyer.ask('refresh-token', { token: forged })).toMatchObject({
      success: false,
      code: 'UNAUTHORIZED',
    });
  });
});

describe('the service over HTTP', () => {
  test('tells its figures in the documented shape', async () => {
    const { status, body } = await service.get('/stats');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      service: 'realtime-service',
      status: 'active',
      connectedUsers: someNumber,
      ticketLocks: {
        totalLocks: someNumber,
        activeLocks: someNumber,
        usersWithLocks: someNumber,
        categoriesWithLocks: someNumber,
        locksByStatus: {
          active: someNumber,
          expired: someNumber,
          confirmed: someNumber,
          released: someNumber,
        },
      },
    });
  });

  test('tells that it is alive and ready', async () => {
    expect(await service.get('/health/live')).toEqual({ status: 200, body: { status: 'live' } });
    expect(await service.get('/health/ready')).toEqual({
      status: 200,
      body: { status: 'ready', degraded: [] },
    });
  });

  test('has metrics', async () => {
    const response = await fetch(`${service.url}/metrics`);
    const text = await response.text();
    expect(text).toMatch(/^ticket_locks\{status="active"\} \d+$/m);
    expect(text).toMatch(/^ticket_locks_refusals_total\{code="DUPLICATE_LOCK"\} \d+$/m);
    expect(text).toMatch(/^nodejs_eventloop_lag_p99_seconds /m);
  });

  test('has nothing for a demo, and answers JSON where there is nothing', async () => {
    for (const path of [
      '/demo/token?userId=1',
      '/demo/events',
      '/../../etc/passwd',
      '/__proto__',
    ]) {
      expect(await service.get(path)).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
    }
  });
});
