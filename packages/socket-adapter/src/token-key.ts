import { createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

import type { Clock } from '@ticket-locks/lock-engine';
import { createLocalJWKSet, createRemoteJWKSet, errors } from 'jose';
import type { JWTVerifyGetKey } from 'jose';

/**
 * What tokens are signed with. Each kind has its own list of algorithms: a token cannot choose
 * another.
 */
export type TokenKey =
  /** HS256, shared with who signs. */
  | { readonly secret: string }
  /** PEM: RSA is RS256, P-256 is ES256, Ed25519 is EdDSA. */
  | { readonly publicKey: string }
  /** A key set, fetched on need and again for a key that it did not have: RS256, ES256, EdDSA. */
  | { readonly jwksUrl: string };

export interface ResolvedKey {
  readonly algorithms: string[];
  readonly getKey: JWTVerifyGetKey;
}

/** The keys cannot be had: nothing is known about the token. */
export class KeysUnavailableError extends Error {
  readonly code = 'UNAVAILABLE';

  constructor(cause: unknown) {
    super('the key set cannot be fetched', { cause });
    this.name = 'KeysUnavailableError';
  }
}

const FETCH_TIMEOUT_MS = 2000;
/** At most one fetch in this time, however many tokens name keys that are not there. */
const FETCH_COOLDOWN_MS = 30_000;
/** A key that was taken out of the set is refused after this time at the latest. */
const FETCHED_FOR_MS = 600_000;

/** Throws `TypeError` when the key is none. */
export function resolveKey(key: TokenKey, clock: Clock): ResolvedKey {
  if ('secret' in key) return secretKey(key.secret);
  if ('publicKey' in key) return publicKey(key.publicKey);
  return { algorithms: ['RS256', 'ES256', 'EdDSA', 'Ed25519'], getKey: keySet(key.jwksUrl, clock) };
}

function secretKey(secret: string): ResolvedKey {
  if (secret === '') throw new TypeError('the secret must not be empty');
  const bytes = new TextEncoder().encode(secret);
  return { algorithms: ['HS256'], getKey: async () => bytes };
}

function publicKey(pem: string): ResolvedKey {
  if (pem.includes('PRIVATE KEY'))
    throw new TypeError('the key must be the public one, not private');
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch (cause) {
    throw new TypeError('the public key must be a PEM', { cause });
  }
  return { algorithms: algorithmsOf(key), getKey: async () => key };
}

function algorithmsOf(key: KeyObject): string[] {
  const { modulusLength = 0, namedCurve } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'rsa' && modulusLength >= 2048) return ['RS256'];
  if (key.asymmetricKeyType === 'ec' && namedCurve === 'prime256v1') return ['ES256'];
  if (key.asymmetricKeyType === 'ed25519') return ['EdDSA', 'Ed25519'];
  throw new TypeError('the public key must be RSA of at least 2048 bits, P-256 or Ed25519');
}

/**
 * Keys known before are good enough while the set cannot be fetched; then it is not asked again for
 * a while.
 */
function keySet(url: string, clock: Clock): JWTVerifyGetKey {
  const fetched = createRemoteJWKSet(new URL(url), {
    timeoutDuration: FETCH_TIMEOUT_MS,
    cooldownDuration: FETCH_COOLDOWN_MS,
    cacheMaxAge: FETCHED_FOR_MS,
  });
  let fetchAgainAtMs = -Infinity;
  return async (header, token) => {
    const isResting = clock.nowMs() < fetchAgainAtMs;
    try {
      if (!isResting) return await fetched(header, token);
    } catch (error) {
      if (isAboutToken(error)) throw error;
      fetchAgainAtMs = clock.nowMs() + FETCH_COOLDOWN_MS;
      if (fetched.jwks() === undefined) throw new KeysUnavailableError(error);
    }
    const known = fetched.jwks();
    if (known === undefined) throw new KeysUnavailableError(undefined);
    return createLocalJWKSet(known)(header, token);
  };
}

function isAboutToken(error: unknown): boolean {
  return (
    error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys
  );
}
