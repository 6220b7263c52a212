import { canonicalId } from '@ticket-locks/lock-engine';
import type { Clock } from '@ticket-locks/lock-engine';
import { SignJWT } from 'jose';

import type { HttpAnswer, Route } from './http-server.js';
import { json } from './http-server.js';
import type { DescribedEvent } from './inventory.js';
import { readStaticFiles } from './static-files.js';
import type { TokenConfig } from './token-config.js';

export interface DemoOptions {
  readonly tokens: TokenConfig;
  readonly events: readonly DescribedEvent[];
  /** Where the built demo page is, if it was built. */
  readonly pageFolder: string;
  readonly clock: Clock;
}

const TOKEN_LIFE_S = 12 * 3600;

/** The demo page, what it shows, and tokens for whoever one wants to be. Not for production. */
export function demoRoutes(options: DemoOptions): ReadonlyMap<string, Route> {
  const routes = new Map<string, Route>();
  for (const [path, { type, content }] of readStaticFiles(options.pageFolder)) {
    routes.set(path, async () => ({ status: 200, type, body: content }));
  }
  routes.set('/demo/token', (query) => tokenAnswer(options, query));
  routes.set('/demo/events', async () => json(200, { events: options.events }));
  return routes;
}

async function tokenAnswer(
  { tokens, clock }: DemoOptions,
  query: URLSearchParams,
): Promise<HttpAnswer> {
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
}
