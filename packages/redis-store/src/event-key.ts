import type { Id } from '@ticket-locks/lock-engine';
import { hmacSha256 } from '@ticket-locks/lock-engine';

/** What an event's tag may look like when it is the id itself. */
const PLAIN = /^[A-Za-z0-9_-]{1,40}$/;

/**
 * The event's part of keys and lock ids: the id itself where it is short and plain, else a hash of
 * it. Never empty, at most 41 characters, none of which means anything in a key.
 */
export function eventTag(eventId: Id): string {
  if (typeof eventId === 'number') return `n${eventId}`;
  if (PLAIN.test(eventId)) return `s${eventId}`;
  return `h${hmacSha256('event', eventId)}`.slice(0, 33);
}

/** The key of all that is kept of an event; the braces keep it in one slot. */
export function eventKey(prefix: string, tag: string): string {
  return `{${prefix}:${tag}}`;
}

/** What a lock id carries besides its random part. */
export interface LockRoute {
  readonly tag: string;
  readonly epoch: number;
}

/** A lock id that carries the event and the epoch of its grant: `<random>.<epoch>.<tag>`. */
export function routedLockId(random: string, { tag, epoch }: LockRoute): string {
  return `${random}.${epoch.toString(36)}.${tag}`;
}

/** The route in a lock id, or `undefined` when it is none of ours. */
export function routeOf(lockId: string): LockRoute | undefined {
  const match = /^.+\.([0-9a-z]{1,9})\.([nsh][A-Za-z0-9_-]{1,40})$/.exec(lockId);
  if (match === null) return undefined;
  const [, epoch = '', tag = ''] = match;
  return { tag, epoch: Number.parseInt(epoch, 36) };
}
