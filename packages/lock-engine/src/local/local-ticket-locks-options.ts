import type { LockPolicy } from '../engine/lock-policy.js';
import type { Clock, IdSource, Mac, Timers } from '../ports/clock.js';
import type { InventorySource } from '../ports/inventory-source.js';
import type { LockLedger } from '../ports/lock-ledger.js';
import { hmacSha256, randomIds, systemClock, systemTimers } from '../ports/system.js';
import { durationOption } from './duration-option.js';

export interface LocalTicketLocksOptions {
  readonly source: InventorySource;
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
  /** Default none: memory only, nothing survives the process. */
  readonly ledger?: LockLedger;
  readonly clock?: Clock;
  readonly timers?: Timers;
  readonly ids?: IdSource;
  readonly mac?: Mac;
}

/**
 * Fills in what is not given. Throws `RangeError` that names the option, its value and its bound.
 */
export function resolveOptions(options: LocalTicketLocksOptions) {
  const duration = (
    name:
      | 'disconnectGraceMs'
      | 'cleanupIntervalMs'
      | 'inventoryRefreshMs'
      | 'inventoryStaleAfterMs',
    fallback: number,
    min: number,
  ) => durationOption(name, options[name] ?? fallback, min);
  return {
    disconnectGraceMs: duration('disconnectGraceMs', 15_000, 0),
    cleanupIntervalMs: duration('cleanupIntervalMs', 60_000, 1),
    inventoryRefreshMs: duration('inventoryRefreshMs', 5_000, 1),
    inventoryStaleAfterMs: duration('inventoryStaleAfterMs', 300_000, 1),
    clock: options.clock ?? systemClock(),
    timers: options.timers ?? systemTimers(),
    ids: options.ids ?? randomIds(),
    mac: options.mac ?? hmacSha256,
  };
}
