import { LocalTicketLocks } from '@ticket-locks/lock-engine';
import type { TicketLocks } from '@ticket-locks/lock-engine';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { createHandlers } from '../src/handlers.js';
import { routeOf } from '../src/route.js';
import { CATEGORY_ID, EVENT_ID, openBoxOffice } from './box-office.js';
import type { BoxOffice } from './box-office.js';
import { silentLog } from './silent-log.js';

let office: BoxOffice;
let ask: (pattern: unknown, data?: unknown) => Promise<unknown>;

beforeEach(async () => {
  office = await openBoxOffice();
  ask = asking(office.locks);
});

afterEach(() => office.locks.stop());

function asking(locks: LocalTicketLocks) {
  const handlers = createHandlers({ locks, stats: async () => ({ ok: 1 }), log: silentLog });
  return async (pattern: unknown, data?: unknown) => handlers.get(routeOf(pattern))?.(data);
}

const value = (expected: unknown) => ({ ok: true, value: expected });
const refusal = (expected: object) => ({
  ok: false,
  error: expect.objectContaining(expected) as object,
});

describe('confirm-ticket-lock', () => {
  test('confirms, and answers a repeat alike', async () => {
    const { lockId } = await office.lock('bo', 2);
    const confirmed = value({
      success: true,
      lockId,
      status: 'confirmed',
      eventId: EVENT_ID,
      categoryId: CATEGORY_ID,
      userId: 'bo',
      quantity: 2,
      orderId: 7,
    });
    expect(await ask('confirm-ticket-lock', { lockId, orderId: 7 })).toEqual(confirmed);
    expect(await ask({ cmd: 'confirm-ticket-lock' }, { lockId, orderId: '7' })).toEqual(confirmed);
  });

  test('refuses a claim that is not true of the lock', async () => {
    const { lockId } = await office.lock('bo', 2);
    const mismatch = { code: 'LOCK_MISMATCH', field: 'quantity' };
    expect(await ask('confirm-ticket-lock', { lockId, quantity: 3 })).toEqual(refusal(mismatch));
    const stranger = await ask('confirm-ticket-lock', { lockId, userId: 'al' });
    expect(stranger).toEqual(refusal({ code: 'LOCK_NOT_FOUND' }));
  });

  test('refuses an expired lock', async () => {
    const { lockId, expiresAtMs } = await office.lock('bo', 2);
    office.movePast(expiresAtMs);
    expect(await ask('confirm-ticket-lock', { lockId })).toEqual(refusal({ code: 'LOCK_EXPIRED' }));
  });
});

describe('release-ticket-lock', () => {
  test('releases, and returns what the same order had confirmed', async () => {
    const { lockId } = await office.lock('bo', 2);
    await ask('confirm-ticket-lock', { lockId, orderId: 7 });
    const other = await ask('release-ticket-lock', { lockId, orderId: 8 });
    expect(other).toEqual(refusal({ code: 'ORDER_CONFLICT' }));
    const same = await ask('release-ticket-lock', { lockId, orderId: 7, reason: 'card declined' });
    expect(same).toMatchObject(value({ success: true, lockId, status: 'released' }));
  });

  test('says so when the lock had expired before', async () => {
    const { lockId, expiresAtMs } = await office.lock('bo', 2);
    office.movePast(expiresAtMs);
    const released = await ask('release-ticket-lock', { lockId });
    expect(released).toMatchObject(value({ success: true, status: 'expired' }));
  });
});

test('many locks are decided together or not at all', async () => {
  const { lockId } = await office.lock('bo', 2);
  const { lockId: other } = await office.lock('al', 1);
  const orderId = 7;
  const unknown = await ask('confirm-ticket-locks', { lockIds: [lockId, 'none'], orderId });
  expect(unknown).toEqual(refusal({ code: 'LOCK_NOT_FOUND' }));
  expect(await ask('get-ticket-lock', { lockId })).toMatchObject(value({ status: 'active' }));
  expect(await ask('confirm-ticket-locks', { lockIds: [lockId, other], orderId })).toMatchObject(
    value({ success: true, locks: [{ lockId, status: 'confirmed' }, { lockId: other }] }),
  );
  expect(await ask('release-ticket-locks', { lockIds: [lockId, other], orderId })).toMatchObject(
    value({ success: true, locks: [{ lockId, status: 'released' }, { lockId: other }] }),
  );
});

