import type { LockPolicy } from '@ticket-locks/lock-engine';

/** Stands for no limit: JSON has no infinity, and nothing is counted so far. */
const UNLIMITED = 1e300;

/** The policy as the functions take it, and whether a ledger decides what is sold. */
export function policyText(policy: LockPolicy, decidesElsewhere = false): string {
  return JSON.stringify({ ...policy, decidesElsewhere }, (_, value: unknown) =>
    value === Infinity ? UNLIMITED : value,
  );
}
