import { timingSafeEqual } from 'node:crypto';

import { hmacSha256 } from '@ticket-locks/lock-engine';
import type { Id } from '@ticket-locks/lock-engine';

const TOKEN_LENGTH_MAX = 256;
const SESSION_ID = /^[\x21-\x7E]{1,128}$/;

/**
 * Tokens that carry a session and vouch for it; the key is shared by all instances, so each of them
 * takes up the sessions of the others. They are not told from those of a store in one process.
 */
export class ResumeTokens {
  readonly #key: string;

  constructor(key: string) {
    this.#key = key;
  }

  issue(sessionId: string, userId: Id): string {
    return `${sessionId}.${hmacSha256(this.#key, JSON.stringify([sessionId, userId]))}`;
  }

  /** The session of a token that was issued to this user, else `undefined`. */
  sessionOf(token: unknown, userId: Id): string | undefined {
    if (typeof token !== 'string' || token.length > TOKEN_LENGTH_MAX) return undefined;
    const sessionId = token.slice(0, Math.max(0, token.lastIndexOf('.')));
    if (!SESSION_ID.test(sessionId)) return undefined;
    return isEqual(token, this.issue(sessionId, userId)) ? sessionId : undefined;
  }
}

function isEqual(given: string, wanted: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)];
  return a.length === b.length && timingSafeEqual(a, b);
}
