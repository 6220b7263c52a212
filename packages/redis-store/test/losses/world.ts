import type { Id, LockPolicy } from '@ticket-locks/lock-engine';
import { PostgresDecisionLedger } from '@ticket-locks/sql-ledger/postgres';
import { expect, vi } from 'vitest';

import { RedisTicketLocks } from '../../src/redis-ticket-locks.js';
import { PrivateServer } from '../private-server.js';
import { Journal, placeOf } from './journal.js';
import { databaseUrl, LedgerWitness, newSchema } from './ledger-witness.js';
import { nowMs } from './real-time.js';
import { TcpProxy } from './tcp-proxy.js';

interface Stock {
  readonly eventId: Id;
  /** Ids and capacities. */
  readonly categories: readonly (readonly [Id, number])[];
}

/** What is on sale: few tickets, wanted by many. */
export const STOCK: readonly Stock[] = [
  {
    eventId: 1,
    categories: [
      [1, 6],
      [2, 15],
    ],
  },
  {
    eventId: 2,
    categories: [
      [1, 10],
      [2, 25],
    ],
  },
  {
    eventId: 'gala',
    categories: [
      [1, 8],
      ['box', 4],
    ],
  },
];
/** Where it is tried whether tickets can be locked again: there are always enough. */
export const PROBE_EVENT = 9;
const PROBE_CAPACITY = 1_000_000;
export const STORE_COUNT = 3;
const CONNECTIONS_MAX = 4;
/** How often a store looks whether sales were returned without a word to Redis. */
const CLEANUP_MS = 1_000;

export interface WorldOptions {
  readonly policy: Partial<LockPolicy>;
  /** What the servers are started with. */
  readonly server: readonly string[];
  /** A second server follows the first. */
  readonly hasReplica: boolean;
}

/** Three stores on one Redis and one ledger of their own, each over links that can be disturbed. */
export class World {
  readonly journal = new Journal();
  readonly stores: RedisTicketLocks[] = [];
  /** One for each store. */
  readonly redisLinks: TcpProxy[] = [];
  readonly ledgerLinks: TcpProxy[] = [];
  readonly capacities = new Map<string, number>();
  /** Stores on a server that had lost its place for a while. */
  readonly doubtful = new Set<number>();
  readonly #options: WorldOptions;
  readonly #ledgers: PostgresDecisionLedger[] = [];
  #inForce: PrivateServer | undefined;
  #primary: PrivateServer | undefined;
  #replica: PrivateServer | undefined;
  #replicaLink: TcpProxy | undefined;
  #witness: LedgerWitness | undefined;

  private constructor(options: WorldOptions) {
    this.#options = options;
    for (const { eventId, categories } of STOCK) {
      for (const [categoryId, capacity] of categories)
        this.capacities.set(placeOf(eventId, categoryId), capacity);
    }
    this.capacities.set(placeOf(PROBE_EVENT, 1), PROBE_CAPACITY);
  }

  static async open(options: WorldOptions): Promise<World> {
    const world = new World(options);
    try {
      await world.#openServers();
      await world.#openStores();
    } catch (error) {
      await world.close();
      throw error;
    }
    return world;
  }

