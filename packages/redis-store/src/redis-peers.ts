import { randomIds } from '@ticket-locks/lock-engine';
import type { Redis } from 'ioredis';

import { connectAll, connectToAny } from './redis-connection.js';
import { messageOf, RedisError } from './redis-error.js';
import { assertPlace } from './redis-ticket-locks-options.js';

export interface RedisPeersOptions {
  /** As of the store: one server, or some nodes of a cluster with commas. */
  readonly url: string;
  /** Default `tl`. Whoever has the same is a peer; 1 to 32 letters, digits, `-` and `_`. */
  readonly prefix?: string;
}

/** Longer messages are not sent, and not read. Characters. */
const MESSAGE_MAX = 4 * 1024 * 1024;
/** As of the store. */
const TIMEOUT_MS = 500;
/** Messages that wait for Redis at most; more are lost. */
const WAITING_MAX = 100;

type Listener = (from: string, message: unknown) => void;

/**
 * What the instances of one service tell each other, over pub/sub: convenience and limits, never a
 * lock.
 *
 * NEW -> `start` -> CONNECTED -> `stop`. A lost connection is made again by itself. Messages reach
 * every other instance that is connected, in the order of their sender, and are lost for the
 * others: while Redis is away, when a hundred of them wait, or when one has more than 4 MiB.
 */
export class RedisPeers {
  readonly #channel: string;
  /** What this instance is called among the others; no other one has the name. */
  readonly #name = randomIds().sessionId();
  readonly #out: Redis;
  readonly #in: Redis;
  readonly #listeners: Listener[] = [];
  #waiting = 0;
  #lost = 0;

  /** Throws `TypeError` that names the option, its value and its bound. */
  constructor({ url, prefix = 'tl' }: RedisPeersOptions) {
    assertPlace({ url, prefix });
    this.#channel = `${prefix}:peers`;
    const place = { url, prefix, timeoutMs: TIMEOUT_MS };
    this.#out = connectToAny(place, 'peers-out');
    this.#in = connectToAny(place, 'peers-in');
    // What is lost may be lost.
    this.#out.on('error', () => undefined);
    this.#in.on('error', () => undefined);
    this.#in.on('message', (_channel: string, text: string) => this.#hear(text));
  }

  /** Messages that were not sent. */
  get lost(): number {
    return this.#lost;
  }

  /** Rejects with `RedisError` when Redis cannot be reached or does not let the channel be used. */
  async start(): Promise<void> {
    try {
      await connectAll([this.#out, this.#in]);
      await this.#in.subscribe(this.#channel);
    } catch (cause) {
      this.stop();
      const message = `Redis cannot be reached or used: ${messageOf(cause)}`;
      throw new RedisError('REDIS_UNAVAILABLE', message, { cause });
    }
    // A connection that breaks meanwhile is made again, and subscribed then.
    this.#in.on('ready', () => {
      this.#in.subscribe(this.#channel).catch(() => undefined);
    });
  }

  stop(): void {
    this.#out.disconnect();
    this.#in.disconnect();
  }

  /** Sends a message to the others, if it can be sent now. */
  tell(message: object): void {
    const text = `${this.#name} ${JSON.stringify(message)}`;
    const canGo = this.#out.status === 'ready' && this.#waiting < WAITING_MAX;
    if (canGo && text.length <= MESSAGE_MAX) void this.#send(text);
    else this.#lost += 1;
  }

  /** Calls back with whatever another instance told, and its name. */
  onMessage(listener: Listener): void {
    this.#listeners.push(listener);
  }

  async #send(text: string): Promise<void> {
    this.#waiting += 1;
    try {
      await this.#out.publish(this.#channel, text);
    } catch {
      this.#lost += 1;
    } finally {
      this.#waiting -= 1;
    }
  }

  #hear(text: string): void {
    const space = text.indexOf(' ');
    const from = text.slice(0, space);
    if (space <= 0 || from === this.#name || text.length > MESSAGE_MAX) return;
    let message: unknown;
    try {
      message = JSON.parse(text.slice(space + 1));
    } catch {
      // Nobody of ours has sent it.
      return;
    }
    for (const listener of this.#listeners) listener(from, message);
  }
}
