import { randomKey } from '@ticket-locks/lock-engine';

import type { EventCalls, NoState } from './event-calls.js';
import type { RedisLink } from './redis-link.js';
import type { StoreEpoch } from './store-epoch.js';

export interface SharedEpochOptions {
  readonly link: RedisLink;
  /** The key of what all events share. */
  readonly key: string;
  readonly events: () => EventCalls;
  /** Redis has lost its memory, or a part of it: whatever was locked in it is lost. */
  readonly onLost: () => void;
}

/**
 * Which memory of Redis is in force.
 *
 * Every event carries the epoch in which it was brought to Redis, and every lock id that of its
 * grant. When an instance finds that an event is gone, or older than what it has seen of it, the
 * epoch ends: one instance begins the next, and the others find it. What was locked in an earlier
 * epoch is lost, and said to be; nothing is granted on a state of an earlier epoch.
 */
export class SharedEpoch implements StoreEpoch {
  readonly #options: SharedEpochOptions;
  #tokenKey = '';

  constructor(options: SharedEpochOptions) {
    this.#options = options;
  }

  get tokenKey(): string {
    return this.#tokenKey;
  }

  /** Finds or makes what all instances share. */
  async open(): Promise<void> {
    const { link, key, events } = this.#options;
    await link.command('HSETNX', key, 'tokenKey', randomKey());
    await link.command('HSETNX', key, 'epoch', 1);
    const shared = await link.command('HMGET', key, 'tokenKey', 'epoch');
    const [tokenKey, epoch] = shared as readonly string[];
    this.#tokenKey = String(tokenKey);
    events().beginEpoch(Number(epoch));
  }

  /** What to do about an event that is not there as this instance knew it. */
  async onNoState(tag: string, found: NoState): Promise<'again' | 'missing'> {
    const known = this.#options.events().epoch;
    const present = await this.#present();
    const isGone = found.epoch === 0 && found.seenSeq > 0;
    const isCutBack = found.epoch === known && found.seq < found.seenSeq;
    if (present === undefined || (present === known && (isGone || isCutBack))) {
      await this.#begin(known);
      return 'again';
    }
    if (present !== known) {
      this.#adopt(present);
      return 'again';
    }
    if (found.epoch === 0) return 'missing';
    await this.#renew(tag, known);
    return 'again';
  }

  async #present(): Promise<number | undefined> {
    const { link, key } = this.#options;
    const epoch = await link.command('HGET', key, 'epoch');
    return epoch === null ? undefined : Number(epoch);
  }

  async #begin(known: number): Promise<void> {
    const { link, key } = this.#options;
    const epoch = Number(await link.call('beginEpoch', key, [known, known + 1]));
    // Tokens that were issued stay good.
    await link.command('HSETNX', key, 'tokenKey', this.#tokenKey);
    this.#adopt(epoch);
  }

  #adopt(epoch: number): void {
    const { events, onLost } = this.#options;
    if (events().epoch === epoch) return;
    events().beginEpoch(epoch);
    onLost();
  }

  /** Takes an event over from an earlier epoch: its sales stay, its active locks are lost. */
  async #renew(tag: string, epoch: number): Promise<void> {
    await this.#options.events().renew(tag, epoch);
  }
}
