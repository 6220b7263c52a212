import { readFileSync } from 'node:fs';

import { afterEach, describe, expect, test } from 'vitest';

import { ASYNCAPI_PATH, asyncApiText } from '../scripts/asyncapi-file.js';
import { ANSWER_EVENTS, ERROR_CODES, NEWS_EVENTS } from '../src/protocol.js';
import { DocumentedMessages, readAsyncApi } from './documented-messages.js';
import type { TestBuyer } from './test-buyer.js';
import { closeServers, startServer } from './test-server.js';
import { tokenFor } from './test-tokens.js';

const documented = new DocumentedMessages({ closed: true });
const seen = new Set<string>();

afterEach(closeServers);

/** Checks a real message; the last test asks whether every documented one was seen. */
function check(name: string, payload: unknown): void {
  seen.add(name);
  // What goes over the wire, not what was given to be sent.
  expect(documented.problemsOf(name, JSON.parse(JSON.stringify(payload)))).toEqual([]);
}

function checkAll({ heard }: TestBuyer): void {
  for (const { event, payload } of heard) check(event, payload);
}

/** Asks, and checks what is asked and what is answered. */
async function ask(buyer: TestBuyer, event: keyof typeof ANSWER_EVENTS, payload: object = {}) {
  check(event, payload);
  const answer = await buyer.ask(event, payload);
  check(ANSWER_EVENTS[event], answer);
  return answer;
}

function isDocumentedRefusal({ data }: { readonly data: unknown }): boolean {
  check('connect_error', data);
  return true;
}

describe('docs/asyncapi.yaml', () => {
  test('is what the types of the protocol say', () => {
    // `npm run asyncapi` mends it.
    expect(readFileSync(ASYNCAPI_PATH, 'utf8')).toBe(asyncApiText());
  });

  test('has every event and every code, and no other', () => {
    const { channels, components, operations } = readAsyncApi();
    const names = [
      'connect',
      'connect_error',
      ...Object.entries(ANSWER_EVENTS).flat(),
      ...NEWS_EVENTS,
    ].sort();
    expect(Object.keys(components.messages).sort()).toEqual(names);
    expect(Object.keys(channels.realtime.messages).sort()).toEqual(names);
    const used = JSON.stringify(operations);
    for (const name of names) expect(used).toContain(`messages/${name}"`);
    expect(components.schemas['ErrorCode']).toMatchObject({ enum: ERROR_CODES });
  });

  test('refuses what is not documented', () => {
    const update = { eventId: 1, message: 'x', success: true };
    expect(documented.isValid('left-event-room', update)).toBe(true);
    expect(documented.isValid('left-event-room', { ...update, more: 1 })).toBe(false);
    expect(documented.isValid('error', { code: 'NO_CODE', message: 'x' })).toBe(false);
    expect(documented.isValid('error', { code: 'FORBIDDEN' })).toBe(false);
  });
});

describe('real messages are as documented', () => {
  test('of a buyer who does everything', async () => {
    const server = await startServer();
    const auth = { token: await tokenFor(12) };
    check('connect', auth);
    const [buyer, other] = [await server.connect({ auth }), await server.buyer(12)];
    const { resumeToken } = await buyer.hears('connected');
    check('connect', { ...auth, resumeToken });
    await ask(buyer, 'join-event-room', { eventId: 1, userId: '12' });
    const wish = { eventId: 1, categoryId: 1, quantity: 3, requestId: 'r-1' };
    const { lockId } = await ask(buyer, 'lock-tickets', wish);
    await ask(buyer, 'lock-tickets', { ...wish, requestId: 'r-2' });
    await ask(buyer, 'lock-tickets', { ...wish, requestId: 'r-2', onExisting: 'add' });
    await ask(buyer, 'extend-lock', { lockId });
    await ask(buyer, 'get-my-locks');
    await ask(buyer, 'heartbeat', { requestId: 'r-3' });
    await ask(buyer, 'unlock-tickets', { eventId: 1, categoryId: 1, quantity: 1 });
    await ask(buyer, 'unlock-tickets', { lockId });
    const items = [
      { categoryId: 1, quantity: 1 },
      { categoryId: 2, quantity: 1 },
    ];
    const { locks } = await ask(buyer, 'lock-tickets', { eventId: 1, items });
    const [first] = locks as { lockId: string }[];
    await server.locks.beginPayment({ lockId: first!.lockId, orderId: 7, ttlMs: 60_000 });
    await ask(buyer, 'get-my-locks');
    await server.locks.confirm({ lockId: first!.lockId, orderId: 7 });
    await ask(buyer, 'refresh-token', { token: await tokenFor(12) });
    const order = { orderId: '77', eventId: 1, categoryId: 1, quantity: 2, userId: 12 };
    server.adapter.forwardOrder('order-completed', order);
    server.adapter.forwardOrder('order-cancelled', order);
    await ask(buyer, 'leave-event-room', { eventId: 1 });
    buyer.send('nonsense');
    await buyer.hears('error');
    await other.hears('order-cancelled');
    await other.hears('lock-released');
    checkAll(buyer);
    checkAll(other);
  });

  test('of locks that end, and of a source that is silent', async () => {
    const server = await startServer({ policy: { ttlMs: 300, expiringNoticeMs: 200 } });
    const buyer = await server.buyer('x');
    await ask(buyer, 'join-event-room', { eventId: 1 });
    const { lockId } = await ask(buyer, 'lock-tickets', {
      eventId: 1,
      categoryId: 1,
      quantity: 1,
    });
    await buyer.hears('lock-expired');
    await ask(buyer, 'extend-lock', { lockId });
    await ask(buyer, 'unlock-tickets', { lockId });
    checkAll(buyer);
  });

  test('of refusals', async () => {
    const server = await startServer({
      policy: { locksPerUserMax: 1, ticketsPerLockMax: 9 },
      limits: { connectionsPerUserMax: 2, lockRequestsPerUserPerMinute: 8 },
    });
    const buyer = await server.buyer('y');
    const line = { eventId: 1, categoryId: 1, quantity: 1 };
    const refusals = [
      await ask(buyer, 'lock-tickets', { ...line, userId: 'z' }),
      await ask(buyer, 'lock-tickets', { ...line, eventId: 9 }),
      await ask(buyer, 'lock-tickets', { ...line, categoryId: 9 }),
      await ask(buyer, 'lock-tickets', { ...line, quantity: 10 }),
      await ask(buyer, 'lock-tickets', { ...line, categoryId: 2, quantity: 6 }),
      await ask(buyer, 'unlock-tickets', { lockId: 'none' }),
      await ask(buyer, 'refresh-token', { token: 'none' }),
      await ask(buyer, 'join-event-room', { eventId: 9 }),
    ];
    const { lockId } = await ask(buyer, 'lock-tickets', line);
    refusals.push(
      await ask(buyer, 'lock-tickets', line),
      await ask(buyer, 'unlock-tickets', { lockId: String(lockId), quantity: 7 }),
      await ask(buyer, 'lock-tickets', { ...line, categoryId: 2 }),
      await ask(buyer, 'lock-tickets', { ...line, categoryId: 2 }),
    );
    expect(new Set(refusals.map(({ code }) => code)).size).toBeGreaterThan(8);
    await server.buyer('y');
    await expect(server.buyer('y')).rejects.toSatisfy(isDocumentedRefusal);
    await expect(server.connect({ auth: {} })).rejects.toSatisfy(isDocumentedRefusal);
    checkAll(buyer);
  });

  test('of every kind', () => {
    expect([...seen].sort()).toEqual(documented.names.sort());
  });
});
