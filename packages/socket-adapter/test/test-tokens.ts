import type { Id } from '@ticket-locks/lock-engine';
import { SignJWT } from 'jose';

export const SECRET = 'a secret of the tests, long enough for HS256';

/** A token of our own signer, good for a minute unless it says otherwise. */
export async function tokenFor(userId: Id, { expiresInS = 60 } = {}): Promise<string> {
  return new SignJWT()
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(String(userId))
    .setExpirationTime(Math.floor(Date.now() / 1000) + expiresInS)
    .sign(new TextEncoder().encode(SECRET));
}
