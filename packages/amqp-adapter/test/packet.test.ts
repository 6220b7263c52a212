import { describe, expect, test } from 'vitest';

import { errorReply, noHandlerReply, readPacket, valueReply } from '../src/packet.js';
import { INTERNAL_ERROR, refusalBody } from '../src/refusals.js';

const read = (text: string) => readPacket(Buffer.from(text));

describe('a packet', () => {
  test('is read as a NestJS client sends it, with keys of newer versions ignored', () => {
    const text = '{"pattern":{"cmd":"x"},"data":{"a":1},"metadata":{"traceparent":"00"},"id":"7"}';
    expect(read(text)).toEqual({ pattern: { cmd: 'x' }, data: { a: 1 }, id: '7' });
  });

  test('without an id is an event', () => {
    expect(read('{"pattern":"x","data":{}}')).toEqual({ pattern: 'x', data: {}, id: undefined });
  });

  test('with an id and no pattern is a request that nobody handles', () => {
    expect(read('{"data":1,"id":"abc"}')).toMatchObject({ pattern: undefined, id: 'abc' });
  });

  test.each(['', 'not json', 'null', '"text"', '[]', '{}', '{"data":1}', '\uFFFD{'])(
    '%j is none',
    (text) => {
      expect(read(text)).toBeUndefined();
    },
  );

  test('of more than 256 KiB is none', () => {
    const fits = JSON.stringify({ pattern: 'x', data: 'a'.repeat(256 * 1024 - 30) });
    expect(read(fits)).toBeDefined();
    expect(read(`${fits}${' '.repeat(30)}`)).toBeUndefined();
  });
});

describe('a reply', () => {
  test('has no key that NestJS 12 does not know', () => {
    const known = new Set(['id', 'err', 'response', 'isDisposed', 'status']);
    const replies = [valueReply({}), errorReply(INTERNAL_ERROR), noHandlerReply('1')];
    for (const reply of replies) {
      expect(Object.keys(reply).filter((key) => !known.has(key))).toEqual([]);
    }
  });

  test.each([undefined, null])('of %s carries null: without a value the caller fails', (value) => {
    expect(JSON.stringify(valueReply(value))).toBe('{"response":null,"isDisposed":true}');
  });

  test('of false stays false', () => {
    expect(JSON.stringify(valueReply(false))).toBe('{"response":false,"isDisposed":true}');
  });

  test('of a refusal has the code, a sentence and the facts inside err', () => {
    const refusal = refusalBody({ code: 'LOCK_MISMATCH', lockId: 'a', field: 'quantity' });
    expect(errorReply(refusal)).toEqual({
      err: {
        status: 'error',
        code: 'LOCK_MISMATCH',
        message: expect.stringMatching(/./) as string,
        lockId: 'a',
        field: 'quantity',
      },
      isDisposed: true,
    });
  });
});
