import type { Timers } from '@ticket-locks/lock-engine';
import type { Cluster, Redis } from 'ioredis';

import type { FunctionLibrary } from './function-library.js';
import { connectAll, connectForCalls, connectForNews, primariesOf } from './redis-connection.js';
import { messageOf, RedisError } from './redis-error.js';
import { StalledPlaces } from './stalled-places.js';

export interface RedisLinkOptions {
  /** One server; or some nodes of a cluster, with commas. */
  readonly url: string;
  /** Begins the names of the connections, which an operator sees. */
  readonly prefix: string;
  readonly library: FunctionLibrary;
  readonly timers: Timers;
  /** How long one call may take. Milliseconds. */
  readonly timeoutMs: number;
  /** Calls that wait for an answer at most; more are refused at once. */
  readonly inFlightMax: number;
  /** Whenever there is a connection, the first one included. */
  readonly onConnected: () => void;
  readonly onMessage: (text: string) => void;
}

/** Redis says so before it changes anything. */
const REFUSALS =
  /^(?:OOM|MISCONF|READONLY|NOAUTH|NOPERM|WRONGPASS|LOADING|BUSY|MASTERDOWN|NOREPLICAS|CLUSTERDOWN|TRYAGAIN)\b/;

/** What the client says when it has sent nothing, or a cluster has carried nothing out. */
const UNSENT = /isn't writeable|offline queue|startup nodes|Too many Cluster redirections/i;

/**
 * The way to Redis: one connection for calls, one for news.
 *
 * CLOSED -> `open` -> OPEN; where a call waits too long everything is refused at once until the
 * server answers a probe. A lost connection is made again, and nothing
 * that was sent is sent a second time: who asked is told that the outcome is not known. `close`
 * ends it.
 */
export class RedisLink {
  readonly #options: RedisLinkOptions;
  readonly #calls: Redis | Cluster;
  readonly #news: Redis;
  readonly #stalled: StalledPlaces;
  readonly #isCluster: boolean;
  #inFlight = 0;
  #isClosed = false;
  #loading: Promise<void> | undefined;

  constructor(options: RedisLinkOptions) {
    this.#options = options;
    this.#calls = connectForCalls(options);
    this.#news = connectForNews(options);
    this.#isCluster = this.#calls.isCluster;
    this.#stalled = new StalledPlaces({ ...options, probe: (place) => this.#probe(place) });
    // Each call tells its own failure; what happens between calls heals by itself.
    this.#calls.on('error', () => undefined);
    this.#news.on('error', () => undefined);
    this.#news.on('message', (_channel: string, text: string) => options.onMessage(text));
  }

  /** Whether a call on the key would be sent: who has it is connected, and answers. */
  isAnswering(key: string): boolean {
    const isOpen = !this.#isClosed && this.#calls.status === 'ready';
    return isOpen && !this.#stalled.has(this.#placeOf(key));
  }

  /** Calls that wait for an answer. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Calls that may wait for an answer at most, in all and of one event. */
  get inFlightMax(): number {
    return this.#options.inFlightMax;
  }

