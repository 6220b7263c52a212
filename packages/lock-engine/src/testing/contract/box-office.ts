import { afterEach, expect } from 'vitest';

import type { Id } from '../../engine/id.js';
import type { LockChange } from '../../engine/lock-change.js';
import type { LockErrorCode } from '../../engine/lock-error.js';
import type { LockPolicy } from '../../engine/lock-policy.js';
import type { CategoryAvailability } from '../../engine/ticket-lock.js';
import type { InventorySource } from '../../ports/inventory-source.js';
import type { Outcome, TicketLocks } from '../../ports/ticket-locks.js';
import { ManualInventory } from '../manual-inventory.js';
import type { Supports } from './support.js';

/** What a store is made with. */
export interface TicketLocksSetup {
  readonly policy: Partial<LockPolicy>;
  readonly disconnectGraceMs: number;
  readonly source: InventorySource;
}

export interface TicketLocksUnderTest {
  /** Started. The contract stops it. */
  readonly locks: TicketLocks;
  /** The only clock of the store; a `ManualClock`, or what moves that of a server. */
  readonly clock: { nowMs(): number; advanceAsync(ms: number): Promise<void> };
  /** Lets go of what `stop` leaves. */
  readonly dispose?: () => void | Promise<void>;
}

export type TicketLocksFeature =
  | 'late confirm'
  /** Locks that end soon are reported before. */
  | 'expiring notice'
  /** Figures are asked for again when the source says that they changed. */
  | 'refresh'
  /** Of events that do not exist, only so many are remembered. */
  | 'bounded memory of unknown events'
  | 'settlement'
  /** Random commands come out as the reference model says. */
  | 'equality with the model';

export interface TicketLocksContract {
  /** Names the implementation in the titles. */
  readonly name: string;
  readonly create: (setup: TicketLocksSetup) => Promise<TicketLocksUnderTest>;
  readonly supports?: Supports<TicketLocksFeature>;
}

/** Makes the store that each test talks to, and lets go of it afterwards. */
export class BoxOffices {
  readonly #create: TicketLocksContract['create'];
  #open: TicketLocksUnderTest[] = [];

  constructor({ create }: TicketLocksContract) {
    this.#create = create;
    afterEach(async () => {
      for (const { locks, dispose } of this.#open) {
        await locks.stop();
        await dispose?.();
      }
      this.#open = [];
    });
  }

  /** A store with an event (1) that has seats (2), standing room (3) and boxes (4). */
  async open(policy: Partial<LockPolicy> = {}, disconnectGraceMs = 15_000) {
    const source = new ManualInventory().set(1, ...HALL).set('gala', ...HALL);
    const setup = { policy: { ...POLICY, ...policy }, disconnectGraceMs, source };
    const made = await this.#create(setup);
    this.#open.push(made);
    return new BoxOffice(made, source);
  }
}

const HALL = [
  { categoryId: 2, capacity: 5, soldElsewhere: 0 },
  { categoryId: 3, capacity: 100, soldElsewhere: 0 },
  { categoryId: 4, capacity: 2, soldElsewhere: 0 },
];

/** Lives of a minute, and no limit that a test does not ask for. */
const POLICY: Partial<LockPolicy> = {
  ttlMs: 60_000,
  ticketsPerLockMax: 10,
  expiringNoticeMs: 0,
  extensionsMax: Infinity,
  lockAgeMsMax: Infinity,
  paymentTtlMs: 120_000,
};

/** A store under test with everything that was told by it. */
export class BoxOffice {
  readonly locks: TicketLocks;
  readonly clock: TicketLocksUnderTest['clock'];
  readonly changes: LockChange[] = [];

  constructor(
    { locks, clock }: TicketLocksUnderTest,
    readonly source: ManualInventory,
  ) {
    this.locks = locks;
    this.clock = clock;
    locks.on('change', (change) => this.changes.push(change));
  }

  /** Locks seats for a user in the session of his name; throws on a refusal. */
  async locked(userId: Id, quantity = 1, categoryId: Id = 2, eventId: Id = 1) {
    const sessionId = `session of ${userId}`;
    return valueOf(await this.locks.lock({ eventId, categoryId, quantity, userId, sessionId }));
  }

  async figures(categoryId: Id = 2, eventId: Id = 1): Promise<CategoryAvailability> {
    const { categories } = valueOf(await this.locks.availability(eventId));
    const found = categories.find((category) => category.categoryId === categoryId);
    if (found === undefined) throw new Error(`category ${categoryId} is not there`);
    return found;
  }

  async available(categoryId: Id = 2, eventId: Id = 1): Promise<number> {
    return (await this.figures(categoryId, eventId)).available;
  }

  async statusOf(lockId: string): Promise<string | undefined> {
    return (await this.locks.lockById(lockId))?.status;
  }

  /** The kinds of the changes about a lock, in the order in which they were told. */
  historyOf(lockId: string): string[] {
    return this.changes
      .filter((change) => 'lockId' in change && change.lockId === lockId)
      .map((change) => change.type);
  }

  /** Runs an action and expects that it changes nothing that can be seen. */
  async unchangedBy<Value>(action: () => Promise<Value>): Promise<Value> {
    const before = [await this.locks.availability(1), await this.locks.availability('gala')];
    const value = await action();
    const after = [await this.locks.availability(1), await this.locks.availability('gala')];
    expect(after).toEqual(before);
    return value;
  }
}

export function valueOf<Value>(outcome: Outcome<Value>): Value {
  if (!outcome.ok) throw new Error(`refused with ${JSON.stringify(outcome.error)}`);
  return outcome.value;
}

export function codeOf(outcome: Outcome<unknown>): LockErrorCode | 'ok' {
  return outcome.ok ? 'ok' : outcome.error.code;
}

export function errorOf(outcome: Outcome<unknown>): unknown {
  return outcome.ok ? 'ok' : outcome.error;
}
