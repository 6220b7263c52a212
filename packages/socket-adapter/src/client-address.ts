import type { IncomingHttpHeaders } from 'node:http';
import { BlockList, isIP } from 'node:net';

/** Addresses longer than the header of any honest proxy chain are not looked at. */
const HOPS_MAX = 32;

const NAMED = {
  loopback: ['127.0.0.0/8', '::1'],
  private: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
} as const;

/** Tells a client's address from what its socket and its proxies say. */
export type ClientAddress = (request: {
  readonly headers: IncomingHttpHeaders;
  readonly remoteAddress: string | undefined;
}) => string;

/**
 * Returns the rule for a list of trusted proxies: addresses, blocks such as `10.0.0.0/8`,
 * `loopback` or `private`.
 *
 * `X-Forwarded-For` is read from its end as long as the one who wrote the entry is trusted: what a
 * client writes there himself never counts. Throws `TypeError` that names what is not an address.
 */
export function clientAddress(trustedProxies: readonly string[] = []): ClientAddress {
  const trusted = new BlockList();
  for (const proxy of trustedProxies) addProxy(trusted, proxy);
  const isTrusted = (address: string) =>
    trusted.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
  return ({ headers, remoteAddress }) => {
    let address = plain(remoteAddress ?? '');
    const forwarded = headers['x-forwarded-for'];
    if (trustedProxies.length === 0 || forwarded === undefined || isIP(address) === 0)
      return address;
    const hops = String(forwarded).split(',').slice(-HOPS_MAX).toReversed();
    for (const hop of hops) {
      if (!isTrusted(address)) break;
      const before = plain(hop.trim());
      if (isIP(before) === 0) break;
      address = before;
    }
    return address;
  };
}

function addProxy(trusted: BlockList, proxy: string): void {
  if (Object.hasOwn(NAMED, proxy)) {
    for (const block of NAMED[proxy as keyof typeof NAMED]) addProxy(trusted, block);
    return;
  }
  const [address = '', prefix] = proxy.split('/');
  const version = isIP(address);
  const bits = prefix === undefined ? undefined : Number(prefix);
  const isPrefix = bits === undefined || (/^\d+$/.test(prefix ?? '') && bits <= bitsOf(version));
  if (version === 0 || !isPrefix) {
    throw new TypeError(`a trusted proxy must be an address or a block of them, got "${proxy}"`);
  }
  const type = version === 6 ? 'ipv6' : 'ipv4';
  if (bits === undefined) trusted.addAddress(address, type);
  else trusted.addSubnet(address, bits, type);
}

function bitsOf(version: number): number {
  return version === 6 ? 128 : 32;
}

/**
 * An IPv4 address that came over an IPv6 socket is that IPv4 address; the zone of a local one says
 * nothing.
 */
function plain(zoned: string): string {
  const address = zoned.split('%', 1)[0] ?? '';
  return address.startsWith('::ffff:') && isIP(address.slice(7)) === 4 ? address.slice(7) : address;
}
