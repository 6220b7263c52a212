import type { LockPolicy } from '@ticket-locks/lock-engine';

/** Stands for no limit: JSON has no infinity, and nothing is counted so far. */
const UNLIMITED = 1e300;

export interface PolicyExtras {
  /** Whether a ledger decides what is sold; default not. */
  readonly decidesElsewhere?: boolean;
  /** Entries of an event's stream at most; default as many as the functions keep by themselves. */
  readonly streamMax?: number | undefined;
}

/** The policy as the functions take it, and what else all of them must know. */
export function policyText(policy: LockPolicy, extras: PolicyExtras = {}): string {
  const { decidesElsewhere = false, streamMax } = extras;
  return JSON.stringify({ ...policy, decidesElsewhere, streamMax }, (_, value: unknown) =>
    value === Infinity ? UNLIMITED : value,
  );
}
