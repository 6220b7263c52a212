import { describe, expect, test } from 'vitest';

import type { RequestEvent } from '../src/protocol.js';
import { readClaims, readHandshake, readRequest } from '../src/request-reader.js';

const WISH = { eventId: 1, categoryId: 2, quantity: 3 };
const VALID: Record<RequestEvent, object> = {
  'extend-lock': { lockId: 'lock-1' },
  'get-my-locks': {},
  heartbeat: {},
  'join-event-room': { eventId: 1 },
  'leave-event-room': { eventId: 1 },
  'lock-tickets': WISH,
  'refresh-token': { token: 'a.b.c' },
  'unlock-tickets': { lockId: 'lock-1' },
};
const EVENTS = Object.keys(VALID) as RequestEvent[];

const fieldOf = (event: RequestEvent, payload: unknown) => {
  const read = readRequest(event, payload);
  return read.ok ? undefined : read.field;
};

describe('what is read', () => {
  test.each(EVENTS)('%s, whatever stands beside it', (event) => {
    const payload = { ...VALID[event], unknown: [1], userId: '12', requestId: 'r-1' };
    const expected = { ...VALID[event], userId: 12, requestId: 'r-1' };
    expect(readRequest(event, payload)).toEqual({ ok: true, request: expected });
  });

  test.each([
    ['12', 12],
    ['007', '007'],
    ['9007199254740993', '9007199254740993'],
    ['1.5', '1.5'],
    ['é', 'é'],
    [0, 0],
  ])('the id %j as %j', (eventId, canonical) => {
    const read = readRequest('join-event-room', { eventId });
    expect(read).toEqual({ ok: true, request: { eventId: canonical } });
  });

  test('locks of several categories', () => {
    const items = [{ categoryId: '2', quantity: 1, price: 0 }];
    const read = readRequest('lock-tickets', { eventId: '1', items, onExisting: 'set' });
    const request = { eventId: 1, items: [{ categoryId: 2, quantity: 1 }], onExisting: 'set' };
    expect(read).toEqual({ ok: true, request });
  });

  test('a lock that is named by its category', () => {
    const read = readRequest('unlock-tickets', { eventId: 1, categoryId: '2', quantity: 1 });
    expect(read).toEqual({ ok: true, request: { eventId: 1, categoryId: 2, quantity: 1 } });
  });

  test('nothing, where nothing is needed', () => {
    expect(readRequest('heartbeat', undefined)).toEqual({ ok: true, request: {} });
    expect(fieldOf('lock-tickets', undefined)).toBe('payload');
  });
});

