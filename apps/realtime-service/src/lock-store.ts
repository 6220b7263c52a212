import { LocalTicketLocks } from '@ticket-locks/lock-engine';
import type {
  ChangeOutbox,
  Clock,
  InventorySource,
  TicketLocks,
  Timers,
} from '@ticket-locks/lock-engine';
import { RedisPeers, RedisTicketLocks } from '@ticket-locks/redis-store';
import type { Peers } from '@ticket-locks/socket-adapter';
import { PostgresDecisionLedger } from '@ticket-locks/sql-ledger/postgres';

import type { Config } from './config.js';
import { createLedger } from './ledger.js';
import type { ServiceLog } from './service-log.js';
import type { LedgerConfig, RedisStoreConfig } from './store-config.js';

/** The ticket locks of this instance, and what comes with where they are. */
export interface LockStore {
  readonly locks: TicketLocks;
  /** The other instances of the service; unset where there can be none. */
  readonly peers: Peers | undefined;
  /** Keeps changes until RabbitMQ has them; unset where nothing does. */
  readonly outbox: ChangeOutbox | undefined;
  /** Whether buyers can be served. */
  readonly isAvailable: boolean;
  /** Which memory of Redis is in force; unset where there is no Redis. */
  readonly epoch: number | undefined;
  /** Rejects when the store cannot be had. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface LockStoreOptions {
  readonly config: Config;
  readonly source: InventorySource;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: ServiceLog;
}

/** Makes the store that the configuration names. */
export function createLockStore(options: LockStoreOptions): LockStore {
  const { store } = options.config;
  return store.kind === 'redis'
    ? new RedisLockStore(options, store)
    : new ProcessLockStore(options, store.ledger);
}

/** Locks in this process, as far as they are kept in its ledger. */
class ProcessLockStore implements LockStore {
  readonly locks: LocalTicketLocks;
  readonly outbox: ChangeOutbox | undefined;
  readonly peers = undefined;
  readonly epoch = undefined;
  readonly isAvailable = true;
  readonly #log: ServiceLog;

  constructor(options: LockStoreOptions, ledgerConfig: LedgerConfig) {
    const { config, log } = options;
    this.#log = log;
    const ledger = createLedger(ledgerConfig, { log, outbox: config.amqp !== undefined });
    this.outbox = ledger;
    this.locks = new LocalTicketLocks({
      ...shared(options),
      ...(ledger !== undefined && { ledger }),
    });
  }

  async start(): Promise<void> {
    await this.locks.start();
    const { recovery } = this.locks;
    if (recovery === undefined) return;
    this.#log.info(recovery, 'the ledger was read');
    const { clockMovedBackMs } = recovery;
    if (clockMovedBackMs === 0) return;
    this.#log.warn(
      { clockMovedBackMs },
      'the clock stands behind the ledger: time goes on from the newest change',
    );
  }

  stop(): Promise<void> {
    return this.locks.stop();
  }
}

/** Locks in Redis, for all instances; what is sold is in PostgreSQL where there is one. */
class RedisLockStore implements LockStore {
  readonly locks: RedisTicketLocks;
  readonly peers: RedisPeers;
  readonly outbox: ChangeOutbox | undefined;
  readonly #decisions: PostgresDecisionLedger | undefined;

  constructor(options: LockStoreOptions, { url, prefix, databaseUrl }: RedisStoreConfig) {
    this.#decisions =
      databaseUrl === undefined ? undefined : new PostgresDecisionLedger({ url: databaseUrl });
    this.peers = new RedisPeers({ url, prefix });
    this.locks = new RedisTicketLocks({
      ...shared(options),
      url,
      prefix,
      outbox: options.config.amqp !== undefined,
      ...(this.#decisions !== undefined && { decisions: this.#decisions }),
    });
    this.outbox = this.locks.outbox;
  }

  get isAvailable(): boolean {
    return this.locks.isAvailable;
  }

  get epoch(): number {
    return this.locks.epoch;
  }

  async start(): Promise<void> {
    await this.locks.start();
    await this.peers.start();
  }

  async stop(): Promise<void> {
    await this.locks.stop();
    this.peers.stop();
    await this.#decisions?.close();
  }
}

/** What every store is told alike. */
function shared({ config, source, clock, timers }: LockStoreOptions) {
  return {
    source,
    inventoryRefreshMs: config.inventoryRefreshMs,
    inventoryStaleAfterMs: config.inventoryStaleAfterMs,
    policy: config.policy,
    disconnectGraceMs: config.disconnectGraceMs,
    cleanupIntervalMs: config.cleanupIntervalMs,
    clock,
    timers,
  };
}
