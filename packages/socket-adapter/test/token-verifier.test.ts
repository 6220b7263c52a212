import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

import { ManualClock } from '@ticket-locks/lock-engine/testing';
import { describe, expect, test } from 'vitest';

import { TokenRefusedError, tokenVerifier } from '../src/index.js';
import type { TokenVerifierOptions } from '../src/index.js';

const NOW_S = 1_800_000_000;
const SECRET = 'a secret of the tests, long enough for HS256';
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const otherRsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });
const ed25519 = generateKeyPairSync('ed25519');
const pem = ({ publicKey }: { publicKey: KeyObject }) =>
  publicKey.export({ type: 'spki', format: 'pem' }).toString();

const verify = (options: Partial<TokenVerifierOptions> = {}) =>
  tokenVerifier({ key: { secret: SECRET }, clock: new ManualClock(NOW_S * 1000), ...options });

// Tokens are made by hand: no library writes most of these.
const base64url = (content: unknown) =>
  Buffer.from(typeof content === 'string' ? content : JSON.stringify(content)).toString(
    'base64url',
  );
const hmac = (algorithm: string, key: string | Buffer) => (data: string) =>
  createHmac(algorithm, key).update(data).digest('base64url');
const signed = (
  header: unknown,
  payload: unknown,
  signer: (data: string) => string = hmac('sha256', SECRET),
) => {
  const data = `${base64url(header)}.${base64url(payload)}`;
  return `${data}.${signer(data)}`;
};

const HEADER = { alg: 'HS256', typ: 'JWT' };
const CLAIMS = { sub: '12', exp: NOW_S + 60 };
const GOOD = signed(HEADER, CLAIMS);
const rs256 = (key: KeyObject) => (data: string) =>
  sign('sha256', Buffer.from(data), key).toString('base64url');
