import type { Id } from '@ticket-locks/lock-engine';

import { ipKey, userKey } from './peer-counts.js';
import type { PeerCounts } from './peer-counts.js';
import { RateLimiter } from './rate-limiter.js';
import type { SocketLimits } from './socket-limits.js';

/**
 * When one that found no place may ask again: places become free when somebody leaves, and nobody
 * knows when.
 */
const RETRY_AFTER_MS = 5000;

/** A socket's place. Giving it back twice is giving it back once. */
export interface Place {
  /** Counts the socket for its user. Returns 0, or after how many milliseconds to try again. */
  takeForUser(userId: Id): number;
  giveBack(): void;
}

export type PlaceTaken =
  | { readonly ok: true; readonly place: Place }
  | { readonly ok: false; readonly retryAfterMs: number };

/** What the other instances have, and are told. */
export type PlacesElsewhere = Pick<PeerCounts, 'elsewhere' | 'set'>;

const NOTHING_ELSEWHERE: PlacesElsewhere = { elsewhere: () => 0, set: () => undefined };

/**
 * Counts sockets: all of this instance, and by address and by user those of every instance.
 * Addresses count before the token is looked at, which costs more.
 */
export class ConnectionPlaces {
  readonly #limits: SocketLimits;
  readonly #handshakes: RateLimiter;
  readonly #byIp = new Map<string, number>();
  readonly #byUser = new Map<Id, number>();
  readonly #elsewhere: PlacesElsewhere;
  #total = 0;

  constructor(limits: SocketLimits, elsewhere = NOTHING_ELSEWHERE) {
    this.#limits = limits;
    this.#elsewhere = elsewhere;
    this.#handshakes = new RateLimiter({ max: limits.handshakesPerIpPerSecond, windowMs: 1000 });
  }

  /** Users with at least one socket here. */
  get userCount(): number {
    return this.#byUser.size;
  }

  /** Sockets of the user here. */
  countOf(userId: Id): number {
    return this.#byUser.get(userId) ?? 0;
  }

  /** Takes a place for a socket that asks to come in. */
  take(ip: string, nowMs: number): PlaceTaken {
    const { connectionsMax, connectionsPerIpMax } = this.#limits;
    const waitMs = this.#handshakes.take(ip, nowMs);
    if (waitMs > 0) return { ok: false, retryAfterMs: waitMs };
    const isFull =
      isAtLimit(this.#total, connectionsMax) ||
      isAtLimit(
        (this.#byIp.get(ip) ?? 0) + this.#elsewhere.elsewhere(ipKey(ip)),
        connectionsPerIpMax,
      );
    if (isFull) return { ok: false, retryAfterMs: RETRY_AFTER_MS };
    this.#total += 1;
    this.#addIp(ip, 1);
    return { ok: true, place: this.#placeOf(ip) };
  }

  #placeOf(ip: string): Place {
    let user: Id | undefined;
    let isTaken = true;
    return {
      takeForUser: (userId) => {
        if (!isTaken) return 0;
        const { connectionsPerUserMax } = this.#limits;
        const count = this.countOf(userId) + this.#elsewhere.elsewhere(userKey(userId));
        if (isAtLimit(count, connectionsPerUserMax)) return RETRY_AFTER_MS;
        user = userId;
        this.#addUser(userId, 1);
        return 0;
      },
      giveBack: () => {
        if (!isTaken) return;
        isTaken = false;
        this.#total -= 1;
        this.#addIp(ip, -1);
        if (user !== undefined) this.#addUser(user, -1);
      },
    };
  }

  #addIp(ip: string, difference: number): void {
    this.#elsewhere.set(ipKey(ip), add(this.#byIp, ip, difference));
  }

  #addUser(userId: Id, difference: number): void {
    this.#elsewhere.set(userKey(userId), add(this.#byUser, userId, difference));
  }
}

function isAtLimit(count: number, max: number): boolean {
  return max > 0 && count >= max;
}

/** Keys without a count are not kept: their number is what outsiders choose. */
function add<Key>(counts: Map<Key, number>, key: Key, difference: number): number {
  const count = (counts.get(key) ?? 0) + difference;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
  return count;
}
