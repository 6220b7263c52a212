import type { Timers } from '@ticket-locks/lock-engine';
import type { Redis } from 'ioredis';

import type { FunctionLibrary } from './function-library.js';
import { connectAll, newConnection } from './redis-connection.js';
import { messageOf, RedisError } from './redis-error.js';

export interface RedisLinkOptions {
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

/** How often a server that let a call wait too long is asked whether it answers again. */
const PROBE_MS = 100;
/** Redis says so before it changes anything. */
const REFUSALS =
  /^(?:OOM|MISCONF|READONLY|NOAUTH|NOPERM|WRONGPASS|LOADING|BUSY|MASTERDOWN|NOREPLICAS|CLUSTERDOWN|TRYAGAIN)\b/;

/**
 * The way to Redis: one connection for calls, one for news.
 *
 * CLOSED -> `open` -> OPEN; a call that waits too long leads to STALLED, where everything is
 * refused at once until the server answers a probe. A lost connection is made again, and nothing
 * that was sent is sent a second time: who asked is told that the outcome is not known. `close`
 * ends it.
 */
export class RedisLink {
  readonly #options: RedisLinkOptions;
  readonly #calls: Redis;
  readonly #news: Redis;
  #inFlight = 0;
  #isStalled = false;
  #isClosed = false;
  #loading: Promise<void> | undefined;
  #cancelProbe: (() => void) | undefined;

  constructor(options: RedisLinkOptions) {
    this.#options = options;
    const { url, prefix, timeoutMs } = options;
    this.#calls = newConnection(url, timeoutMs, {
      connectionName: `${prefix}:calls`,
      commandTimeout: timeoutMs,
    });
    this.#news = newConnection(url, timeoutMs, {
      connectionName: `${prefix}:news`,
      autoResubscribe: true,
    });
    this.#news.on('message', (_channel: string, text: string) => options.onMessage(text));
  }

  /** Whether a call would be sent: there is a connection, and the server answers on it. */
  get isAnswering(): boolean {
    return !this.#isStalled && !this.#isClosed && this.#calls.status === 'ready';
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
    this.#news.on('ready', onConnected);
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelProbe?.();
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
      this.#ask(() => this.#calls.call('FCALL', full, 1, key, ...args) as Promise<never>);
    try {
      return await ask();
    } catch (error) {
      if (!isMissingFunction(error)) throw error;
      // Nothing was carried out: the server was restarted empty, or its functions were flushed.
      await this.#ask(() => this.#load());
      return ask();
    }
  }

  /** Runs a plain command. Rejects with `RedisError`. */
  async command(name: string, ...args: readonly (string | number)[]): Promise<unknown> {
    return this.#ask(() => this.#calls.call(name, ...args));
  }

  async #ask<Value>(send: () => Promise<Value>): Promise<Value> {
    if (!this.isAnswering) {
      throw new RedisError('REDIS_UNAVAILABLE', 'there is no Redis that answers');
    }
    if (this.#inFlight >= this.#options.inFlightMax) {
      throw new RedisError('REDIS_UNAVAILABLE', 'too many calls wait for Redis');
    }
    this.#inFlight += 1;
    try {
      return await send();
    } catch (cause) {
      throw this.#explained(cause);
    } finally {
      this.#inFlight -= 1;
    }
  }

  #explained(cause: unknown): RedisError {
    if (cause instanceof RedisError) return cause;
    const message = messageOf(cause);
    if (message.startsWith('Command timed out')) {
      this.#stall();
      return new RedisError('REDIS_UNKNOWN', 'Redis did not answer in time', { cause });
    }
    if (!(cause instanceof Error) || cause.name !== 'ReplyError') {
      const wasSent = !/isn't writeable|offline queue/i.test(message);
      const code = wasSent ? 'REDIS_UNKNOWN' : 'REDIS_UNAVAILABLE';
      return new RedisError(code, `the connection to Redis was lost: ${message}`, { cause });
    }
    const isRefusal = REFUSALS.test(message) || isMissingFunction(cause);
    const code = isRefusal ? 'REDIS_UNAVAILABLE' : 'REDIS_BROKEN';
    return new RedisError(code, message, { cause });
  }

  /** From here on nobody waits, until the server answers again. */
  #stall(): void {
    if (this.#isStalled || this.#isClosed) return;
    this.#isStalled = true;
    this.#probeLater();
  }

  #probeLater(): void {
    this.#cancelProbe = this.#options.timers.after(PROBE_MS, () => void this.#probe());
  }

  async #probe(): Promise<void> {
    try {
      await this.#calls.ping();
      this.#isStalled = false;
    } catch {
      if (!this.#isClosed) this.#probeLater();
    }
  }

  /**
   * Loads the functions of this version; those of another stay, for the instances that call them.
   */
  #load(): Promise<void> {
    this.#loading ??= this.#loadOnce().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  async #loadOnce(): Promise<void> {
    const { library } = this.#options;
    try {
      await this.#calls.call('FUNCTION', 'LOAD', library.source);
    } catch (error) {
      if (!messageOf(error).includes('already exists')) throw error;
    }
  }

  async #assertFit(): Promise<void> {
    const memory = await this.#calls.info('memory');
    const policy = /^maxmemory_policy:(\S+)/m.exec(memory)?.[1];
    if (policy === undefined || policy === 'noeviction') return;
    const advice =
      'set maxmemory-policy to noeviction: every other one drops locks when it is full';
    throw new RedisError('REDIS_UNFIT', `Redis evicts by ${policy}; ${advice}`);
  }
}

function isMissingFunction(error: unknown): boolean {
  return messageOf(error).includes('Function not found');
}
