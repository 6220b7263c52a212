import type { Id, LockChange, LockError } from '@ticket-locks/lock-engine';

import { HoardingWatch } from './hoarding-watch.js';
import { ipKey, userKey, userOfKey } from './peer-counts.js';
import type { RequestEvent } from './protocol.js';
import { RateLimiter } from './rate-limiter.js';
import type { SocketLimits } from './socket-limits.js';

/** What asks to come through: as much as is known before the payload is read. */
export interface GateRequest {
  readonly event: RequestEvent | undefined;
  readonly nowMs: number;
  readonly socketId: string;
  readonly ip: string;
  readonly userId: Id;
  /** Whom the payload names; `undefined` when it names nobody. */
  readonly claimedUserId: Id | undefined;
  readonly hasTokenEnded: boolean;
}

/** Requests that change something: they need a token that is still good. */
const MUTATING: ReadonlySet<RequestEvent | undefined> = new Set([
  'extend-lock',
  'lock-tickets',
  'unlock-tickets',
] as const);

export function isMutating(event: RequestEvent): boolean {
  return MUTATING.has(event);
}

/** The refusals that cost the store nothing, in the order of the codes. Shared by all sockets. */
export class RequestGate {
  readonly #messages: RateLimiter;
  readonly #locksOfUser: RateLimiter;
  readonly #locksOfIp: RateLimiter;
  readonly #hoarding: HoardingWatch;
  readonly #onTaken: (key: string) => void;

  /** `onTaken` hears of each lock request that counts, by user and by address. */
  constructor(limits: SocketLimits, onTaken: (key: string) => void = () => undefined) {
    this.#onTaken = onTaken;
    this.#messages = new RateLimiter({ max: limits.messagesPerSocketPerSecond, windowMs: 1000 });
    this.#locksOfUser = new RateLimiter({
      max: limits.lockRequestsPerUserPerMinute,
      windowMs: 60_000,
    });
    this.#locksOfIp = new RateLimiter({ max: limits.lockRequestsPerIpPerMinute, windowMs: 60_000 });
    this.#hoarding = new HoardingWatch(limits.hoardingCooldownMs);
  }

  onChange(change: LockChange): void {
    this.#hoarding.onChange(change);
  }

  /** Counts lock requests that came in on another instance. */
  noteTaken(key: string, count: number, nowMs: number): void {
    const userId = userOfKey(key);
    if (userId === undefined) this.#locksOfIp.note(key, count, nowMs);
    else this.#locksOfUser.note(userId, count, nowMs);
  }

  /** Counts the request and returns why it may not come through, if it may not. */
  refuse(request: GateRequest): LockError | undefined {
    const { event, nowMs, userId, claimedUserId } = request;
    const waitMs = this.#messages.take(request.socketId, nowMs);
    if (MUTATING.has(event) && request.hasTokenEnded) return { code: 'UNAUTHORIZED' };
    if (claimedUserId !== undefined && claimedUserId !== userId) return { code: 'FORBIDDEN' };
    if (waitMs > 0) return { code: 'RATE_LIMITED', retryAfterMs: waitMs };
    if (event !== 'lock-tickets') return undefined;
    const retryAfterMs =
      this.#hoarding.waitMs(userId, nowMs) ||
      this.#locksOfUser.take(userId, nowMs) ||
      this.#locksOfIp.take(ipKey(request.ip), nowMs);
    if (retryAfterMs > 0) return { code: 'RATE_LIMITED', retryAfterMs };
    this.#onTaken(userKey(userId));
    this.#onTaken(ipKey(request.ip));
    return undefined;
  }
}
