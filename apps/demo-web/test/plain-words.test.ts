import { ERROR_CODES } from '@ticket-locks/socket-adapter/protocol';
import { describe, expect, test } from 'vitest';

import { connectionWords, newsWords, plainWords } from '../src/plain-words.js';

/** What nobody should have to read. */
const CODE = /[A-Z]{2,}_|undefined|NaN|null|\[object/;

describe('what a buyer reads', () => {
  test.each(ERROR_CODES)('%s is said in a sentence, and in no other one', (code) => {
    const words = plainWords({ code });
    expect(words).toMatch(/^[A-Z].*\.$/);
    expect(words).not.toMatch(CODE);
    const others = ERROR_CODES.filter((other) => other !== code);
    expect(others.map((other) => plainWords({ code: other }))).not.toContain(words);
  });

  test.each([
    [{ code: 'INVALID_REQUEST', locked: 2 }, 'You have only 2 tickets locked.'],
    [{ code: 'INSUFFICIENT_TICKETS', available: 1 }, 'Sorry, only 1 ticket is left.'],
    [{ code: 'INSUFFICIENT_TICKETS', available: 3 }, 'Sorry, only 3 tickets are left.'],
    [{ code: 'LOCK_EXPIRED', available: 0 }, 'Your time is up, and none are left.'],
    [{ code: 'RATE_LIMITED', retryAfterMs: 1200 }, /wait 2 seconds/],
    [{ code: 'RATE_LIMITED', retryAfterMs: 1 }, /wait 1 second /],
    [{ code: 'LIMIT_EXCEEDED', limit: 'ticketsPerLockMax', max: 10 }, /at most 10 tickets at once/],
    [
      { code: 'LIMIT_EXCEEDED', limit: 'ticketsPerUserPerEventMax', max: 6 },
      'At most 6 tickets for each person.',
    ],
    [{ code: 'LIMIT_EXCEEDED', limit: 'locksPerUserMax', max: 20 }, /at most 20 categories/],
    [{ code: 'LIMIT_EXCEEDED', limit: 'extensionsMax', max: 3 }, /no more time/],
    [{ code: 'LIMIT_EXCEEDED', limit: 'lockAgeMsMax', max: 3_600_000 }, /no more time/],
  ] as const)('%j has its facts in it', (refusal, words) => {
    expect(plainWords(refusal)).toMatch(words);
  });

  test.each(ERROR_CODES)('who is kept out with %s reads why', (code) => {
    const words = connectionWords('refused', { code, message: '', retryAfterMs: 5000 });
    expect(words).toMatch(/^[A-Z].+/);
    expect(words).not.toMatch(CODE);
    expect(words).not.toBe(connectionWords('refused', undefined));
  });

  test('a lost connection is told as such, whatever was before', () => {
    const refusal = { code: 'UNAVAILABLE', message: '' } as const;
    expect(connectionWords('lost', refusal)).toBe('Reconnecting …');
    expect(connectionWords('online', undefined)).toBe('Live');
  });

  test('news have the number of tickets in them', () => {
    expect(newsWords('lock-expired', 1)).toBe('Your time is up: your 1 ticket went back on sale.');
    expect(newsWords('lock-confirmed', 4)).toContain('4 tickets');
  });
});
