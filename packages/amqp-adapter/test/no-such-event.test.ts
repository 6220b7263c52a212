import { expect, test } from 'vitest';

import { saysNoSuchEvent } from '../src/no-such-event.js';

test.each<[unknown]>([
  ['Event not found'],
  ['Event with ID 5 not found'],
  [{ status: 'error', message: 'Event 5 does not exist' }],
  [{ status: 'error', message: 'no such event' }],
  [{ status: 404, message: 'gone' }],
  [{ statusCode: 404, message: 'Not Found' }],
  [{ status: 'error', code: 'EVENT_NOT_FOUND', message: '' }],
])('%j surely means that there is no such event', (error) => {
  expect(saysNoSuchEvent(error)).toBe(true);
});

test.each<[unknown]>([
  ['Internal server error'],
  [{ status: 'error', message: 'Internal server error' }],
  [{ status: 'error', message: 'relation "event" does not exist' }],
  [{ status: 'error', message: 'host not found' }],
  [{ status: 500, message: 'getaddrinfo ENOTFOUND database' }],
  [{ status: 503, code: 'ECONNREFUSED', message: 'cannot ask for the event' }],
  [null],
  [7],
])('%j may mean anything', (error) => {
  expect(saysNoSuchEvent(error)).toBe(false);
});
