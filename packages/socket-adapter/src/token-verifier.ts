import { canonicalId, systemClock } from '@ticket-locks/lock-engine';
import type { Clock, Id } from '@ticket-locks/lock-engine';
import { jwtVerify } from 'jose';
import type { JWTHeaderParameters, JWTPayload } from 'jose';

import { hasDuplicateMember } from './duplicate-member.js';
import { KeysUnavailableError, resolveKey } from './token-key.js';
import type { TokenKey } from './token-key.js';

export interface TokenVerifierOptions {
  readonly key: TokenKey;
  /** Checked when set. */
  readonly issuer?: string | undefined;
  /** Checked when set. */
  readonly audience?: string | undefined;
  /** Default `sub`. The claim that names the user. */
  readonly userClaim?: string | undefined;
  readonly clock?: Clock;
}

/** Who a token is about, and until when. */
export interface VerifiedToken {
  readonly userId: Id;
  readonly expiresAtMs: number;
}

/**
 * Tells who a token is about. `toleranceMs` is for clocks that differ.
 *
 * Rejects with `TokenRefusedError`, or with anything else when nothing can be known about it now.
 */
export type VerifyToken = (
  token: unknown,
  options?: { readonly toleranceMs?: number },
) => Promise<VerifiedToken>;

export class TokenRefusedError extends Error {
  readonly code = 'UNAUTHORIZED';

  constructor(reason: string, cause?: unknown) {
    super(`the token is refused: ${reason}`, { cause });
    this.name = 'TokenRefusedError';
  }
}

const TOKEN_LENGTH_MAX = 4096;
const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]+$/;
/** The end of the year 9999, in seconds: what comes later cannot be written as ISO 8601. */
const EXP_MAX_S = 253_402_300_799;
/**
 * Access tokens only: refresh, logout and other tokens of the same signer say so in their header.
 */
const TYPES = new Set<unknown>([undefined, 'jwt', 'at+jwt', 'application/at+jwt']);

/** Returns the check for one kind of key. Throws `TypeError` when the key is none. */
export function tokenVerifier(options: TokenVerifierOptions): VerifyToken {
  const { issuer, audience, userClaim = 'sub', clock = systemClock() } = options;
  const { algorithms, getKey } = resolveKey(options.key, clock);
  return async (token, { toleranceMs = 0 } = {}) => {
    const compact = compactToken(token);
    const { payload, protectedHeader } = await jwtVerify(compact, getKey, {
      algorithms,
      requiredClaims: ['exp'],
      clockTolerance: toleranceMs / 1000,
      currentDate: new Date(clock.nowMs()),
      ...(issuer !== undefined && { issuer }),
      ...(audience !== undefined && { audience }),
    }).catch((error: unknown) => {
      if (error instanceof KeysUnavailableError) throw error;
      throw new TokenRefusedError(error instanceof Error ? error.message : 'not valid', error);
    });
    requireType(protectedHeader);
    return { userId: userOf(payload, userClaim), expiresAtMs: endOf(payload) };
  };
}

/**
 * Cheap checks before any cryptography: three parts of base64url in the one way in which they may
 * be written.
 */
function compactToken(token: unknown): string {
  if (typeof token !== 'string') throw new TokenRefusedError('there is none');
  if (token.length > TOKEN_LENGTH_MAX) throw new TokenRefusedError('too long');
  if (!COMPACT.test(token)) throw new TokenRefusedError('not a compact JWS');
  const parts = token.split('.').map((part) => Buffer.from(part, 'base64url'));
  const written = parts.map((part) => part.toString('base64url')).join('.');
  if (written !== token) throw new TokenRefusedError('not canonical base64url');
  const isAmbiguous = parts.slice(0, 2).some((part) => isAmbiguousJson(part.toString()));
  if (isAmbiguous) throw new TokenRefusedError('not plain JSON, or a member is there twice');
  return token;
}

function isAmbiguousJson(text: string): boolean {
  try {
    JSON.parse(text);
  } catch {
    return true;
  }
  return hasDuplicateMember(text);
}

function requireType({ typ }: JWTHeaderParameters): void {
  const type: unknown = typ;
  if (!TYPES.has(typeof type === 'string' ? type.toLowerCase() : type)) {
    throw new TokenRefusedError('it is not an access token');
  }
}

function userOf(payload: JWTPayload, claim: string): Id {
  const userId = Object.hasOwn(payload, claim) ? canonicalId(payload[claim]) : undefined;
  if (userId === undefined) throw new TokenRefusedError(`${claim} does not name a user`);
  return userId;
}

function endOf({ exp }: JWTPayload): number {
  if (exp === undefined || !(exp >= 0 && exp <= EXP_MAX_S)) {
    throw new TokenRefusedError('exp is not an instant');
  }
  return exp * 1000;
}
