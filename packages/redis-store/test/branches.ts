import type {
  DecisionLedger,
  InventorySource,
  LockChange,
  LockPolicy,
  Outcome,
  TicketLocks,
} from '@ticket-locks/lock-engine';
import { randomIds } from '@ticket-locks/lock-engine';
import { ManualInventory } from '@ticket-locks/lock-engine/testing';
import { Redis } from 'ioredis';

import { RedisTicketLocks } from '../src/redis-ticket-locks.js';
import { deleteKeys, manualLibrary, newPrefix, redisUrl } from './redis-server.js';
import { ServerClock } from './server-clock.js';

export interface BranchesOptions {
  readonly policy?: Partial<LockPolicy>;
  readonly capacity?: number;
  readonly source?: InventorySource;
  readonly decisions?: (branch: number) => DecisionLedger;
}

/** One instance of the store, with what it told. */
export interface Branch {
  readonly name: string;
  readonly locks: TicketLocks;
  readonly changes: LockChange[];
}

export const GRACE_MS = 15_000;
export const LEASE_MS = 5_000;
const TTL_MS = 60_000;
/** Virtual time does not pass while a busy machine answers. */
const PATIENCE_MS = 30_000;

/** Several instances of one store on one Redis, in virtual time. */
export class Branches {
  readonly redis = new Redis(redisUrl());
  readonly prefix = newPrefix();
  readonly clock = new ServerClock(this.redis, this.prefix);
  readonly source: ManualInventory;
  readonly #options: BranchesOptions;
  readonly #stores: RedisTicketLocks[] = [];

  constructor(options: BranchesOptions = {}) {
    this.#options = options;
    const { capacity = 10 } = options;
    this.source = new ManualInventory().set(1, { categoryId: 2, capacity, soldElsewhere: 0 });
    this.clock.inFlight = () => this.#stores.reduce((sum, store) => sum + store.inFlight, 0);
  }

  async open(count: number): Promise<Branch[]> {
    await this.clock.set(this.clock.nowMs());
    const branches: Branch[] = [];
    for (let made = 0; made < count; made += 1) branches.push(await this.#open());
    return branches;
  }

  async close(): Promise<void> {
    await Promise.all(this.#stores.map((store) => store.stop()));
    this.redis.disconnect();
  }

  /** Everything that Redis keeps of this store is gone, as after an empty restart. */
  async lose(): Promise<void> {
    await deleteKeys(this.redis, `${this.prefix}:`);
  }

  /** Cuts the connections by which the instances hear of changes. */
  async cutNews(): Promise<void> {
    const clients = String(await this.redis.client('LIST'));
    for (const line of clients.split('\n').filter((one) => one.includes(`${this.prefix}:news`))) {
      const id = /\bid=(\d+)/.exec(line)?.[1] ?? '';
      await this.redis.call('CLIENT', 'KILL', 'ID', id);
    }
  }

  async #open(): Promise<Branch> {
    const { policy, decisions } = this.#options;
    const index = this.#stores.length;
    const name = `branch ${index}`;
    const ledger = decisions?.(index);
    const store = new RedisTicketLocks(
      {
        url: redisUrl(),
        prefix: this.prefix,
        source: this.#options.source ?? this.source,
        policy: { ttlMs: TTL_MS, expiringNoticeMs: 0, ticketsPerLockMax: 10, ...policy },
        disconnectGraceMs: GRACE_MS,
        presenceLeaseMs: LEASE_MS,
        timeoutMs: PATIENCE_MS,
        clock: this.clock,
        timers: this.clock.timersOf(name),
        ids: randomIds(),
        ...(ledger !== undefined && { decisions: ledger }),
      },
      manualLibrary(),
    );
    this.#stores.push(store);
    const changes: LockChange[] = [];
    store.on('change', (change) => changes.push(change));
    await store.start();
    return { name, locks: store, changes };
  }
}

export function wish(userId: string, sessionId = `session of ${userId}`, quantity = 1) {
  return { eventId: 1, categoryId: 2, quantity, userId, sessionId };
}

export function valueOf<Value>(outcome: Outcome<Value>): Value {
  if (!outcome.ok) throw new Error(`refused with ${JSON.stringify(outcome.error)}`);
  return outcome.value;
}

export function codeOf(outcome: Outcome<unknown>): string {
  return outcome.ok ? 'ok' : outcome.error.code;
}

/** The kinds of the changes about a lock, as an instance told them. */
export function historyOf({ changes }: Branch, lockId: string): string[] {
  return changes.filter((one) => 'lockId' in one && one.lockId === lockId).map(({ type }) => type);
}
