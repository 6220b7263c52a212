import { ManualClock } from '@ticket-locks/lock-engine/testing';
import { afterEach, describe, expect, test } from 'vitest';

import { closeServers, startServer } from './test-server.js';
import { tokenFor } from './test-tokens.js';

afterEach(closeServers);

const WISH = { eventId: 1, categoryId: 1, quantity: 1 };

/** The data of the `connect_error` that an attempt ends with. */
async function refusalOf(attempt: Promise<unknown>): Promise<unknown> {
  const error: unknown = await attempt.then(
    () => new Error('he came in'),
    (reason: unknown) => reason,
  );
  return (error as { data?: unknown }).data ?? error;
}

describe('who comes in', () => {
  test.each([
    ['no token', {}],
    ['no token, but a name', { query: { userId: '12' } }],
    ['a token in the query', { query: { token: 'x' } }],
    ['a token that is none', { auth: { token: 'x.y.z' } }],
    ['a token that is an object', { auth: { token: { $ne: '' } } }],
  ])('nobody with %s', async (_name, options) => {
    const server = await startServer();
    const data = await refusalOf(server.connect(options));
    expect(data).toEqual({
      code: 'UNAUTHORIZED',
      message: 'Your sign-in is missing, not valid or over',
    });
    expect(server.adapter.stats()).toMatchObject({
      connections: 0,
      connectedUsers: 0,
      refusals: { UNAUTHORIZED: 1 },
    });
  });

  test('nobody under another name than his own', async () => {
    const server = await startServer();
    const attempt = server.buyer(12, { query: { userId: '13' } });
    expect(await refusalOf(attempt)).toMatchObject({ code: 'FORBIDDEN' });
    const buyer = await server.buyer(12, { query: { userId: '12' } });
    expect(await buyer.hears('connected')).toMatchObject({ userId: 12 });
  });

  test('nobody whose keys cannot be had, and he is not called a liar', async () => {
    const verifyToken = () => Promise.reject(new Error('no keys'));
    const server = await startServer({ verifyToken });
    expect(await refusalOf(server.buyer(12))).toMatchObject({ code: 'UNAVAILABLE' });
  });

  test('only so many, by user and by address', async () => {
    const server = await startServer({
      limits: { connectionsPerUserMax: 2, connectionsPerIpMax: 3 },
    });
    const first = await server.buyer(12);
    await server.buyer(12);
    const data = await refusalOf(server.buyer(12));
    expect(data).toMatchObject({ code: 'RATE_LIMITED', retryAfterMs: 5000 });
    await server.buyer(13);
    expect(await refusalOf(server.buyer(14))).toMatchObject({ code: 'RATE_LIMITED' });
    first.socket.disconnect();
    await expect.poll(() => server.adapter.stats().connections).toBe(2);
    await server.buyer(12);
  });

  test('only web pages of the origins that are allowed, by any transport', async () => {
    const server = await startServer({ origins: ['https://shop.example'] });
    const from = (origin: string, transport: string) => ({
      extraHeaders: { origin },
      transports: [transport],
    });
    for (const transport of ['websocket', 'polling']) {
      const evil = server.buyer(12, from('https://evil.example', transport));
      await expect(evil).rejects.toThrow(/error/);
      await server.buyer(12, from('https://shop.example', transport));
    }
    await server.buyer(12);
  });
});

describe('a request in another name', () => {
  test.each([
    ['join-event-room', { eventId: 1 }],
    ['leave-event-room', { eventId: 1 }],
    ['lock-tickets', WISH],
    ['unlock-tickets', { lockId: 'x' }],
    ['extend-lock', { lockId: 'x' }],
    ['get-my-locks', {}],
    ['heartbeat', {}],
    ['refresh-token', { token: 'x' }],
  ])('%s is refused, and the same one in his own is not', async (event, payload) => {
    const server = await startServer();
    const buyer = await server.buyer(12);
    const foreign = await buyer.ask(event, { ...payload, userId: 13, requestId: 'r' });
    expect(foreign).toMatchObject({ success: false, code: 'FORBIDDEN', requestId: 'r' });
    expect((await buyer.ask(event, { ...payload, userId: '12' }))['code']).not.toBe('FORBIDDEN');
    expect(await server.locks.locksOfUser(13)).toEqual([]);
  });

  test('comes before everything that is wrong with it besides', async () => {
    const server = await startServer();
    const buyer = await server.buyer(12);
    const foreign = await buyer.ask('lock-tickets', { userId: 13, quantity: -1 });
    expect(foreign).toMatchObject({ code: 'FORBIDDEN' });
  });

  test('cannot see or touch the locks of others', async () => {
    const server = await startServer();
    const owner = await server.buyer(12);
    const { lockId } = await owner.ask('lock-tickets', WISH);
    const thief = await server.buyer(13);
    for (const event of ['unlock-tickets', 'extend-lock']) {
      const foreign = await thief.ask(event, { lockId });
      const unknown = await thief.ask(event, { lockId: 'no-such-lock' });
      expect(foreign).toMatchObject({ code: 'LOCK_NOT_FOUND' });
      expect({ ...foreign, lockId: '' }).toEqual({ ...unknown, lockId: '' });
    }
    expect(await thief.ask('get-my-locks')).toEqual({ locks: [] });
  });
});

describe('at the end of his token', () => {
  test('a buyer may look but not touch, until he brings a new one', async () => {
    const clock = new ManualClock(Date.now());
    const server = await startServer({ clock, timers: clock });
    const buyer = await server.buyer(12);
    const { lockId } = await buyer.ask('lock-tickets', WISH);
    clock.advance(60_000);
    expect(await buyer.hears('error')).toMatchObject({ code: 'UNAUTHORIZED' });
    const requests: [string, object][] = [
      ['lock-tickets', WISH],
      ['unlock-tickets', { lockId }],
      ['extend-lock', { lockId }],
      ['lock-tickets', { userId: 13 }],
    ];
    for (const [event, payload] of requests) {
      expect(await buyer.ask(event, payload)).toMatchObject({ code: 'UNAUTHORIZED' });
    }
    expect(await buyer.ask('get-my-locks')).toMatchObject({ locks: [{ lockId }] });
    expect(await buyer.ask('join-event-room', { eventId: 1 })).toMatchObject({ success: true });

    const token = await tokenFor(12, { expiresInS: 600 });
    expect(await buyer.ask('refresh-token', { token })).toMatchObject({ success: true });
    expect(await buyer.ask('extend-lock', { lockId })).toMatchObject({ success: true });
    clock.advance(60_000);
    expect(buyer.socket.connected).toBe(true);
  });

  test('he has 30 s, and then his locks have their grace', async () => {
    const clock = new ManualClock(Date.now());
    const server = await startServer({ clock, timers: clock });
    const buyer = await server.buyer(12);
    await buyer.ask('lock-tickets', WISH);
    clock.advance(89_000);
    expect(await buyer.ask('get-my-locks')).toMatchObject({ locks: [{}] });
    clock.advance(2000);
    // The reason after which a client does not come back by itself.
    expect(await buyer.disconnected()).toBe('io server disconnect');
    expect(await server.locks.locksOfUser(12)).toHaveLength(1);
  });
});