describe('what is refused', () => {
  const noPayloads = [null, 1, 'text', true, [], [WISH], () => WISH, Number.NaN, Symbol('s')];
  test.each(EVENTS.flatMap((event) => noPayloads.map((payload) => ({ event, payload }))))(
    '$event with $payload for a payload',
    ({ event, payload }) => {
      expect(fieldOf(event, payload)).toBe('payload');
    },
  );

  const noQuantities = [
    Number.NaN,
    Infinity,
    -Infinity,
    -0,
    0,
    -1,
    1.5,
    1e21,
    2 ** 53,
    '2',
    '',
    'NaN',
    '2n',
    [2],
    { valueOf: () => 2 },
    null,
    true,
    undefined,
    2n,
  ];
  test.each(noQuantities.map((quantity) => ({ quantity })))('$quantity tickets', ({ quantity }) => {
    expect(fieldOf('lock-tickets', { ...WISH, quantity })).toBe('quantity');
    const items = [
      { categoryId: 1, quantity: 1 },
      { categoryId: 2, quantity },
    ];
    expect(fieldOf('lock-tickets', { eventId: 1, items })).toBe('items[1].quantity');
    if (quantity === undefined) return;
    expect(fieldOf('unlock-tickets', { lockId: 'lock-1', quantity })).toBe('quantity');
    expect(fieldOf('unlock-tickets', { eventId: 1, categoryId: 1, quantity })).toBe('quantity');
  });

  const noIds = [
    -1,
    1.5,
    Number.NaN,
    Infinity,
    2 ** 53,
    null,
    true,
    [1],
    {},
    { toString: () => '1' },
    1n,
    '',
    'a\nb',
    'a\r\nb',
    'a\0b',
    '\u{7f}',
    '\ud800',
    'x'.repeat(65),
    'x'.repeat(10_240),
  ];
  test.each(noIds.map((id) => ({ id })))('the id $id', ({ id }) => {
    expect(fieldOf('join-event-room', { eventId: id })).toBe('eventId');
    expect(fieldOf('leave-event-room', { eventId: id })).toBe('eventId');
    expect(fieldOf('lock-tickets', { ...WISH, eventId: id })).toBe('eventId');
    expect(fieldOf('lock-tickets', { ...WISH, categoryId: id })).toBe('categoryId');
    expect(fieldOf('unlock-tickets', { eventId: id, categoryId: 1 })).toBe('eventId');
    for (const event of EVENTS)
      expect(fieldOf(event, { ...VALID[event], userId: id })).toBe('userId');
  });

  const noOpaqueIds = [null, 1, '', 'a\nb', '\0', 'x'.repeat(129), [], {}, true];
  test.each(noOpaqueIds.map((id) => ({ id })))('$id for a lock or a request', ({ id }) => {
    expect(fieldOf('extend-lock', { lockId: id })).toBe('lockId');
    expect(fieldOf('unlock-tickets', { lockId: id })).toBe('lockId');
    for (const event of EVENTS) {
      expect(fieldOf(event, { ...VALID[event], requestId: id })).toBe('requestId');
    }
  });

  test.each([
    ['no items', { eventId: 1, items: [] }, 'items'],
    ['items that are no list', { eventId: 1, items: { length: 1 } }, 'items'],
    ['too many items', { eventId: 1, items: Array.from({ length: 1001 }, () => WISH) }, 'items'],
    ['an item that is none', { eventId: 1, items: [null] }, 'items[0]'],
    ['an item beside a category', { ...WISH, items: [WISH] }, 'categoryId'],
    ['another word for what exists', { ...WISH, onExisting: 'replace' }, 'onExisting'],
    ['nothing at all', {}, 'eventId'],
  ])('%s', (_name, payload, field) => {
    expect(fieldOf('lock-tickets', payload)).toBe(field);
  });

  test('a token that is none or endless', () => {
    for (const token of [undefined, null, '', 7, {}, 'x'.repeat(10_000)]) {
      expect(fieldOf('refresh-token', { token })).toBe('token');
    }
  });
});

describe('keys with a meaning of their own', () => {
  test.each(['__proto__', 'constructor', 'prototype', 'toString'])('%s are only names', (key) => {
    const before = Object.getOwnPropertyNames(Object.prototype);
    const payload: unknown = JSON.parse(`{"${key}":{"quantity":9,"polluted":true},"eventId":1}`);
    expect(readRequest('join-event-room', payload)).toEqual({ ok: true, request: { eventId: 1 } });
    expect(fieldOf('lock-tickets', payload)).toBe('categoryId');
    expect(readRequest('join-event-room', { eventId: key })).toEqual({
      ok: true,
      request: { eventId: key },
    });
    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before);
    expect('polluted' in {}).toBe(false);
  });
});

describe('claims', () => {
  test('are read of anything', () => {
    expect(readClaims({ userId: '12', requestId: 'r' })).toEqual({ userId: 12, requestId: 'r' });
    for (const payload of [undefined, null, 1, [], 'x', { userId: {}, requestId: 7 }]) {
      expect(readClaims(payload)).toEqual({ userId: undefined, requestId: undefined });
    }
  });

  test.each([
    [{}, {}, false],
    [{}, { userId: '12' }, false],
    [{ userId: 12 }, { userId: '12' }, false],
    [{}, { userId: '13' }, true],
    [{ userId: 13 }, { userId: '12' }, true],
    [{}, { userId: ['12', '13'] }, true],
    [{}, { userId: '' }, true],
    [{}, { userId: 'undefined' }, true],
    [null, 'text', false],
  ])('of a handshake, %j and %j', (auth, query, differs) => {
    expect(readHandshake({ auth, query }).differsFrom(12)).toBe(differs);
  });
});
