import { LOCK_ERROR_CODES } from '@ticket-locks/lock-engine';
import type { LockError } from '@ticket-locks/lock-engine';
import { describe, expect, test } from 'vitest';

import { grantedLocks } from '../src/answers.js';
import { AskedReleases } from '../src/asked-releases.js';
import { hasDuplicateMember } from '../src/duplicate-member.js';
import { ERROR_CODES, eventRoom } from '../src/protocol.js';
import { messageOf, refusal } from '../src/refusals.js';

describe('the protocol', () => {
  test('has the codes of the engine, in their order', () => {
    expect(ERROR_CODES).toEqual(LOCK_ERROR_CODES);
  });

  test('names the room of an event', () => {
    expect(eventRoom(12)).toBe('event_12');
  });
});

describe('a refusal', () => {
  test('has the facts of its code and a sentence', () => {
    const lines = [{ categoryId: 1, requested: 6, available: 5 }];
    const error = { code: 'INSUFFICIENT_TICKETS', available: 5, requested: 6, lines } as const;
    expect(refusal(error, 'r-1')).toEqual({
      success: false,
      ...error,
      availableTickets: 5,
      message: 'Only 5 tickets available',
      requestId: 'r-1',
    });
    expect(refusal({ code: 'UNAVAILABLE' })).toEqual({
      success: false,
      code: 'UNAVAILABLE',
      message: 'The service cannot do this now, try again later',
    });
  });

  test.each(ERROR_CODES)('%s has a sentence', (code) => {
    const facts = { retryAfterMs: 1, field: 'f', limit: 'extensionsMax', max: 3, available: 1 };
    expect(messageOf({ ...facts, code } as unknown as LockError)).toMatch(/^[A-Z][^{}]+$/);
  });

  test('of too many tickets to give back says how many there are', () => {
    const error = { code: 'INVALID_REQUEST', field: 'quantity', locked: 4 } as const;
    expect(messageOf(error)).toBe('You have only 4 tickets locked');
  });

  test('of a grant without locks is our own mistake', () => {
    expect(() => grantedLocks({ lockId: '', eventId: 1, locks: [] })).toThrow(TypeError);
  });
});

describe('releases that a client asked for', () => {
  const lock = { lockId: 'l', eventId: 1, categoryId: 2 };

  test('are known by the lock or by its category, once', () => {
    const releases = new AskedReleases();
    releases.ask({ lockId: 'l' });
    expect([releases.take(lock), releases.take(lock)]).toEqual([true, false]);
    releases.ask({ eventId: 1, categoryId: 2 });
    expect([releases.take(lock), releases.take(lock)]).toEqual([true, false]);
  });

  test('are known when the news comes after the answer', () => {
    const releases = new AskedReleases();
    releases.ask({ eventId: 1, categoryId: 2 });
    releases.answered({ eventId: 1, categoryId: 2 }, 'l');
    expect(releases.take({ ...lock, lockId: 'another' })).toBe(false);
    expect(releases.take(lock)).toBe(true);
  });

  test('are forgotten when nothing was released', () => {
    const releases = new AskedReleases();
    releases.ask({ lockId: 'l' });
    releases.answered({ lockId: 'l' }, undefined);
    expect(releases.take(lock)).toBe(false);
  });

  test('are not remembered without end', () => {
    const releases = new AskedReleases();
    for (let index = 0; index < 1000; index += 1) releases.ask({ lockId: `l-${index}` });
    expect(releases.take({ ...lock, lockId: 'l-0' })).toBe(false);
    expect(releases.take({ ...lock, lockId: 'l-999' })).toBe(true);
  });
});

describe('members of JSON that are there twice', () => {
  test.each<[string, boolean]>([
    ['{}', false],
    ['{"a":1,"b":{"a":1},"c":[{"a":1},{"a":2}]}', false],
    ['{"a":"a","b":"a:a"}', false],
    ['{"a":"{\\"a\\":1,\\"a\\":2}"}', false],
    ['{"a":1,"a":1}', true],
    ['{"a":1,"b":2,"a":3}', true],
    [String.raw`{"a":1,"\u0061":2}`, true],
    ['{"x":{"a":1,"a":2}}', true],
    ['[{"a":1},{"b":1,"b":2}]', true],
  ])('%s: %s', (json, isThere) => {
    expect(hasDuplicateMember(json)).toBe(isThere);
  });
});
