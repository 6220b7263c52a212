import { randomKey } from '@ticket-locks/lock-engine';
import { tokenVerifier } from '@ticket-locks/socket-adapter';
import type { TokenKey } from '@ticket-locks/socket-adapter';

import type { Environment } from './environment.js';

export interface TokenConfig {
  readonly key: TokenKey;
  readonly issuer: string | undefined;
  readonly audience: string | undefined;
  readonly userClaim: string;
}

export interface TokenSurroundings {
  readonly isProduction: boolean;
  readonly isDemo: boolean;
  readonly notices: string[];
}

const KEYS = ['JWT_SECRET', 'JWT_PUBLIC_KEY', 'JWT_JWKS_URL'] as const;
/** HS256 is as strong as its secret, and should have as many bytes as it makes. */
const SECRET_BYTES_MIN = 32;

/** Reads who is believed. Without a key one is made for the run, but not in production. */
export function readTokenConfig(
  environment: Environment,
  surroundings: TokenSurroundings,
): TokenConfig {
  return {
    key: readKey(environment, surroundings),
    issuer: environment.text('JWT_ISSUER'),
    audience: environment.text('JWT_AUDIENCE'),
    userClaim: environment.text('JWT_USER_CLAIM') ?? 'sub',
  };
}

function readKey(environment: Environment, surroundings: TokenSurroundings): TokenKey {
  const given = KEYS.filter((name) => environment.text(name) !== undefined);
  const [name] = given;
  if (given.length > 1) environment.problem(`only one of ${given.join(' and ')} may be set`);
  if (name === undefined) return ownKey(environment, surroundings);
  const key = keyOf(name, environment, surroundings);
  try {
    // Whether it is a key is known only by trying.
    tokenVerifier({ key });
  } catch (error) {
    environment.problem(`${name}: ${(error as Error).message}`);
  }
  if (surroundings.isDemo && name !== 'JWT_SECRET') {
    surroundings.notices.push(`/demo/token cannot sign tokens: ${name} has only the public key`);
  }
  return key;
}

function keyOf(
  name: (typeof KEYS)[number],
  environment: Environment,
  { notices }: TokenSurroundings,
): TokenKey {
  const value = environment.text(name) ?? '';
  if (name === 'JWT_JWKS_URL') {
    return { jwksUrl: environment.url(name, ['https:', 'http:']) ?? '' };
  }
  // Environment files often have a PEM on one line.
  if (name === 'JWT_PUBLIC_KEY') return { publicKey: value.replaceAll(String.raw`\n`, '\n') };
  if (Buffer.byteLength(value) < SECRET_BYTES_MIN) {
    notices.push(
      `${name} has fewer than ${SECRET_BYTES_MIN} bytes: tokens can be forged by trying`,
    );
  }
  return { secret: value };
}

function ownKey(environment: Environment, { isProduction, notices }: TokenSurroundings): TokenKey {
  if (isProduction) environment.problem(`one of ${KEYS.join(', ')} must be set in production`);
  else notices.push('no JWT key is set: a secret was made for this run, tokens end with it');
  return { secret: randomKey() };
}
