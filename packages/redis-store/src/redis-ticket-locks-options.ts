import { LockEngine, randomIds, systemClock, systemTimers } from '@ticket-locks/lock-engine';
import type {
  Clock,
  DecisionLedger,
  IdSource,
  InventorySource,
  LockPolicy,
  Timers,
} from '@ticket-locks/lock-engine';

import { addressesIn } from './redis-connection.js';

export interface RedisTicketLocksOptions {
  /**
   * `redis://` or `rediss://`, with user and password where they are needed. Some nodes of a
   * cluster, with commas: user, password and TLS of the first are those of all.
   */
  readonly url: string;
  /** Default `tl`. Begins every key; 1 to 32 letters, digits, `-` and `_`. */
  readonly prefix?: string;
  readonly source: InventorySource;
  /** The same for all instances. */
  readonly policy?: Partial<LockPolicy>;
  /**
   * Default 15,000. How long a session that lost its last socket keeps its locks; 0 gives them back
   * at once.
   */
  readonly disconnectGraceMs?: number;
  /** Default 60,000. How often ended locks past their retention are forgotten. */
  readonly cleanupIntervalMs?: number;
  /** Default 5,000. How often a polled source, or one that failed, is asked about events in use. */
  readonly inventoryRefreshMs?: number;
  /**
   * Default 300,000. How old an event's figures may get while the source fails, before nothing is
   * locked on them.
   */
  readonly inventoryStaleAfterMs?: number;
  /** Default 500. How long one call of Redis may take before its outcome is given up as unknown. */
  readonly timeoutMs?: number;
  /** Default 1,000. Calls that wait for Redis at most; more are refused at once. */
  readonly inFlightMax?: number;
  /** Default 5,000. After how long an instance that says nothing is taken for dead. */
  readonly presenceLeaseMs?: number;
  /**
   * Decides what is sold for good; opened and closed by its owner. Default none: Redis alone
   * decides, and what it forgets in a crash is forgotten, sales included.
   */
  readonly decisions?: DecisionLedger;
  /**
   * Default false. Whether a publisher tells the changes to others, by the store's `outbox`: what
   * was not told yet is kept then. The same for all instances.
   */
  readonly outbox?: boolean;
  /**
   * Default 100,000. Steps of an event that are kept for the publisher at most, about; the oldest
   * go first. A step is what one command changed, or several that were carried out together.
   */
  readonly unpublishedMax?: number;
  readonly clock?: Clock;
  readonly timers?: Timers;
  readonly ids?: IdSource;
}

type IntegerName = Extract<keyof RedisTicketLocksOptions, `${string}Ms` | `${string}Max`>;

const INTEGER_MAX = 2 ** 31 - 1;
const PREFIX = /^[A-Za-z0-9_-]{1,32}$/;
const DAY_MS = 86_400_000;

/**
 * Fills in what is not given. Throws `RangeError` or `TypeError` that names the option, its value
 * and its bound.
 */
export function resolveOptions(options: RedisTicketLocksOptions) {
  const { url, prefix = 'tl' } = options;
  assertPlace({ url, prefix });
  const integer = (name: IntegerName, fallback: number, min: number): number => {
    const value = options[name] ?? fallback;
    if (Number.isSafeInteger(value) && value >= min && value <= INTEGER_MAX) return value;
    throw new RangeError(`${name} must be an integer from ${min} to ${INTEGER_MAX}, got ${value}`);
  };
  const clock = options.clock ?? systemClock();
  const ids = options.ids ?? randomIds();
  // The engine resolves and checks a policy; it is asked for nothing else.
  const { policy } = new LockEngine({ clock, ids, policy: options.policy });
  return {
    url,
    prefix,
    source: options.source,
    decisions: options.decisions,
    policy,
    disconnectGraceMs: integer('disconnectGraceMs', 15_000, 0),
    cleanupIntervalMs: integer('cleanupIntervalMs', 60_000, 1),
    inventoryRefreshMs: integer('inventoryRefreshMs', 5_000, 1),
    inventoryStaleAfterMs: integer('inventoryStaleAfterMs', 300_000, 1),
    timeoutMs: integer('timeoutMs', 500, 1),
    inFlightMax: integer('inFlightMax', 1_000, 1),
    presenceLeaseMs: integer('presenceLeaseMs', 5_000, 1_001),
    outbox: options.outbox ?? false,
    unpublishedMax: integer('unpublishedMax', 100_000, 1),
    clock,
    timers: options.timers ?? systemTimers(),
    ids,
    horizonMs: horizonOf(policy),
  };
}

/** Throws `TypeError` that names the option, its value and its bound. */
export function assertPlace({ url, prefix }: { readonly url: string; readonly prefix: string }) {
  addressesIn(url);
  if (PREFIX.test(prefix)) return;
  throw new TypeError(`prefix must be 1 to 32 letters, digits, - and _, got ${prefix}`);
}

/** Longer than any lock can last; as far as extensions go on for ever, a year. */
function horizonOf({ ttlMs, paymentTtlMs, lockAgeMsMax }: LockPolicy): number {
  const longestMs = Math.max(ttlMs, paymentTtlMs, Math.min(lockAgeMsMax, 365 * DAY_MS));
  return longestMs + DAY_MS;
}
