import { describe, expect, test } from 'vitest';

import { clientAddress } from '../src/index.js';

const PROXY = '10.0.0.1';

describe('the address of a client', () => {
  test.each<[string, string[], string, string | undefined, string]>([
    ['the socket’s, without proxies', [], '1.2.3.4', '9.9.9.9', '1.2.3.4'],
    ['the socket’s, when nobody trusted is in between', [PROXY], '1.2.3.4', '9.9.9.9', '1.2.3.4'],
    ['what a trusted proxy says', [PROXY], PROXY, '1.2.3.4', '1.2.3.4'],
    [
      'what the last trusted one says, not the client',
      [PROXY],
      PROXY,
      '6.6.6.6, 1.2.3.4',
      '1.2.3.4',
    ],
    ['behind two proxies', ['private'], PROXY, '6.6.6.6, 1.2.3.4, 10.0.0.2', '1.2.3.4'],
    ['of a block', ['10.0.0.0/8'], '10.9.8.7', '1.2.3.4', '1.2.3.4'],
    ['of loopback', ['loopback'], '127.0.0.1', '1.2.3.4', '1.2.3.4'],
    ['of loopback over IPv6', ['loopback'], '::1', '2001:db8::1', '2001:db8::1'],
    ['IPv4 over an IPv6 socket', [PROXY], `::ffff:${PROXY}`, '::ffff:1.2.3.4', '1.2.3.4'],
    ['the proxy’s, when it says nonsense', [PROXY], PROXY, 'unknown', PROXY],
    ['the proxy’s, when it says nothing', [PROXY], PROXY, undefined, PROXY],
    ['the proxy’s, when all are proxies', ['private'], PROXY, '10.0.0.3, 10.0.0.2', '10.0.0.3'],
  ])('is %s', (_name, trusted, remoteAddress, forwarded, address) => {
    const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded };
    expect(clientAddress(trusted)({ headers, remoteAddress })).toBe(address);
  });

  test('is found in an endless header without reading all of it', () => {
    const headers = { 'x-forwarded-for': Array.from({ length: 1000 }, () => PROXY).join(',') };
    expect(clientAddress([PROXY])({ headers, remoteAddress: PROXY })).toBe(PROXY);
  });

  test.each(['everybody', '10.0.0.0/33', '10.0.0/8', '::/129', '10.0.0.0/', '10.0.0.1/8x'])(
    'needs proxies that are addresses, not %s',
    (proxy) => {
      expect(() => clientAddress([proxy])).toThrow(`got "${proxy}"`);
    },
  );
});
