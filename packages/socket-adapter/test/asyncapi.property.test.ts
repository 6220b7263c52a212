import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { ANSWER_EVENTS } from '../src/protocol.js';
import type { RequestEvent } from '../src/protocol.js';
import { readRequest } from '../src/request-reader.js';
import { DocumentedMessages, readAsyncApi } from './documented-messages.js';

const seed = Number(process.env['SEED'] ?? 5);
const numRuns = Number(process.env['FUZZ_RUNS'] ?? 10_000);
const EVENTS = Object.keys(ANSWER_EVENTS) as RequestEvent[];
const documented = new DocumentedMessages({ closed: false });

const value = fc.oneof(
  { arbitrary: fc.nat(3), weight: 4 },
  { arbitrary: fc.constantFrom('12', 'set', 'add', 'lock-1', 'x'.repeat(64)), weight: 4 },
  fc.constantFrom<unknown>(null, true, -1, 0, 1.5, 2 ** 53, 2 ** 53 - 1, '', 'a\nb', {}, []),
  fc.constantFrom('x'.repeat(65), 'x'.repeat(128), 'x'.repeat(129), 'x'.repeat(8193), '\ud800'),
  fc.array(fc.record({ categoryId: fc.nat(3), quantity: fc.integer({ min: -1, max: 3 }) }), {
    maxLength: 3,
  }),
);
const fields = [
  'eventId',
  'categoryId',
  'quantity',
  'userId',
  'requestId',
  'onExisting',
  'items',
  'lockId',
  'token',
  'unknown',
];
const payload = fc.oneof(
  fc.dictionary(fc.constantFrom(...fields), value, { maxKeys: 6 }),
  fc.record({ eventId: fc.nat(3), categoryId: fc.nat(3), quantity: value }),
  fc.record({ lockId: fc.constant('l'), quantity: value, userId: value }, { requiredKeys: [] }),
  fc.jsonValue(),
);

/** The fields that a payload is asked for. */
function fieldsRead(event: RequestEvent, given: object): Set<string> {
  const read = new Set<string>();
  const note = (key: string | symbol) => typeof key === 'string' && read.add(key);
  const asked = new Proxy(given, {
    get: (target, key) => (note(key), Reflect.get(target, key) as unknown),
    has: (target, key) => (note(key), Reflect.has(target, key)),
  });
  readRequest(event, asked);
  return read;
}

/** The fields that docs/asyncapi.yaml has for the event, in whichever variant. */
function fieldsDocumented(event: RequestEvent): Set<string> {
  const { components } = readAsyncApi();
  const found = new Set<string>();
  const visit = (schema: unknown): void => {
    const { $ref, anyOf, properties } = schema as {
      $ref?: string;
      anyOf?: unknown[];
      properties?: object;
    };
    if ($ref !== undefined) visit(components.schemas[$ref.split('/').at(-1) ?? '']);
    for (const variant of anyOf ?? []) visit(variant);
    for (const name of Object.keys(properties ?? {})) found.add(name);
  };
  visit(components.messages[event]?.payload);
  return found;
}

describe(`requests (SEED=${seed})`, () => {
  test.each(EVENTS)('%s: what is documented is read, and nothing else', (event) => {
    let validCount = 0;
    fc.assert(
      fc.property(payload, (given) => {
        const isValid = documented.isValid(event, given);
        validCount += Number(isValid);
        expect(readRequest(event, given).ok).toBe(isValid);
      }),
      { seed, numRuns: Math.ceil(numRuns / EVENTS.length) },
    );
    expect(validCount).toBeGreaterThan(0);
  });

  test.each(EVENTS)('%s: the fields of the document are those of the reader', (event) => {
    const read = [{}, { items: [] }, { lockId: 'l' }, { eventId: 1, categoryId: 1 }].flatMap(
      (given) => [...fieldsRead(event, given)],
    );
    expect(new Set(read)).toEqual(fieldsDocumented(event));
  });
});
