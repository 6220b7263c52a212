import { canonicalId } from '@ticket-locks/lock-engine';
import type { Clock } from '@ticket-locks/lock-engine';
import { SignJWT } from 'jose';

import { json } from './http-answer.js';
import type { Route } from './http-server.js';
import type { TokenConfig } from './token-config.js';

const TOKEN_LIFE_S = 12 * 3600;

/** Signs a token for whoever is named: nobody is asked for a password. */
export function demoTokenRoute(tokens: TokenConfig, clock: Clock): Route {
  return async (query) => {
    const userId = canonicalId(query.get('userId') ?? undefined);
    if (userId === undefined) {
      const message = 'Name a user: /demo/token?userId=123';
      return json(400, { code: 'INVALID_REQUEST', field: 'userId', message });
    }
    const { key, issuer, audience, userClaim } = tokens;
    if (!('secret' in key)) {
      const message = 'Only who has the private key can sign tokens here';
      return json(404, { code: 'NOT_FOUND', message });
    }
    const expiresAtS = Math.floor(clock.nowMs() / 1000) + TOKEN_LIFE_S;
    const jwt = new SignJWT({ [userClaim]: String(userId) })
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .setExpirationTime(expiresAtS);
    if (issuer !== undefined) jwt.setIssuer(issuer);
    if (audience !== undefined) jwt.setAudience(audience);
    const token = await jwt.sign(new TextEncoder().encode(key.secret));
    return json(200, { token, userId, expiresAt: new Date(expiresAtS * 1000).toISOString() });
  };
}