const es256 = (key: KeyObject) => (data: string) =>
  sign('sha256', Buffer.from(data), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url');
const eddsa = (key: KeyObject) => (data: string) =>
  sign(null, Buffer.from(data), key).toString('base64url');
const withClaims = (claims: object) => signed(HEADER, { ...CLAIMS, ...claims });
const withHeader = (header: object) => signed({ ...HEADER, ...header }, CLAIMS);
const withoutSignature = GOOD.slice(0, GOOD.lastIndexOf('.'));
const [head = '', body = '', tail = ''] = GOOD.split('.');
/** The same bytes written with other unused bits in the last character. */
const sloppyTail = `${tail.slice(0, -1)}${String.fromCharCode((tail.codePointAt(tail.length - 1) ?? 0) + 1)}`;

describe('a good token', () => {
  test('names the user in canonical form, and its end', async () => {
    expect(await verify()(GOOD)).toEqual({ userId: 12, expiresAtMs: (NOW_S + 60) * 1000 });
    expect(await verify()(withClaims({ sub: 'alice' }))).toMatchObject({ userId: 'alice' });
    expect(await verify()(withClaims({ sub: 7 }))).toMatchObject({ userId: 7 });
  });

  test.each([
    ['RSA', rsa, { alg: 'RS256' }, rs256(rsa.privateKey)],
    ['P-256', p256, { alg: 'ES256' }, es256(p256.privateKey)],
    ['Ed25519', ed25519, { alg: 'EdDSA' }, eddsa(ed25519.privateKey)],
  ])('may be signed with %s', async (_name, pair, header, signer) => {
    const check = verify({ key: { publicKey: pem(pair) } });
    expect(await check(signed(header, CLAIMS, signer))).toMatchObject({ userId: 12 });
  });

  test('may be 5 s over where clocks may differ, and nowhere else', async () => {
    const old = withClaims({ exp: NOW_S - 4 });
    expect(await verify()(old, { toleranceMs: 5000 })).toMatchObject({ userId: 12 });
    await expect(verify()(old)).rejects.toThrow(TokenRefusedError);
    const older = withClaims({ exp: NOW_S - 6 });
    await expect(verify()(older, { toleranceMs: 5000 })).rejects.toThrow(TokenRefusedError);
  });

  test('has the configured issuer, audience and claim', async () => {
    const check = verify({ issuer: 'shop', audience: 'tickets', userClaim: 'uid' });
    const claims = { iss: 'shop', aud: ['tickets', 'x'], uid: 5, sub: 'x', exp: NOW_S + 1 };
    expect(await check(signed(HEADER, claims))).toMatchObject({ userId: 5 });
  });

  test.each(['at+jwt', 'AT+JWT', 'application/at+jwt', undefined])(
    'has the type %s',
    async (typ) => {
      expect(await verify()(withHeader({ typ }))).toMatchObject({ userId: 12 });
    },
  );
});

describe('a bad token is refused:', () => {
  const jwk = rsa.publicKey.export({ format: 'jwk' });
  const unsecured = (alg: string) => `${base64url({ ...HEADER, alg })}.${base64url(CLAIMS)}.`;
  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a number', 7],
    ['an object', { token: GOOD }],
    ['a list', [GOOD]],
    ['an empty one', ''],
    ['blanks', '   '],
    ['dots', '..'],
    ['one part', head],
    ['two parts', withoutSignature],
    ['four parts', `${GOOD}.x`],
    ['five parts, as encrypted ones have', `${GOOD}.${tail}.${tail}`],
    ['no signature', `${withoutSignature}.`],
    ['a blank before it', ` ${GOOD}`],
    ['a line end after it', `${GOOD}\n`],
    ['Bearer before it', `Bearer ${GOOD}`],
    ['padding', `${GOOD}=`],
    ['base64 instead of base64url', GOOD.replaceAll('-', '+').replaceAll('_', '/').concat('+/')],
    ['unused bits in its last character', `${head}.${body}.${sloppyTail}`],
    ['a NUL', `${head}\0.${body}.${tail}`],
    ['more than 4 KB', withClaims({ padding: 'x'.repeat(5000) })],
    ['another signature', `${withoutSignature}.${tail.toLowerCase()}`],
    ['the signature of another token', `${withoutSignature}.${withClaims({ a: 1 }).split('.')[2]}`],
    ['another payload', `${head}.${base64url({ ...CLAIMS, sub: '13' })}.${tail}`],
    ['another header', `${base64url({ ...HEADER, kid: '1' })}.${body}.${tail}`],
    ['another secret', signed(HEADER, CLAIMS, hmac('sha256', 'another secret'))],
    ['an empty secret', signed(HEADER, CLAIMS, hmac('sha256', ''))],
    ['alg none', unsecured('none')],
    ['alg None', unsecured('None')],
    ['alg NONE', unsecured('NONE')],
    ['alg none with a signature', withHeader({ alg: 'none' })],
    ['no alg', signed({ typ: 'JWT' }, CLAIMS)],
    ['alg that is a number', withHeader({ alg: 256 })],
    ['alg that is a list', withHeader({ alg: ['HS256'] })],
    ['alg in lower case', withHeader({ alg: 'hs256' })],
    ['alg HS384', signed({ alg: 'HS384' }, CLAIMS, hmac('sha384', SECRET))],
    ['alg HS512', signed({ alg: 'HS512' }, CLAIMS, hmac('sha512', SECRET))],
    ['alg RS256 for a secret', signed({ alg: 'RS256' }, CLAIMS, rs256(rsa.privateKey))],
    ['alg ES256 for a secret', signed({ alg: 'ES256' }, CLAIMS, es256(p256.privateKey))],
    ['its own key in jwk', signed({ alg: 'RS256', jwk }, CLAIMS, rs256(rsa.privateKey))],
    ['its own key set in jku', signed({ alg: 'RS256', jku: 'http://127.0.0.1:1/' }, CLAIMS)],
    ['its own certificate in x5u', signed({ alg: 'RS256', x5u: 'http://127.0.0.1:1/' }, CLAIMS)],
    ['a critical extension', withHeader({ crit: ['exp'] })],
    ['a critical extension nobody knows', withHeader({ crit: ['x'], x: 1 })],
    ['crit that is empty', withHeader({ crit: [] })],
    ['an unencoded payload', withHeader({ b64: false, crit: ['b64'] })],
    ['the type of refresh tokens', withHeader({ typ: 'refresh+jwt' })],
    ['the type of logout tokens', withHeader({ typ: 'logout+jwt' })],
    ['a type that is a number', withHeader({ typ: 7 })],
    ['a header that is no JSON', signed('{', CLAIMS)],
    ['a header that is a list', signed([HEADER], CLAIMS)],
    ['a header that is null', signed('null', CLAIMS)],
    ['alg twice', signed('{"alg":"none","alg":"HS256"}', CLAIMS)],
    ['alg twice, once in disguise', signed(String.raw`{"alg":"HS256","\u0061lg":"HS256"}`, CLAIMS)],
    ['a payload that is no JSON', signed(HEADER, 'sub=12')],
    ['a payload that is a list', signed(HEADER, [CLAIMS])],
    ['a payload that is a text', signed(HEADER, '"12"')],
    ['a payload that is null', signed(HEADER, 'null')],
    ['an empty payload', signed(HEADER, '')],
    ['sub twice', signed(HEADER, `{"sub":"1","sub":"12","exp":${NOW_S + 60}}`)],
    ['exp twice', signed(HEADER, `{"sub":"12","exp":1,"exp":${NOW_S + 60}}`)],
    ['no exp', signed(HEADER, { sub: '12' })],
    ['exp that is over', withClaims({ exp: NOW_S - 1 })],
    ['exp that is now', withClaims({ exp: NOW_S })],
    ['exp that is a text', withClaims({ exp: String(NOW_S + 60) })],
    ['exp that is null', withClaims({ exp: null })],
    ['exp that is no instant', withClaims({ exp: 1e300 })],
    ['exp that is below zero', withClaims({ exp: -1 })],
    ['exp as a date', withClaims({ exp: '2099-01-01T00:00:00Z' })],
    ['nbf that is to come', withClaims({ nbf: NOW_S + 60 })],
    ['nbf that is a text', withClaims({ nbf: 'now' })],
    ['no sub', signed(HEADER, { exp: NOW_S + 60 })],
    ['sub that is empty', withClaims({ sub: '' })],
    ['sub that is null', withClaims({ sub: null })],
    ['sub that is a list', withClaims({ sub: ['12'] })],
    ['sub that is an object', withClaims({ sub: { id: 12 } })],
    ['sub that is no safe number', withClaims({ sub: 1.5 })],
    ['sub below zero', withClaims({ sub: -1 })],
    ['sub with a line end', withClaims({ sub: '12\n' })],
    ['sub that is too long', withClaims({ sub: 'x'.repeat(65) })],
  ])('%s', async (_name, token) => {
    await expect(verify()(token)).rejects.toThrow(TokenRefusedError);
  });

  const iss = { issuer: 'shop' };
  const aud = { audience: 'tickets' };
  const rsaKey = { key: { publicKey: pem(rsa) } };
  test.each<[string, Partial<TokenVerifierOptions>, string]>([
    ['no issuer', iss, GOOD],
    ['another issuer', iss, withClaims({ iss: 'shop2' })],
    ['an issuer in another case', iss, withClaims({ iss: 'Shop' })],
    ['an issuer in a list', iss, withClaims({ iss: ['shop'] })],
    ['no audience', aud, GOOD],
    ['another audience', aud, withClaims({ aud: 'ticket' })],
    ['other audiences', aud, withClaims({ aud: ['a', 'b'] })],
    ['no own claim', { userClaim: 'uid' }, GOOD],
    ['a claim that every object has', { userClaim: 'constructor' }, GOOD],
    [
      'HS256 with the public key for a secret',
      rsaKey,
      signed(HEADER, CLAIMS, hmac('sha256', pem(rsa))),
    ],
    ['HS256 where RS256 is meant', rsaKey, GOOD],
    ['another RSA key', rsaKey, signed({ alg: 'RS256' }, CLAIMS, rs256(otherRsa.privateKey))],
    ['PS256 for a key of RS256', rsaKey, signed({ alg: 'PS256' }, CLAIMS, rs256(rsa.privateKey))],
    ['RS512 for a key of RS256', rsaKey, signed({ alg: 'RS512' }, CLAIMS, rs256(rsa.privateKey))],
    [
      'RS256 for a key of ES256',
      { key: { publicKey: pem(p256) } },
      signed({ alg: 'RS256' }, CLAIMS, rs256(rsa.privateKey)),
    ],
    [
      'a signature of zeros',
      { key: { publicKey: pem(p256) } },
      signed({ alg: 'ES256' }, CLAIMS, () => Buffer.alloc(64).toString('base64url')),
    ],
  ])('%s', async (_name, options, token) => {
    await expect(verify(options)(token)).rejects.toThrow(TokenRefusedError);
  });
});

describe('a key that is none is refused at the start:', () => {
  test.each<[string, TokenVerifierOptions['key'], RegExp]>([
    ['an empty secret', { secret: '' }, /must not be empty/],
    ['no PEM', { publicKey: 'key' }, /must be a PEM/],
    [
      'a private key',
      { publicKey: rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() },
      /not private/,
    ],
    ['another curve', { publicKey: pem(p384) }, /P-256/],
    [
      'a short RSA key',
      { publicKey: pem(generateKeyPairSync('rsa', { modulusLength: 1024 })) },
      /2048/,
    ],
    ['no URL', { jwksUrl: 'jwks.json' }, /Invalid URL/],
  ])('%s', (_name, key, message) => {
    expect(() => tokenVerifier({ key })).toThrow(message);
  });
});
