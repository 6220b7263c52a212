import { describe, expect, test } from 'vitest';

import { readReply } from '../src/rpc-reply.js';

const read = (body: unknown) => readReply(Buffer.from(JSON.stringify(body)));

describe('the answer of a NestJS server', () => {
  test.each<[unknown, unknown]>([
    [{ response: [1], isDisposed: true }, [1]],
    [{ response: null, isDisposed: true }, null],
    [{ isDisposed: true }, undefined],
    // A falsy error is none.
    [{ err: '', response: 5, isDisposed: true }, 5],
    [{ err: null, response: 5, isDisposed: true, id: 'x' }, 5],
  ])('%j is a value', (body, value) => {
    expect(read(body)).toEqual({ value });
  });

  test.each<[unknown, string]>([
    [{ err: 'Event not found', isDisposed: true }, 'REFUSED'],
    [{ err: { status: 'error', message: 'no' }, isDisposed: true }, 'REFUSED'],
    [
      {
        id: 'x',
        err: 'There is no matching message handler defined in the remote service.',
        status: 'error',
      },
      'NO_HANDLER',
    ],
    ['a text', 'NONSENSE'],
    [null, 'NONSENSE'],
  ])('%j is a failure', (body, code) => {
    expect(read(body)).toMatchObject({ name: 'RpcFailure', code });
  });

  test('what is not JSON, or is endless, is a failure', () => {
    expect(readReply(Buffer.from('not json'))).toMatchObject({ code: 'NONSENSE' });
    const endless = Buffer.alloc(4 * 1024 * 1024 + 1, '1');
    expect(readReply(endless)).toMatchObject({ code: 'NONSENSE' });
  });
});
