// The client that others copy, against the real service, without a browser.
import { createHmac } from 'node:crypto';

import { afterEach, describe, expect, test, vi } from 'vitest';

import { LockClient } from '../src/lock-client.js';
import type { LockClientOptions, LockClientState } from '../src/lock-client.js';
import { startService } from './realtime-service.js';
import type { RunningService } from './realtime-service.js';

const SECRET = 'a secret of the tests, long enough for HS256';
const BALCONY = 2;
const CAPACITY = 50;
const PATIENCE = { timeout: 15_000, interval: 10 };

const running: { close(): void | Promise<void> }[] = [];

afterEach(async () => {
  for (const one of running.splice(0).toReversed()) await one.close();
});

async function service(settings: Record<string, string> = {}): Promise<RunningService> {
  const started = await startService({ JWT_SECRET: SECRET, LOG_LEVEL: 'error', ...settings });
  running.push({ close: () => started.stop() });
  return started;
}

function token(userId: string, lifeSeconds = 600): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const exp = Math.floor(Date.now() / 1000) + lifeSeconds;
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub: userId, exp })}`;
  return `${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}`;
}

interface TestClient {
  readonly client: LockClient;
  readonly connections: LockClientState['connection'][];
}

function clientOf(userId: string, url: string, wish: Partial<LockClientOptions> = {}): TestClient {
  const connections: LockClientState['connection'][] = [];
  const stored = new Map<string, string>();
  const client = new LockClient({
    url,
    eventId: 1,
    getToken: async () => token(userId),
    storage: {
      getItem: (key) => stored.get(key) ?? null,
      setItem: (key, value) => void stored.set(key, value),
    },
    storageKey: 'session',
    onChange: ({ connection }) => {
      if (connection !== connections.at(-1)) connections.push(connection);
    },
    ...wish,
  });
  running.push({ close: () => client.close() });
  client.connect();
  return { client, connections };
}

const isOnline = ({ client }: TestClient) =>
  vi.waitFor(() => expect(client.state.connection).toBe('online'), PATIENCE);
const availableFor = ({ client }: TestClient) =>
  client.state.availability.get(BALCONY)?.availableTickets;
const isAvailable = (tester: TestClient, count: number) =>
  vi.waitFor(() => expect(availableFor(tester)).toBe(count), PATIENCE);

describe('a lock client', () => {
  test('takes its session up again when the line was cut', async () => {
    const { url } = await service();
    const buyer = clientOf('alice', url);
    await isOnline(buyer);
    await buyer.client.lock(BALCONY, 2);
    const [before] = buyer.client.state.locks;
    buyer.client.interrupt({ comesBack: true });
    await vi.waitFor(() => expect(buyer.connections).toContain('lost'), PATIENCE);
    await isOnline(buyer);
    const [after] = buyer.client.state.locks;
    expect(after).toMatchObject({ lockId: before?.lockId, sessionId: before?.sessionId });
    expect(Math.abs(after!.endsAtMs - before!.endsAtMs)).toBeLessThan(1000);
  });

  test('gives back at once what it has when it says goodbye, and not when it is cut off', async () => {
    const { url } = await service({ DISCONNECT_GRACE_SECONDS: '600' });
    const watcher = clientOf('watcher', url);
    const [polite, cut] = [clientOf('polite', url), clientOf('cut', url)];
    await Promise.all([watcher, polite, cut].map(isOnline));
    await polite.client.lock(BALCONY, 3);
    await cut.client.lock(BALCONY, 4);
    await isAvailable(watcher, CAPACITY - 7);
    cut.client.interrupt({ comesBack: false });
    polite.client.close();
    await isAvailable(watcher, CAPACITY - 4);
  });

  test('locks several categories with one end, changes, and gives a part back', async () => {
    const { url } = await service();
    const buyer = clientOf('carol', url);
    await isOnline(buyer);
    const items = [
      { categoryId: 1, quantity: 3 },
      { categoryId: BALCONY, quantity: 2 },
    ];
    expect(await buyer.client.lockTogether(items)).toMatchObject({ success: true });
    const [three, two] = [3, 2].map((count) =>
      buyer.client.state.locks.find(({ quantity }) => quantity === count),
    );
    expect(three?.expiresAt).toBe(two?.expiresAt);
    expect(await buyer.client.unlock(three!.lockId, 1)).toMatchObject({ remaining: 2 });
    expect(buyer.client.state.locks).toMatchObject([{ quantity: 2 }, { quantity: 2 }]);
    expect(await buyer.client.extend(two!.lockId)).toMatchObject({ success: true });
    expect(await buyer.client.roundTripMs()).toBeGreaterThan(0);
  });

  test('brings a new token when the old one ends, and loses nothing by it', async () => {
    const { url } = await service();
    let asked = 0;
    const getToken = async () => {
      asked += 1;
      return token('dora', asked === 1 ? 2 : 600);
    };
    const buyer = clientOf('dora', url, { getToken });
    await isOnline(buyer);
    expect(await buyer.client.lock(BALCONY, 1)).toMatchObject({ success: true });
    await vi.waitFor(() => expect(asked).toBeGreaterThan(1), PATIENCE);
    expect(await buyer.client.lock(BALCONY, 2)).toMatchObject({ success: true, quantity: 2 });
    expect(buyer.connections).toEqual(['connecting', 'online']);
  });

  test('asks again when it is not let in', async () => {
    const { url } = await service();
    let asked = 0;
    const getToken = async () => {
      asked += 1;
      return asked === 1 ? 'x' : token('emil');
    };
    const buyer = clientOf('emil', url, { getToken });
    await vi.waitFor(() => expect(buyer.client.state.connection).toBe('refused'), PATIENCE);
    expect(buyer.client.state.refusal?.code).toBe('UNAUTHORIZED');
    await isOnline(buyer);
    expect(buyer.client.state.refusal).toBeUndefined();
  });

  test('believes a service that came back without its memory', async () => {
    const first = await service();
    const port = new URL(first.url).port;
    const buyer = clientOf('fay', first.url);
    await isOnline(buyer);
    for (const quantity of [2, 5, 3]) await buyer.client.lock(BALCONY, quantity);
    await isAvailable(buyer, CAPACITY - 3);
    await first.stop();
    await vi.waitFor(() => expect(buyer.client.state.connection).toBe('lost'), PATIENCE);
    await service({ WEBSOCKET_PORT: port });
    await isOnline(buyer);
    await isAvailable(buyer, CAPACITY);
    expect(buyer.client.state.locks).toEqual([]);
  });

  test('without watching hears of no availability, and locks all the same', async () => {
    const { url } = await service();
    const buyer = clientOf('gus', url, { watchesAvailability: false });
    const watcher = clientOf('watcher', url);
    await Promise.all([isOnline(buyer), isOnline(watcher)]);
    expect(await buyer.client.lock(BALCONY, 4)).toMatchObject({ success: true });
    await isAvailable(watcher, CAPACITY - 4);
    expect(buyer.client.state.availability.size).toBe(0);
  });
});
