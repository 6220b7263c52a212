// A million payloads through the reader, and thousands through a real server.
import { SeededRandom } from '@ticket-locks/lock-engine/testing';
import { expect, test } from 'vitest';

import { ANSWER_EVENTS } from '../src/protocol.js';
import type { RequestEvent } from '../src/protocol.js';
import { readClaims, readRequest } from '../src/request-reader.js';
import { PayloadGenerator } from './payload-generator.js';

const seed = Number(process.env['SEED'] ?? 7);
const COUNT = Number(process.env['FUZZ_COUNT'] ?? 1_000_000);
const EVENTS = Object.keys(ANSWER_EVENTS) as RequestEvent[];
const FIELD = /^[a-zA-Z]+(?:\[\d+\](?:\.[a-zA-Z]+)?)?$/;

const prototypeKeys = () => Reflect.ownKeys(Object.prototype).map(String).join();

test(`${COUNT} payloads are read or refused, and leave no trace (SEED=${seed})`, () => {
  const random = new SeededRandom(seed);
  const payloads = new PayloadGenerator(random);
  const before = prototypeKeys();
  const fields = new Set<string>();
  const unsound: unknown[] = [];
  let readCount = 0;
  for (let index = 0; index < COUNT; index += 1) {
    const payload = payloads.anything();
    const event = random.pick(EVENTS);
    readClaims(payload);
    const read = readRequest(event, payload);
    if (!read.ok) fields.add(read.field);
    else {
      readCount += 1;
      if (!isSound(read.request)) unsound.push([event, read.request]);
    }
  }
  expect(unsound).toEqual([]);
  expect([...fields].filter((field) => !FIELD.test(field))).toEqual([]);
  expect(prototypeKeys()).toBe(before);
  // A generator that makes nothing valid, or nothing invalid, would show nothing.
  expect(readCount).toBeGreaterThan(COUNT / 50);
  expect(readCount).toBeLessThan(COUNT / 2);
  expect(fields.size).toBeGreaterThan(12);
}, 120_000);

test.each<[RequestEvent, string, string]>([
  ['lock-tickets', '{"eventId":1,"items":{"length":{"toString":1}}}', 'items'],
  ['refresh-token', '{"token":{"length":{"valueOf":1,"toString":1}}}', 'token'],
  ['extend-lock', '{"lockId":{"length":{"toString":null}}}', 'lockId'],
  ['heartbeat', '{"requestId":{"length":{"toString":1}}}', 'requestId'],
])('%s with a length that is no number: %s', (event, json, field) => {
  expect(readRequest(event, JSON.parse(json))).toEqual({ ok: false, field });
});

/** What reaches the store: whole positive numbers, ids in their one form, texts that are short. */
function isSound(request: object): boolean {
  return Object.entries(request).every(([field, value]: [string, unknown]) => {
    if (value === undefined) return true;
    if (field === 'quantity') return Number.isSafeInteger(value) && Number(value) > 0;
    if (field === 'items') return (value as object[]).every(isSound);
    if (typeof value === 'number') return Number.isSafeInteger(value) && !Object.is(value, -0);
    const lengthMax = { token: 8192, lockId: 128, requestId: 128 }[field] ?? 64;
    return typeof value === 'string' && value.length > 0 && value.length <= lengthMax;
  });
}