  /** Connects, looks whether Redis is fit, loads the functions. Rejects with `RedisError`. */
  async open(channel: string): Promise<void> {
    const { onConnected } = this.#options;
    try {
      await connectAll([this.#calls, this.#news]);
      await this.#assertFit();
      await this.#load();
      await this.#news.subscribe(channel);
    } catch (cause) {
      this.close();
      if (cause instanceof RedisError) throw cause;
      const message = `Redis cannot be reached or used: ${messageOf(cause)}`;
      throw new RedisError('REDIS_UNAVAILABLE', message, { cause });
    }
    this.#calls.on('ready', onConnected);
    // A connection that breaks meanwhile is made again, and subscribed then.
    this.#news.on('ready', () => {
      this.#news.subscribe(channel).then(onConnected, () => undefined);
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#stalled.close();
    this.#calls.disconnect();
    this.#news.disconnect();
  }

  /** Calls a function with one key. Rejects with `RedisError`. */
  async call(
    name: string,
    key: string,
    args: readonly (string | number)[],
  ): Promise<readonly unknown[] | number> {
    const { library } = this.#options;
    const full = `${library.name}_${name}`;
    const ask = () =>
      this.#ask(key, () => this.#calls.call('FCALL', full, 1, key, ...args) as Promise<never>);
    try {
      return await ask();
    } catch (error) {
      if (!isMissingFunction(error)) throw error;
      // Nothing was carried out: the server was restarted empty, or its functions were flushed.
      await this.#ask(key, () => this.#load());
      return ask();
    }
  }

  /** Runs a plain command on a key. Rejects with `RedisError`. */
  async command(
    name: string,
    key: string,
    ...args: readonly (string | number)[]
  ): Promise<unknown> {
    return this.#ask(key, () => this.#calls.call(name, key, ...args));
  }

  async #ask<Value>(key: string, send: () => Promise<Value>): Promise<Value> {
    const place = this.#placeOf(key);
    if (!this.isAnswering(key)) {
      throw new RedisError('REDIS_UNAVAILABLE', 'there is no Redis that answers');
    }
    if (this.#inFlight >= this.#options.inFlightMax) {
      throw new RedisError('REDIS_UNAVAILABLE', 'too many calls wait for Redis');
    }
    this.#inFlight += 1;
    try {
      return await send();
    } catch (cause) {
      throw this.#explained(cause, place);
    } finally {
      this.#inFlight -= 1;
    }
  }

  #explained(cause: unknown, place: string): RedisError {
    if (cause instanceof RedisError) return cause;
    const message = messageOf(cause);
    if (message.startsWith('Command timed out')) {
      this.#stalled.add(place);
      return new RedisError('REDIS_UNKNOWN', 'Redis did not answer in time', { cause });
    }
    if (!(cause instanceof Error) || cause.name !== 'ReplyError') {
      const wasSent = !UNSENT.test(message);
      const code = wasSent ? 'REDIS_UNKNOWN' : 'REDIS_UNAVAILABLE';
      return new RedisError(code, `the connection to Redis was lost: ${message}`, { cause });
    }
    const isRefusal = REFUSALS.test(message) || isMissingFunction(cause);
    const code = isRefusal ? 'REDIS_UNAVAILABLE' : 'REDIS_BROKEN';
    return new RedisError(code, message, { cause });
  }

  /** What stands still together: a server; of a cluster, whatever node has the key. */
  #placeOf(key: string): string {
    return this.#isCluster ? key : '';
  }

  async #probe(place: string): Promise<void> {
    if (place === '') await this.#calls.ping();
    else await this.#calls.exists(place);
  }

  /**
   * Loads the functions of this version; those of another stay, for the instances that call them.
   */
  #load(): Promise<void> {
    this.#loading ??= this.#loadEverywhere().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  async #loadEverywhere(): Promise<void> {
    await Promise.all(primariesOf(this.#calls).map((node) => this.#loadOn(node)));
  }

  async #loadOn(node: Redis): Promise<void> {
    const { library } = this.#options;
    try {
      await node.call('FUNCTION', 'LOAD', library.source);
    } catch (error) {
      if (!messageOf(error).includes('already exists')) throw error;
    }
  }

  async #assertFit(): Promise<void> {
    for (const node of primariesOf(this.#calls)) assertNoEviction(await node.info('memory'));
  }
}

function assertNoEviction(memory: string): void {
  const policy = /^maxmemory_policy:(\S+)/m.exec(memory)?.[1];
  if (policy === undefined || policy === 'noeviction') return;
  const advice = 'set maxmemory-policy to noeviction: every other one drops locks when it is full';
  throw new RedisError('REDIS_UNFIT', `Redis evicts by ${policy}; ${advice}`);
}

function isMissingFunction(error: unknown): boolean {
  return messageOf(error).includes('Function not found');
}
