import { randomKey } from '@ticket-locks/lock-engine';

import type { EventCalls, NoState } from './event-calls.js';
import type { RedisLink } from './redis-link.js';
import { isLost } from './store-epoch.js';
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
 * Which memory of Redis is in force, where Redis alone counts.
 *
 * Every event carries the epoch in which it was brought to Redis and the server process that keeps
 * it, and every lock id the epoch of its grant. When an instance finds that an event is gone, older
 * than what it has seen of it, or kept by another process, the epoch ends: one instance begins the
 * next, and the others find it. What was locked in an earlier epoch is lost, and said to be;
 * nothing is granted on a state of an earlier epoch.
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
    this.#tokenKey = String(await link.command('HGET', key, 'tokenKey'));
    events().beginEpoch(Number(await link.call('beginEpoch', key, [0])));
  }

  stop(): void {
    // Nothing goes on by itself.
  }

  async check(): Promise<void> {
    const { link, key, events } = this.#options;
    const present = Number(await link.call('epochInForce', key, []));
    if (present < events().epoch) await this.#begin(events().epoch);
    else this.#adopt(present);
  }

  /** What to do about an event that is not there as this instance knew it. */
  async onNoState(tag: string, found: NoState): Promise<'again' | 'missing'> {
    const { epoch } = this.#options.events();
    if (isLost(found, epoch)) {
      await this.#begin(epoch);
      return 'again';
    }
    await this.check();
    if (this.#options.events().epoch !== epoch) return 'again';
    if (found.epoch === 0) return 'missing';
    if (found.epoch > epoch) await this.#begin(found.epoch);
    else await this.#renew(tag, epoch);
    return 'again';
  }

  async #begin(lost: number): Promise<void> {
    const { link, key } = this.#options;
    const epoch = Number(await link.call('beginEpoch', key, [lost]));
    // Tokens that were issued stay good.
    await link.command('HSETNX', key, 'tokenKey', this.#tokenKey);
    this.#adopt(epoch);
  }

  #adopt(epoch: number): void {
    const { events, onLost } = this.#options;
    if (events().epoch >= epoch) return;
    events().beginEpoch(epoch);
    onLost();
  }

  /** Takes an event over from an earlier epoch: its sales stay, its active locks are lost. */
  async #renew(tag: string, epoch: number): Promise<void> {
    await this.#options.events().renew(tag, epoch);
  }
}