  get primary(): PrivateServer {
    return there(this.#primary);
  }

  get replica(): PrivateServer {
    return there(this.#replica);
  }

  /** The server that all stores should use. */
  get inForce(): PrivateServer {
    return this.#inForce ?? this.primary;
  }

  set inForce(server: PrivateServer) {
    this.#inForce = server;
  }

  /** Whether a store uses a server that another had taken the place of, and does not know yet. */
  isBehind(store: number): boolean {
    return this.doubtful.has(store) || this.redisLinks[store]?.target !== this.inForce.port;
  }

  /** The way by which the replica hears of what is written. */
  get replicaLink(): TcpProxy {
    return there(this.#replicaLink);
  }

  get witness(): LedgerWitness {
    return there(this.#witness);
  }

  /** What the ledgers of the stores say; the first is as good as any. */
  get ledger(): PostgresDecisionLedger {
    return there(this.#ledgers[0]);
  }

  async close(): Promise<void> {
    for (const link of [...this.redisLinks, ...this.ledgerLinks]) link.letGo();
    await Promise.all(this.stores.map((store) => store.stop()));
    await Promise.all(this.#ledgers.map((ledger) => ledger.close().catch(() => undefined)));
    const links = [...this.redisLinks, ...this.ledgerLinks];
    if (this.#replicaLink !== undefined) links.push(this.#replicaLink);
    await Promise.all(links.map((link) => link.close()));
    await Promise.all([this.#primary?.stop(), this.#replica?.stop(), this.#witness?.close()]);
  }

  async #openServers(): Promise<void> {
    const { server, hasReplica } = this.#options;
    // Otherwise a primary waits for seconds whether another replica comes.
    this.#primary = await PrivateServer.start(...server, '--repl-diskless-sync', 'no');
    if (!hasReplica) return;
    this.#replicaLink = await TcpProxy.open(this.#primary.port);
    const place = ['--replicaof', `127.0.0.1 ${this.#replicaLink.port}`];
    const { admin } = (this.#replica = await PrivateServer.start(...server, ...place));
    const isFollowed = async () =>
      expect(await admin.info('replication')).toContain('master_link_status:up');
    await vi.waitFor(isFollowed, { timeout: 10_000 });
  }

  async #openStores(): Promise<void> {
    const schema = newSchema();
    const { port } = new URL(databaseUrl());
    for (let index = 0; index < STORE_COUNT; index += 1) {
      const redisLink = await TcpProxy.open(this.primary.port);
      this.redisLinks.push(redisLink);
      const ledgerLink = await TcpProxy.open(Number(port === '' ? 5432 : port));
      this.ledgerLinks.push(ledgerLink);
      const ledgerUrl = new URL(databaseUrl());
      ledgerUrl.host = `127.0.0.1:${ledgerLink.port}`;
      const decisions = new PostgresDecisionLedger({
        url: ledgerUrl.href,
        schema,
        connectionsMax: CONNECTIONS_MAX,
      });
      this.#ledgers.push(decisions);
      // Other tests end connections of ledgers on the same server, theirs and ours.
      await vi.waitFor(() => decisions.load(), { timeout: 10_000 });
      const url = `redis://127.0.0.1:${redisLink.port}`;
      // A busy machine may be too slow for a start; the next try is another store.
      const open = () => this.#openStore(index, { url, decisions });
      this.stores.push(await vi.waitFor(open, { timeout: 20_000, interval: 200 }));
    }
    this.#witness = new LedgerWitness(schema);
  }

  async #openStore(
    index: number,
    place: { url: string; decisions: PostgresDecisionLedger },
  ): Promise<RedisTicketLocks> {
    const store = new RedisTicketLocks({
      ...place,
      source: { load: async (eventId) => inventoryOf(eventId) },
      policy: this.#options.policy,
      cleanupIntervalMs: CLEANUP_MS,
    });
    store.on('change', (change) => {
      this.journal.heard.push({ store: index, heardAtMs: nowMs(), change });
    });
    store.on('failure', (error) => this.#failed(index, error));
    await store.start();
    return store;
  }

  #failed(store: number, error: Error): void {
    this.journal.problems.push({
      rule: 'stuck',
      detail: `store ${store} failed: ${error.message}`,
    });
  }
}

function inventoryOf(eventId: unknown) {
  if (eventId === PROBE_EVENT) return { categories: [{ categoryId: 1, capacity: PROBE_CAPACITY }] };
  const event = STOCK.find((one) => one.eventId === eventId);
  return (
    event && {
      categories: event.categories.map(([categoryId, capacity]) => ({ categoryId, capacity })),
    }
  );
}

function there<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new TypeError('the world is not open, or has none of these');
  return value;
}
