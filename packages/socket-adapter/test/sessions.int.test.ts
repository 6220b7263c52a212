import { afterEach, describe, expect, test } from 'vitest';

import { closeServers, startServer } from './test-server.js';
import type { TestServer } from './test-server.js';

afterEach(closeServers);

const WISH = { eventId: 1, categoryId: 1, quantity: 4 };
const lockCount = async (server: TestServer) => (await server.locks.stats()).activeLocks;

/** Writes down what the store is told of leaving. */
function leaves(server: TestServer): string[] {
  const told: string[] = [];
  const leaveSession = server.locks.leaveSession.bind(server.locks);
  server.locks.leaveSession = (leave) => {
    told.push(leave.how);
    return leaveSession(leave);
  };
  return told;
}

describe('a session', () => {
  test('ends with a goodbye: its locks are free at once', async () => {
    const server = await startServer({ disconnectGraceMs: 60_000 });
    const told = leaves(server);
    const buyer = await server.buyer(12);
    await buyer.ask('lock-tickets', WISH);
    buyer.socket.disconnect();
    await expect.poll(() => lockCount(server)).toBe(0);
    expect(told).toEqual(['goodbye']);
  });

  test('outlives a lost connection for the grace, and is taken up again', async () => {
    const server = await startServer({ disconnectGraceMs: 60_000 });
    const told = leaves(server);
    const buyer = await server.buyer(12);
    const { resumeToken, sessionId } = await buyer.hears('connected');
    const granted = await buyer.ask('lock-tickets', WISH);
    const { token } = buyer.socket.auth as { token: string };
    buyer.loseConnection();
    await expect.poll(() => told).toEqual(['lost']);
    const back = await server.connect({ auth: { token, resumeToken } });
    expect(await back.hears('connected')).toMatchObject({ resumed: true, sessionId });
    expect(await back.hears('my-locks-response')).toMatchObject({
      locks: [{ lockId: granted['lockId'], expiresAt: granted['expiresAt'] }],
    });
    expect(await back.ask('unlock-tickets', { lockId: granted['lockId'] })).toMatchObject({
      success: true,
    });
  });

  test('ends with its last socket', async () => {
    const server = await startServer({ disconnectGraceMs: 0 });
    const told = leaves(server);
    const tab = await server.buyer(12);
    const { resumeToken } = await tab.hears('connected');
    const { token } = tab.socket.auth as { token: string };
    const sameTab = await server.connect({ auth: { token, resumeToken } });
    await tab.ask('lock-tickets', WISH);
    tab.loseConnection();
    await expect.poll(() => told).toHaveLength(1);
    expect(await lockCount(server)).toBe(1);
    sameTab.loseConnection();
    await expect.poll(() => lockCount(server)).toBe(0);
  });

  test.each(['x', '', `${'x'.repeat(22)}.y`, 'x'.repeat(10_000)])(
    'is a new one with a token that is none: %#',
    async (resumeToken) => {
      const server = await startServer();
      const { token } = (await server.buyer(12)).socket.auth as { token: string };
      const buyer = await server.connect({ auth: { token, resumeToken } });
      expect(await buyer.hears('connected')).toMatchObject({ resumed: false });
    },
  );

  test('that cannot be opened hangs up, so that the client tries again', async () => {
    const server = await startServer();
    server.locks.openSession = async () => ({ ok: false, error: { code: 'UNAVAILABLE' } });
    const attempt = server.buyer(12).catch(() => undefined);
    await expect.poll(() => server.adapter.stats().refusals.UNAVAILABLE).toBe(1);
    await expect.poll(() => server.adapter.stats().connections).toBe(0);
    await attempt;
  });

  test('is left also by who goes before it is open', async () => {
    const server = await startServer();
    const told = leaves(server);
    const openSession = server.locks.openSession.bind(server.locks);
    let letOpen = () => {};
    server.locks.openSession = async (visit) => {
      await new Promise<void>((resolve) => (letOpen = resolve));
      return openSession(visit);
    };
    const attempt = server.buyer(12).catch(() => undefined);
    await expect.poll(() => server.adapter.stats().connections).toBe(1);
    server.io.of('/realtime').disconnectSockets(true);
    await expect.poll(() => server.adapter.stats().connections).toBe(0);
    expect(told).toEqual([]);
    letOpen();
    await expect.poll(() => told).toEqual(['lost']);
    await attempt;
  });
});

describe('a stop of the server', () => {
  test('begins no release, and clients come back by themselves', async () => {
    const server = await startServer({ disconnectGraceMs: 0 });
    const told = leaves(server);
    const buyer = await server.buyer(12);
    await buyer.ask('lock-tickets', WISH);
    await server.adapter.stop();
    expect(await buyer.ask('lock-tickets', { ...WISH, categoryId: 2 })).toMatchObject({
      success: false,
      code: 'UNAVAILABLE',
    });
    await expect(server.buyer(13)).rejects.toMatchObject({ data: { code: 'UNAVAILABLE' } });
    await server.io.close();
    expect(await buyer.disconnected()).toBe('transport close');
    expect(await lockCount(server)).toBe(1);
    expect(told).toEqual([]);
  });

  test('waits for requests in work, and they are answered', async () => {
    const server = await startServer();
    const buyer = await server.buyer(12);
    const lock = server.locks.lock.bind(server.locks);
    const held: (() => void)[] = [];
    server.locks.lock = async (command) => {
      await new Promise<void>((resolve) => held.push(resolve));
      return lock(command);
    };
    const asking = buyer.ask('lock-tickets', WISH);
    await expect.poll(() => held).toHaveLength(1);
    let isStopped = false;
    const stopping = server.adapter.stop().then(() => (isStopped = true));
    expect(await buyer.ask('heartbeat')).toMatchObject({ code: 'UNAVAILABLE' });
    expect(isStopped).toBe(false);
    held[0]?.();
    expect(await asking).toMatchObject({ success: true });
    await stopping;
  });
});

describe('a store that breaks', () => {
  test('is not taken for a no', async () => {
    const server = await startServer();
    const buyer = await server.buyer(12);
    server.locks.lock = () => Promise.reject(new Error('broken'));
    server.locks.locksOfUser = () => Promise.reject(new Error('broken'));
    const answer = await buyer.ask('lock-tickets', { ...WISH, requestId: 'r' });
    expect(answer).toMatchObject({ success: false, code: 'OUTCOME_UNKNOWN', requestId: 'r' });
    expect(JSON.stringify(answer)).not.toContain('broken');
    expect(await buyer.ask('get-my-locks')).toMatchObject({ code: 'UNAVAILABLE' });
  });
});