test('a payment moves the end', async () => {
  const { lockId } = await office.lock('bo', 2);
  const begun = await ask('begin-ticket-payment', { lockId, orderId: 7, ttlSeconds: 600 });
  const expiresAt = '2030-01-01T00:10:00.000Z';
  expect(begun).toEqual(
    value({ success: true, lockId, orderId: 7, expiresAt, expiresInMs: 600_000 }),
  );
});

test('a lock is shown in the words of the wire', async () => {
  const { lockId } = await office.lock('bo', 2);
  expect(await ask('get-ticket-lock', { lockId })).toEqual(
    value({
      lockId,
      eventId: EVENT_ID,
      categoryId: CATEGORY_ID,
      quantity: 2,
      userId: 'bo',
      sessionId: expect.any(String) as string,
      status: 'active',
      createdAt: '2030-01-01T00:00:00.000Z',
      expiresAt: '2030-01-01T00:05:00.000Z',
      expiresInMs: 300_000,
      extensionsLeft: 3,
    }),
  );
  expect(await ask('get-ticket-lock', { lockId: 'none' })).toEqual(
    refusal({ code: 'LOCK_NOT_FOUND' }),
  );
});

test('availability is shown in the words of the wire', async () => {
  await office.lock('bo', 2);
  const category = {
    eventId: EVENT_ID,
    categoryId: CATEGORY_ID,
    availableTickets: 48,
    lockedTickets: 2,
    soldTickets: 0,
    totalTickets: 50,
    deficit: 0,
    version: expect.any(Number) as number,
  };
  const availability = await ask('get-event-availability', { eventId: '1' });
  expect(availability).toEqual(value({ eventId: EVENT_ID, categories: [category] }));
  const unknown = await ask('get-event-availability', { eventId: 9 });
  expect(unknown).toEqual(refusal({ code: 'EVENT_NOT_FOUND' }));
});

test('what is not settled yet is listed', async () => {
  const { lockId } = await office.lock('bo', 2);
  expect(await ask('get-unsettled-locks', { eventId: '1' })).toEqual(value([]));
  await ask('confirm-ticket-lock', { lockId, orderId: 7 });
  expect(await ask('get-unsettled-locks', { eventId: '1' })).toMatchObject(
    value([{ lockId, status: 'confirmed', orderId: 7, createdAt: '2030-01-01T00:00:00.000Z' }]),
  );
  expect(await ask('get-unsettled-locks', {})).toEqual(refusal({ field: 'eventId' }));
});

