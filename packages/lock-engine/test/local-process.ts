import { afterEach, expect } from 'vitest';

import { LocalTicketLocks } from '../src/index.js';
import type { LockChange, LockLedger, LockPolicy, Outcome } from '../src/index.js';
import { countingIds } from '../src/testing/counting-ids.js';
import { ManualClock, settled } from '../src/testing/manual-clock.js';
import { ManualInventory } from '../src/testing/manual-inventory.js';
import type { WaitingLedger } from '../src/testing/memory-ledger.js';

export interface LocalProcessOptions {
  readonly ledger: LockLedger;
  readonly clock?: ManualClock;
  readonly policy?: Partial<LockPolicy>;
  readonly disconnectGraceMs?: number;
}

/** Ids go on from one process to the next, as random ones would. */
const ids = countingIds();

let open: LocalProcess[] = [];

afterEach(async () => {
  for (const { locks, ledger } of open) {
    // Whatever a failed test left waiting, would be waited for.
    if ('letGo' in ledger) (ledger as WaitingLedger).letGo();
    await locks.stop().catch(() => undefined);
  }
  open = [];
});

/** A store on a ledger with everything that it tells. One event (1) has seats (2), five of them. */
export class LocalProcess {
  readonly clock: ManualClock;
  readonly source = new ManualInventory().set(1, { categoryId: 2, capacity: 5, soldElsewhere: 0 });
  readonly locks: LocalTicketLocks;
  readonly ledger: LockLedger;
  readonly changes: LockChange[] = [];
  readonly failures: Error[] = [];

  constructor(options: LocalProcessOptions) {
    this.clock = options.clock ?? new ManualClock(1_000_000);
    this.ledger = options.ledger;
    this.locks = new LocalTicketLocks({
      ledger: options.ledger,
      source: this.source,
      policy: { ttlMs: 600_000, expiringNoticeMs: 0, ...options.policy },
      disconnectGraceMs: options.disconnectGraceMs ?? 15_000,
      clock: this.clock,
      timers: this.clock,
      ids,
    });
    this.locks.on('change', (change) => this.changes.push(change));
    this.locks.on('failure', (error) => this.failures.push(error));
    open.push(this);
  }

  static async started(options: LocalProcessOptions): Promise<LocalProcess> {
    const local = new LocalProcess(options);
    await local.locks.start();
    return local;
  }

  /** Asks for seats in the session of the user's name. */
  ask(userId: string, quantity = 1, requestId?: string) {
    const sessionId = `session of ${userId}`;
    return this.locks.lock({
      eventId: 1,
      categoryId: 2,
      quantity,
      userId,
      sessionId,
      ...(requestId !== undefined && { requestId }),
    });
  }

  /** The kinds of what was told of locks. */
  get told(): string[] {
    return this.changes.filter((change) => 'lockId' in change).map((change) => change.type);
  }
}

export function valueOf<Value>(outcome: Outcome<Value>): Value {
  if (!outcome.ok) throw new Error(`refused with ${JSON.stringify(outcome.error)}`);
  return outcome.value;
}

export function codeOf(outcome: Outcome<unknown>): string {
  return outcome.ok ? 'ok' : outcome.error.code;
}

/** Expects that none of the promises is settled by what is ready to run. */
export async function expectToWait(promises: Readonly<Record<string, Promise<unknown>>>) {
  const left: string[] = [];
  for (const [name, promise] of Object.entries(promises)) {
    const leave = () => left.push(name);
    promise.then(leave, leave);
  }
  await settled();
  expect(left).toEqual([]);
}
