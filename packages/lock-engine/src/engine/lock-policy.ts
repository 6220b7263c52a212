/** What the engine allows. Every duration is in milliseconds; limits may be `Infinity`. */
export interface LockPolicy {
  /** Default 300,000 (5 minutes). A lock's life. 1 to a year. */
  readonly ttlMs: number;
  /** Default 10. Most tickets in one lock. 1 to `Infinity`. */
  readonly ticketsPerLockMax: number;
  /** Default 20. Most active locks of one user in one event. 1 to `Infinity`. */
  readonly locksPerUserMax: number;
  /**
   * Default `Infinity`. Most tickets, locked and confirmed here, of one user in one event. 1 to
   * `Infinity`.
   */
  readonly ticketsPerUserPerEventMax: number;
  /** Default 3. How often a buyer may extend one lock. 0 to `Infinity`. */
  readonly extensionsMax: number;
  /**
   * Default 3,600,000 (1 hour). How long after its creation an extension or payment may move a
   * lock's end. 1 to `Infinity`.
   */
  readonly lockAgeMsMax: number;
  /**
   * Default 900,000 (15 minutes). How long `beginPayment` gives, when it is not told. 1 to a year.
   */
  readonly paymentTtlMs: number;
  /** Default `reject`. Whether a confirm may take fresh tickets for a lock that has expired. */
  readonly lateConfirm: 'reject' | 'if-available';
  /**
   * Default 600,000 (10 minutes). How long after its end a lock may be confirmed late. 0 to
   * `Infinity`.
   */
  readonly lateConfirmWindowMs: number;
  /**
   * Default 60,000. How long before its end a lock is reported as expiring; 0 turns it off. A lock
   * that lives no longer than this is reported at once. 0 to a year.
   */
  readonly expiringNoticeMs: number;
  /**
   * Default 86,400,000 (a day). How long ended locks and request ids are remembered. 1 to
   * `Infinity`.
   */
  readonly endedLockRetentionMs: number;
  /**
   * Default 1,000,000. Most ended locks remembered; the oldest are forgotten first. 0 to
   * `Infinity`.
   */
  readonly endedLocksMax: number;
  /**
   * Default 1,000,000. Most request ids remembered; the oldest are forgotten first. 0 to
   * `Infinity`.
   */
  readonly requestsMax: number;
}

export const DEFAULT_LOCK_POLICY: LockPolicy = {
  ttlMs: 300_000,
  ticketsPerLockMax: 10,
  locksPerUserMax: 20,
  ticketsPerUserPerEventMax: Infinity,
  extensionsMax: 3,
  lockAgeMsMax: 3_600_000,
  paymentTtlMs: 900_000,
  lateConfirm: 'reject',
  lateConfirmWindowMs: 600_000,
  expiringNoticeMs: 60_000,
  endedLockRetentionMs: 86_400_000,
  endedLocksMax: 1_000_000,
  requestsMax: 1_000_000,
};

/** The longest life: a year. */
export const TTL_MS_MAX = 365 * 86_400_000;

const BOUNDS = {
  ttlMs: [1, TTL_MS_MAX],
  ticketsPerLockMax: [1, Infinity],
  locksPerUserMax: [1, Infinity],
  ticketsPerUserPerEventMax: [1, Infinity],
  extensionsMax: [0, Infinity],
  lockAgeMsMax: [1, Infinity],
  paymentTtlMs: [1, TTL_MS_MAX],
  lateConfirmWindowMs: [0, Infinity],
  expiringNoticeMs: [0, TTL_MS_MAX],
  endedLockRetentionMs: [1, Infinity],
  endedLocksMax: [0, Infinity],
  requestsMax: [0, Infinity],
} satisfies Record<Exclude<keyof LockPolicy, 'lateConfirm'>, readonly [number, number]>;

/**
 * Returns the whole policy, with defaults for what is not given.
 *
 * Throws `RangeError` or `TypeError` that names the option, the value and the bound.
 */
export function resolvePolicy(options: Partial<LockPolicy> = {}): LockPolicy {
  const policy: LockPolicy = { ...DEFAULT_LOCK_POLICY, ...withoutUndefined(options) };
  for (const [name, value] of Object.entries(policy)) {
    if (!isBounded(name)) continue;
    const [min, max] = BOUNDS[name];
    const isCount = Number.isSafeInteger(value) || value === Infinity;
    if (typeof value !== 'number' || !isCount || value < min || value > max) {
      throw new RangeError(
        `policy.${name} must be an integer from ${min} to ${max}, got ${String(value)}`,
      );
    }
  }
  if (policy.lateConfirm !== 'reject' && policy.lateConfirm !== 'if-available') {
    throw new TypeError(
      `policy.lateConfirm must be 'reject' or 'if-available', got ${String(policy.lateConfirm)}`,
    );
  }
  return policy;
}

function isBounded(name: string): name is keyof typeof BOUNDS {
  return name in BOUNDS;
}

function withoutUndefined(options: Partial<LockPolicy>): Partial<LockPolicy> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