describe('money for a lock that is over', () => {
  const owed = { eventId: EVENT_ID, categoryId: CATEGORY_ID, quantity: 2, userId: 'bo' };
  const requiredAt = '2030-01-01T00:05:00.000Z';

  test.each([
    ['confirm-ticket-lock', (lockId: string) => ({ lockId, orderId: 7 })],
    ['confirm-ticket-locks', (lockId: string) => ({ lockIds: [lockId], orderId: 7 })],
  ])('is noted once by %s', async (pattern, payload) => {
    const { lockId, expiresAtMs } = await office.lock('bo', 2);
    office.movePast(expiresAtMs);
    for (let attempt = 0; attempt < 2; attempt += 1) {
      expect(await ask(pattern, payload(lockId))).toEqual(refusal({ code: 'LOCK_EXPIRED' }));
    }
    const refund = { ...owed, lockId, orderId: 7, requiredAt };
    for (const query of [undefined, null, {}, { eventId: '1' }]) {
      expect(await ask('get-refunds-required', query)).toEqual(value([refund]));
    }
    expect(await ask('get-refunds-required', { eventId: 2 })).toEqual(value([]));
  });

  test('is noted by confirm-lock, whose answer stays what it was', async () => {
    const { lockId, expiresAtMs } = await office.lock('bo', 2);
    office.movePast(expiresAtMs);
    expect(await ask('confirm-lock', { lockId, userId: 'bo' })).toEqual(value(false));
    const refunds = await ask('get-refunds-required');
    expect(refunds).toEqual(value([{ ...owed, lockId, requiredAt }]));
  });

  test('is noted of a lock that the buyer gave back, not of one that the order did', async () => {
    const first = await office.lock('bo', 2);
    await office.locks.unlock({ lockId: first.lockId, userId: 'bo' });
    const second = await office.lock('al', 2);
    await ask('release-ticket-lock', { lockId: second.lockId });
    for (const { lockId } of [first, second]) {
      const confirmed = await ask('confirm-ticket-lock', { lockId, orderId: 7 });
      expect(confirmed).toEqual(refusal({ code: 'LOCK_RELEASED' }));
    }
    const refunds = await ask('get-refunds-required');
    expect(refunds).toMatchObject(value([{ lockId: first.lockId }]));
  });

  test('is noted of a lock that the store has lost, with what the message says of it', async () => {
    const asked = vi.fn<TicketLocks['requireRefund']>();
    asked.mockResolvedValue({ ok: false, error: { code: 'LOCK_LOST', lockId: 'a' } });
    office.locks.requireRefund = asked;
    office.locks.confirm = async () => ({ ok: false, error: { code: 'LOCK_LOST', lockId: 'a' } });
    const payload = {
      lockId: 'a',
      orderId: 7,
      userId: 'bo',
      eventId: 1,
      categoryId: 2,
      quantity: 3,
    };
    const answer = await ask('confirm-ticket-lock', payload);
    expect(answer).toEqual(refusal({ code: 'LOCK_LOST' }));
    expect(asked.mock.calls).toEqual([[payload]]);
  });

  test('that could not be noted is not refused for good: the caller asks again', async () => {
    const { lockId, expiresAtMs } = await office.lock('bo', 2);
    office.movePast(expiresAtMs);
    const unknown = { ok: false, error: { code: 'OUTCOME_UNKNOWN' } } as const;
    office.locks.requireRefund = async () => unknown;
    expect(await ask('confirm-lock', { lockId, userId: 'bo' })).toEqual(unknown);
  });
});

test('the statistics are those of the service', async () => {
  expect(await ask('get-realtime-stats', {})).toEqual(value({ ok: 1 }));
});

describe('confirm-lock', () => {
  test('answers true, also to a repeat', async () => {
    const { lockId } = await office.lock('bo', 2);
    expect(await ask('confirm-lock', { lockId, userId: 'bo' })).toEqual(value(true));
    expect(await ask('confirm-lock', { lockId, userId: 'bo' })).toEqual(value(true));
  });

  test('answers false to what is refused for good', async () => {
    const { lockId, expiresAtMs } = await office.lock('bo', 2);
    expect(await ask('confirm-lock', { lockId, userId: 'al' })).toEqual(value(false));
    expect(await ask('confirm-lock', { lockId: 'none', userId: 'bo' })).toEqual(value(false));
    expect(await ask('confirm-lock', 'nonsense')).toEqual(value(false));
    office.movePast(expiresAtMs);
    expect(await ask('confirm-lock', { lockId, userId: 'bo' })).toEqual(value(false));
  });

  test('is an error when the answer is not known', async () => {
    const stopped = new LocalTicketLocks({ source: { load: async () => undefined } });
    const answer = await asking(stopped)('confirm-lock', { lockId: 'a', userId: 'bo' });
    expect(answer).toEqual(refusal({ code: 'UNAVAILABLE' }));
  });
});
