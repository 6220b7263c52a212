import type { DecisionLedger, Id, Timers } from '@ticket-locks/lock-engine';

import type { EventCalls, NoState } from './event-calls.js';
import { eventTag } from './event-key.js';
import { EventRebuild } from './event-rebuild.js';
import { messageOf, RedisError } from './redis-error.js';
import type { RedisLink } from './redis-link.js';
import { isLost } from './store-epoch.js';
import type { StoreEpoch } from './store-epoch.js';

export interface LedgerEpochOptions {
  readonly link: RedisLink;
  readonly ledger: DecisionLedger;
  readonly timers: Timers;
  readonly prefix: string;
  /** The key of what all events share. */
  readonly key: string;
  /** The key of the index of events. */
  readonly index: string;
  readonly events: () => EventCalls;
  readonly onLost: () => void;
}

/** Epochs that are begun in a row before it is given up for now. */
const EPOCHS_MAX = 100;

/**
 * Which memory of Redis is in force, where a ledger knows what is sold.
 *
 * The ledger counts the epochs. An instance that finds a loss begins the next one, or goes on in
 * the one that another has begun; what was locked before is lost, and no sale of it is written any
 * more. Nothing is taken over from an epoch to the next: in each one every event is brought anew
 * from the ledger, with its unsettled sales, by the one instance that has claimed it there. The
 * epoch of an event is written last, when all of it is there; until then nothing is granted.
 *
 * An event that was claimed and does not come is a loss as well: if its instance died on the way,
 * or if Redis lost that event alone.
 */
export class LedgerEpoch implements StoreEpoch {
  readonly #options: LedgerEpochOptions;
  readonly #rebuild: EventRebuild;
  /** Events that the ledger has figures of, by their tag. */
  readonly #eventIds = new Map<string, Id>();
  readonly #bringing = new Map<string, Promise<void>>();
  #tokenKey = '';
  /** The epoch in which an event was not brought: over as soon as the ledger can say so. */
  #failedIn = 0;
  #recovering: Promise<void> | undefined;
  #isStopped = false;

  constructor(options: LedgerEpochOptions) {
    this.#options = options;
    this.#rebuild = new EventRebuild(options);
  }

  get tokenKey(): string {
    return this.#tokenKey;
  }

  async open(): Promise<void> {
    const { ledger, link, key } = this.#options;
    const { epoch, tokenKey } = await ledger.load();
    this.#tokenKey = tokenKey;
    const present = Number(await link.call('epochInForce', key, []));
    if (present === epoch) await this.#adopt(epoch);
    else await this.recover(epoch);
  }

  stop(): void {
    this.#isStopped = true;
  }

  async check(): Promise<void> {
    const { ledger, link, key, events } = this.#options;
    const present = Number(await link.call('epochInForce', key, []));
    const inForce = await ledger.epoch();
    const { epoch } = events();
    if (epoch !== 0 && (present !== epoch || inForce !== epoch)) await this.recover(epoch);
  }

  async onNoState(tag: string, found: NoState): Promise<'again' | 'missing'> {
    try {
      return await this.#onNoState(tag, found);
    } catch (cause) {
      if (cause instanceof RedisError) throw cause;
      const message = `the ledger did not say what is to be brought: ${messageOf(cause)}`;
      throw new RedisError('REDIS_UNAVAILABLE', message, { cause });
    }
  }

  async #onNoState(tag: string, found: NoState): Promise<'again' | 'missing'> {
    const { epoch } = this.#options.events();
    if (isLost(found, epoch)) this.#lose(epoch);
    // Others went on.
    if (found.epoch > epoch) await this.recover(epoch);
    if (this.#options.events().epoch !== epoch || found.epoch === epoch) return 'again';
    const eventId = this.#eventIds.get(tag);
    if (eventId === undefined) return 'missing';
    await this.restore(eventId);
    return 'again';
  }

  /** Ends an epoch whose memory is lost: begins the next one, or goes on in that of another. */
  recover(lost: number): Promise<void> {
    this.#recovering ??= this.#recover(lost).finally(() => {
      this.#recovering = undefined;
    });
    return this.#recovering;
  }

  /**
   * Brings an event of which the ledger has figures, or waits for whoever does. Rejects when it is
   * not there afterwards.
   */
  restore(eventId: Id): Promise<void> {
    const tag = eventTag(eventId);
    this.#eventIds.set(tag, eventId);
    const running = this.#bringing.get(tag);
    if (running !== undefined) return running;
    const bringing = this.#bring(eventId).finally(() => this.#bringing.delete(tag));
    this.#bringing.set(tag, bringing);
    return bringing;
  }

  async #bring(eventId: Id): Promise<void> {
    const { ledger, events } = this.#options;
    const { epoch } = events();
    if (this.#failedIn === epoch) this.#lose(epoch);
    const isOurs = await ledger.claim(eventId, epoch);
    // Others went on.
    if (!isOurs && (await ledger.epoch()) !== epoch) return this.recover(epoch);
    let isThere = false;
    try {
      isThere = isOurs
        ? await this.#rebuild.bring(eventId, epoch)
        : await this.#rebuild.whenOpen(eventId, epoch);
    } finally {
      // It will not be brought in this epoch any more.
      if (!isThere && !this.#isStopped && events().epoch === epoch) {
        this.#failedIn = epoch;
        this.#loseLater(epoch);
      }
    }
    if (!isThere) throw new RedisError('REDIS_UNAVAILABLE', 'an event could not be brought');
  }

  async #recover(lost: number): Promise<void> {
    const { ledger, link, key } = this.#options;
    let epoch = lost;
    for (let turn = 0; turn < EPOCHS_MAX; turn += 1) {
      ({ epoch } = await ledger.nextEpoch(epoch));
      // Refused when Redis was lost again meanwhile, or when the ledger is behind it.
      if ((await link.call('noteEpoch', key, [epoch])) === 1) {
        await this.#adopt(epoch);
        void this.#bringAll(epoch);
        return;
      }
    }
    throw new RedisError('REDIS_UNAVAILABLE', 'Redis and the ledger do not agree on an epoch');
  }

  /**
   * Brings every event, one after the other, although nobody asks: its sales are to be counted and
   * told. Every instance does, so that it does not matter which of them lives.
   */
  async #bringAll(epoch: number): Promise<void> {
    for (const eventId of this.#eventIds.values()) {
      if (this.#isStopped || this.#options.events().epoch !== epoch) return;
      // Whoever asks for it brings it then.
      await this.restore(eventId).catch(() => undefined);
    }
  }

  async #adopt(epoch: number): Promise<void> {
    const { ledger, events, onLost } = this.#options;
    for (const eventId of await ledger.events()) this.#eventIds.set(eventTag(eventId), eventId);
    const known = events().epoch;
    if (known === epoch) return;
    events().beginEpoch(epoch);
    if (known !== 0) onLost();
  }

  /** Nobody waits for the next epoch: whoever asks in the meantime is refused at once. */
  #lose(epoch: number): never {
    this.#loseLater(epoch);
    throw new RedisError(
      'REDIS_UNAVAILABLE',
      'Redis has lost its memory; it is being brought back',
    );
  }

  #loseLater(epoch: number): void {
    this.recover(epoch).catch(() => undefined);
  }
}
