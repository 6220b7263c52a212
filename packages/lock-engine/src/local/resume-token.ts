import type { Id } from '../engine/id.js';
import { isOpaqueId } from '../engine/id.js';
import type { Mac } from '../ports/clock.js';

/** The longest token that is looked at, in UTF-16 code units. */
const TOKEN_LENGTH_MAX = 256;

/**
 * Tokens that carry a session and vouch for it: `sessionId.mac(session, user)`.
 *
 * Nothing is stored for them: with the key, kept beside the ledger, every session can be taken up
 * again after a crash.
 */
export class ResumeTokens {
  readonly #mac: (sessionId: string, userId: Id) => string;

  constructor(key: string, mac: Mac) {
    this.#mac = (sessionId, userId) => mac(key, JSON.stringify([sessionId, userId]));
  }

  issue(sessionId: string, userId: Id): string {
    return `${sessionId}.${this.#mac(sessionId, userId)}`;
  }

  /** The session of a token that was issued to this user, else `undefined`. */
  sessionOf(token: unknown, userId: Id): string | undefined {
    if (typeof token !== 'string' || token.length > TOKEN_LENGTH_MAX) return undefined;
    const sessionId = token.slice(0, Math.max(0, token.lastIndexOf('.')));
    if (!isOpaqueId(sessionId)) return undefined;
    return isEqual(token, this.issue(sessionId, userId)) ? sessionId : undefined;
  }
}

/** Compares in a time that depends on the lengths only. */
function isEqual(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let index = 0; index < a.length; index += 1)
    difference |= a.charCodeAt(index) ^ b.charCodeAt(index);
  return difference === 0;
}
