import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { ANSWER_EVENTS } from '../src/protocol.js';
import type { RequestEvent } from '../src/protocol.js';
import { readClaims, readRequest } from '../src/request-reader.js';

/** `FUZZ_RUNS=1000000` for the long one, `SEED=…` for another. */
const RUNS = Number(process.env['FUZZ_RUNS'] ?? 20_000);
const seed = Number(process.env['SEED'] ?? 4);
const FIELD = /^[a-zA-Z]+(?:\[\d+\](?:\.[a-zA-Z]+)?)?$/;
const FIELDS = [
  'eventId',
  'categoryId',
  'quantity',
  'userId',
  'requestId',
  'onExisting',
  'items',
  'lockId',
  'token',
  '__proto__',
  'constructor',
  'prototype',
  'toJSON',
];

const anything = fc.anything({
  withBigInt: true,
  withDate: true,
  withMap: true,
  withNullPrototype: true,
  withObjectString: true,
  withSet: true,
  withSparseArray: true,
  withTypedArray: true,
});
const nearlyRight = fc.dictionary(
  fc.constantFrom(...FIELDS),
  fc.oneof(anything, fc.nat(20), fc.string(), fc.constantFrom('12', 'set', 'add', '__proto__')),
);
const event = fc.constantFrom(...(Object.keys(ANSWER_EVENTS) as RequestEvent[]));

/** What must be true of a field that was read, by its name. */
const VALID: Readonly<Record<string, (value: unknown) => boolean>> = {
  eventId: isId,
  categoryId: isId,
  userId: isId,
  quantity: (quantity) => Number.isSafeInteger(quantity) && Number(quantity) >= 1,
  onExisting: (choice) => choice === 'set' || choice === 'add',
  items: (items) => Array.isArray(items) && items.every((item) => isRight(item as object)),
};

function isId(id: unknown): boolean {
  if (typeof id === 'string') return id.length >= 1 && id.length <= 64;
  return Number.isSafeInteger(id) && Number(id) >= 0;
}

function isRight(request: object): boolean {
  return Object.entries(request).every(([field, value]) => {
    return value === undefined || (VALID[field]?.(value) ?? typeof value === 'string');
  });
}

describe(`whatever comes (SEED=${seed})`, () => {
  test(
    'is read as something valid or refused with a field, and leaves no trace',
    () => {
      const before = Object.getOwnPropertyNames(Object.prototype).join(',');
      fc.assert(
        fc.property(event, fc.oneof(anything, nearlyRight), (name, payload) => {
          readClaims(payload);
          const read = readRequest(name, payload);
          const isFine = read.ok ? isRight(read.request) : FIELD.test(read.field);
          expect(isFine).toBe(true);
          expect(Object.getOwnPropertyNames(Object.prototype).join(',')).toBe(before);
        }),
        { seed, numRuns: RUNS },
      );
    },
    60_000 + RUNS,
  );
});
