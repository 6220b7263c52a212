import { ManualClock } from '@ticket-locks/lock-engine/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { SLOW_ROOM } from '../src/slow-readers.js';
import { RawClient } from './raw-client.js';
import { closeServers, startServer } from './test-server.js';
import type { TestServer } from './test-server.js';

let clock: ManualClock;
let server: TestServer;
let reader: RawClient;

beforeEach(async () => {
  clock = new ManualClock(Date.now());
  server = await startServer({ clock, timers: clock });
  reader = await RawClient.joined(server.url);
  await reader.ask('join-event-room', { eventId: 1 });
});
afterEach(async () => {
  reader.socket.terminate();
  await closeServers();
});

const rooms = () => server.io.of('/realtime').adapter.rooms;
/** The packets that wait in the server for a client that does not read. */
const backlog = () => {
  const [socket] = server.io.of('/realtime').sockets.values();
  return (socket?.conn as unknown as { writeBuffer: unknown[] } | undefined)?.writeBuffer.length;
};

/** Stops reading, and fills what lies between the two until the server has to wait. */
async function stopReading(): Promise<void> {
  reader.socket.pause();
  await expect
    .poll(
      () => {
        server.io.of('/realtime').to('event_1').emit('error', 'x'.repeat(1_000_000));
        return backlog();
      },
      { interval: 1, timeout: 10_000 },
    )
    .toBeGreaterThan(3);
}

describe('who does not read', () => {
  test('is spared the broadcasts, and closed although he answers every ping', async () => {
    await stopReading();
    clock.advance(1000);
    clock.advance(1000);
    expect(rooms().has(SLOW_ROOM)).toBe(true);
    const before = backlog();
    await server.locks.lock({ eventId: 1, categoryId: 1, quantity: 1, userId: 1, sessionId: 's' });
    await clock.advanceAsync(500);
    expect(backlog()).toBe(before);
    reader.send('3');
    clock.advance(4000);
    await expect.poll(() => server.adapter.stats().connections).toBe(0);
  });

  test('and begins again is told what he missed', async () => {
    await stopReading();
    clock.advance(2000);
    expect(rooms().has(SLOW_ROOM)).toBe(true);
    await server.locks.lock({ eventId: 1, categoryId: 1, quantity: 7, userId: 1, sessionId: 's' });
    await clock.advanceAsync(500);
    reader.socket.resume();
    await expect.poll(backlog).toBe(0);
    clock.advance(1000);
    expect(rooms().has(SLOW_ROOM)).toBe(false);
    await reader.receives(/"availability-update".*"categoryId":1,.*"lockedTickets":7,/);
    expect(server.adapter.stats().connections).toBe(1);
  });
});

test('who reads is left alone', async () => {
  for (let second = 0; second < 20; second += 1) {
    clock.advance(1000);
    expect(await reader.ask('heartbeat')).toBeDefined();
  }
  expect(rooms().has(SLOW_ROOM)).toBe(false);
});
