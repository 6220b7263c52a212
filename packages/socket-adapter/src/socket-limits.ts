/** What one buyer, one address and all together may ask for. 0 turns a limit off. */
export interface SocketLimits {
  /** Default 60. Lock requests of one user in a minute. */
  readonly lockRequestsPerUserPerMinute: number;
  /** Default 0. Lock requests from one address in a minute. */
  readonly lockRequestsPerIpPerMinute: number;
  /** Default 50. Messages on one socket in a second. */
  readonly messagesPerSocketPerSecond: number;
  /** Default 0. Handshakes from one address in a second. */
  readonly handshakesPerIpPerSecond: number;
  /** Default 20,000. Sockets at once. */
  readonly connectionsMax: number;
  /** Default 1,000. Sockets of one address at once. */
  readonly connectionsPerIpMax: number;
  /** Default 10. Sockets of one user at once. */
  readonly connectionsPerUserMax: number;
  /** Default 0. Pause of a user whose locks expire again and again, in milliseconds. */
  readonly hoardingCooldownMs: number;
}

export const DEFAULT_SOCKET_LIMITS: SocketLimits = {
  lockRequestsPerUserPerMinute: 60,
  lockRequestsPerIpPerMinute: 0,
  messagesPerSocketPerSecond: 50,
  handshakesPerIpPerSecond: 0,
  connectionsMax: 20_000,
  connectionsPerIpMax: 1000,
  connectionsPerUserMax: 10,
  hoardingCooldownMs: 0,
};

/**
 * Returns the whole set, with defaults for what is not given.
 *
 * Throws `RangeError` that names the limit, its value and its bound.
 */
export function resolveLimits(options: Partial<SocketLimits> = {}): SocketLimits {
  const limits: SocketLimits = { ...DEFAULT_SOCKET_LIMITS, ...options };
  for (const [name, value] of Object.entries(limits)) {
    if (Number.isSafeInteger(value) && value >= 0) continue;
    throw new RangeError(`limits.${name} must be an integer from 0 on, got ${String(value)}`);
  }
  return limits;
}
