import type { LockPolicy } from './lock-policy.js';

export interface LockEngineOptions {
  /**
   * The only clock: milliseconds since 1970. The engine reads it once per command, and does not
   * follow it back.
   */
  readonly clock: { nowMs(): number };
  /** Makes lock ids: unique, opaque, at least 128 random bits where they leave the process. */
  readonly ids: { lockId(): string };
  readonly policy?: Partial<LockPolicy> | undefined;
}

/** Throws `TypeError` that names what is missing. */
export function assertOptions(options: LockEngineOptions): void {
  if (typeof options?.clock?.nowMs !== 'function')
    throw new TypeError('clock.nowMs must be a function');
  if (typeof options.ids?.lockId !== 'function')
    throw new TypeError('ids.lockId must be a function');
}
