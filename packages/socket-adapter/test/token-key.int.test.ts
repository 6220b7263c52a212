import { generateKeyPairSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { exportJWK, SignJWT } from 'jose';
import type { JWK } from 'jose';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { TokenRefusedError, tokenVerifier } from '../src/index.js';

/** A key server, and how often it was asked. */
let server: Server;
let keys: JWK[] = [];
let fetchCount = 0;
let url = '';

beforeEach(async () => {
  keys = [];
  fetchCount = 0;
  server = createServer((_request, response) => {
    fetchCount += 1;
    response.end(JSON.stringify({ keys }));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`;
});
afterEach(closeServer);

async function closeServer(): Promise<void> {
  server.closeAllConnections();
  if (!server.listening) return;
  await new Promise((resolve) => {
    server.close(resolve);
  });
}

/** A signer whose public key is in the set from now on. */
async function newSigner(kid: string) {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  keys.push({ ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' });
  return (userId: string) => token({ userId, kid, privateKey });
}

async function token(options: { userId: string; kid: string; privateKey: KeyObject }) {
  return new SignJWT()
    .setProtectedHeader({ alg: 'ES256', kid: options.kid })
    .setSubject(options.userId)
    .setExpirationTime('1m')
    .sign(options.privateKey);
}

describe('a key set', () => {
  test('is fetched once, and again for a key that it did not have', async () => {
    const before = await newSigner('before');
    const verify = tokenVerifier({ key: { jwksUrl: url } });
    expect(await verify(await before('1'))).toMatchObject({ userId: 1 });
    expect(await verify(await before('2'))).toMatchObject({ userId: 2 });
    expect(fetchCount).toBe(1);
  });

  test('is not fetched for every token with a key that nobody has', async () => {
    const honest = await newSigner('honest');
    const verify = tokenVerifier({ key: { jwksUrl: url } });
    await verify(await honest('1'));
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    for (let index = 0; index < 50; index += 1) {
      const forged = await token({ userId: '1', kid: `../../key-${index}`, privateKey });
      await expect(verify(forged)).rejects.toThrow(TokenRefusedError);
    }
    expect(fetchCount).toBeLessThanOrEqual(2);
  });

  test('that cannot be fetched again is good enough', async () => {
    const signer = await newSigner('known');
    const verify = tokenVerifier({ key: { jwksUrl: url } });
    await verify(await signer('1'));
    await closeServer();
    expect(await verify(await signer('2'))).toMatchObject({ userId: 2 });
  });

  test('that was never there says nothing about a token', async () => {
    const signer = await newSigner('unreachable');
    const verify = tokenVerifier({ key: { jwksUrl: url } });
    await closeServer();
    const error: unknown = await verify(await signer('1')).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'UNAVAILABLE' });
    expect(error).not.toBeInstanceOf(TokenRefusedError);
  });
});
