import {
  administer,
  databaseUrl,
  newSchema,
} from '../../../packages/sql-ledger/test/test-database.js';
import {
  deleteKeys,
  newPrefix,
  redisUrl,
} from '../../../packages/redis-store/test/redis-server.js';
import { Redis } from 'ioredis';
import { vi } from 'vitest';

import { inventoryFile, SECRET, spawnService } from './service-process.js';
import type { ServiceProcess } from './service-process.js';

/** Several start at once, beside whatever else the machine has to do. */
const READY_MS = 40_000;

/** Several processes of the service on one Redis and one PostgreSQL, with nobody else in them. */
export class Instances {
  readonly prefix = newPrefix();
  readonly redis = new Redis(redisUrl());
  readonly #database = newSchema();
  readonly #inventory: string;
  readonly #environment: Record<string, string>;
  readonly all: ServiceProcess[] = [];

  constructor(environment: Record<string, string>, inventory?: object) {
    this.#environment = environment;
    this.#inventory = inventoryFile(inventory);
  }

  /** Starts so many instances. */
  static async open(
    count: number,
    environment: Record<string, string> = {},
    inventory?: object,
  ): Promise<Instances> {
    const instances = new Instances(environment, inventory);
    await administer(`CREATE DATABASE ${instances.#database}`);
    await instances.start(count);
    return instances;
  }

  async start(count: number): Promise<ServiceProcess[]> {
    const started = Array.from({ length: count }, () => this.spawn());
    const ready = started.map((service) =>
      vi.waitFor(() => service.ready(), { timeout: READY_MS, interval: 10 }),
    );
    return Promise.all(ready);
  }

  /** Begins to start one, with other variables as well. */
  spawn(environment: Record<string, string> = {}): ServiceProcess {
    const database = new URL(databaseUrl());
    database.pathname = `/${this.#database}`;
    const service = spawnService({
      WEBSOCKET_PORT: '0',
      HOST: '127.0.0.1',
      JWT_SECRET: SECRET,
      INVENTORY_FILE: this.#inventory,
      LOCK_STORE: 'redis',
      REDIS_URL: redisUrl(),
      REDIS_PREFIX: this.prefix,
      DATABASE_URL: database.href,
      ...this.#environment,
      ...environment,
    });
    this.all.push(service);
    return service;
  }

  /** What the instances keep in Redis. */
  async keys(): Promise<string[]> {
    const keys: string[] = [];
    const pages = this.redis.scanStream({ match: `{${this.prefix}:*`, count: 1_000 });
    for await (const page of pages) keys.push(...(page as string[]));
    return keys;
  }

  /** Ids of the sessions that Redis has a record of. */
  async sessionIds(): Promise<string[]> {
    const fields = await this.redis.hkeys(`{${this.prefix}:.sessions}`);
    return fields.filter((field) => field.startsWith('s')).map((field) => field.slice(1));
  }

  async close(): Promise<void> {
    await Promise.all(this.all.map((service) => service.end()));
    await deleteKeys(this.redis, this.prefix);
    await this.redis.quit();
    await administer(`DROP DATABASE IF EXISTS ${this.#database} WITH (FORCE)`);
  }
}
