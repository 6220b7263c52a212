import type { DecisionLedger, DecisionRecord, Id, Timers } from '@ticket-locks/lock-engine';

import type { EventCalls, NoState } from './event-calls.js';
import { eventKey, eventTag } from './event-key.js';
import { RedisError } from './redis-error.js';
import type { RedisLink } from './redis-link.js';
import type { StoreEpoch } from './store-epoch.js';
import { textOf, textOrNone } from './wire-text.js';

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

/** How often an instance looks whether another has finished, and how long it gives it. */
const LOOK_MS = 50;
const LOOKS_MAX = 100;
/** Sales in one call. */
const CHUNK = 200;

/**
 * Which memory of Redis is in force, where a ledger knows what is sold.
 *
 * The ledger counts the epochs: of several instances that find a loss one begins the next, and
 * brings every event and its unsettled sales back. The others refuse meanwhile. The epoch is
 * written to Redis last, and an event is opened only when all of it is there; what was locked is
 * lost.
 */
export class LedgerEpoch implements StoreEpoch {
  readonly #options: LedgerEpochOptions;
  #tokenKey = '';
  #recovering: Promise<void> | undefined;

  constructor(options: LedgerEpochOptions) {
    this.#options = options;
  }

  get tokenKey(): string {
    return this.#tokenKey;
  }

  async open(): Promise<void> {
    const { ledger, events } = this.#options;
    const { epoch, tokenKey } = await ledger.load();
    this.#tokenKey = tokenKey;
    const present = await this.#present();
    if (present === epoch) return events().beginEpoch(epoch);
    return this.recover(epoch);
  }

  stop(): void {
    // Nothing goes on by itself.
  }

  async check(): Promise<void> {
    const { epoch } = this.#options.events();
    if ((await this.#present()) !== epoch) await this.recover(epoch);
  }

  async onNoState(_tag: string, found: NoState): Promise<'again' | 'missing'> {
    const known = this.#options.events().epoch;
    const present = await this.#present();
    if (present !== undefined && present > known) {
      this.#adopt(present);
      return 'again';
    }
    const isWhole = present === known && found.epoch === 0 && found.seenSeq === 0;
    if (isWhole) return 'missing';
    // Nobody waits for it: whoever asks in the meantime is refused at once.
    this.recover(known).catch(() => undefined);
    throw new RedisError(
      'REDIS_UNAVAILABLE',
      'Redis has lost its memory; it is being brought back',
    );
  }

  /** Ends an epoch whose memory is lost: begins the next one, or waits for whoever has. */
  recover(lost: number): Promise<void> {
    this.#recovering ??= this.#recover(lost).finally(() => {
      this.#recovering = undefined;
    });
    return this.#recovering;
  }

  /** Brings one event as the ledger knows it. Rejects when it was not brought whole. */
  async restore(eventId: Id, epoch: number): Promise<void> {
    const { link, ledger, prefix, index } = this.#options;
    const key = eventKey(prefix, eventTag(eventId));
    const figures = await ledger.figures(eventId);
    const fetchedAtMs = Math.max(-1, ...figures.map((one) => one.fetchedAtMs));
    const triples = figures.flatMap((one) => [
      textOf(one.categoryId),
      one.capacity,
      one.soldElsewhere,
    ]);
    const head = [epoch, 0, '{}'];
    await link.command('SADD', index, textOf(eventId));
    const args = [...head, textOf(eventId), fetchedAtMs, ...triples];
    const [begun] = (await link.call('restoreEvent', key, args)) as readonly string[];
    if (begun === 'DONE') return;
    let count = 0;
    for await (const page of this.#sales(eventId)) {
      const sales = page.flatMap(saleFields);
      await this.#step('restoreSales', key, [...head, count, ...sales]);
      count += page.length;
    }
    await this.#step('openEvent', key, [...head, count]);
  }

  async #recover(lost: number): Promise<void> {
    const { ledger, link, key } = this.#options;
    for (let present = lost; ;) {
      const { epoch, begun } = await ledger.nextEpoch(present);
      if (begun) {
        for (const eventId of await ledger.events()) await this.restore(eventId, epoch);
        await link.call('noteEpoch', key, [epoch]);
        return this.#adopt(epoch);
      }
      const written = await this.#whenWritten(epoch);
      if (written !== undefined) return this.#adopt(written);
      // Whoever began it did not finish: the next epoch is another's.
      present = epoch;
    }
  }

  async #whenWritten(epoch: number): Promise<number | undefined> {
    for (let looks = 0; looks < LOOKS_MAX; looks += 1) {
      const present = await this.#present();
      if (present !== undefined && present >= epoch) return present;
      await this.#pause();
    }
    return undefined;
  }

  async #present(): Promise<number | undefined> {
    const epoch = Number(await this.#options.link.call('epochInForce', this.#options.key, []));
    return epoch === 0 ? undefined : epoch;
  }

  #adopt(epoch: number): void {
    const { events, onLost } = this.#options;
    const isLost = events().epoch !== 0 && events().epoch !== epoch;
    events().beginEpoch(epoch);
    if (isLost) onLost();
  }

  async *#sales(eventId: Id): AsyncGenerator<readonly DecisionRecord[]> {
    const { ledger } = this.#options;
    for (let after: string | undefined; ;) {
      const page = await ledger.list(eventId, after);
      if (page.length === 0) return;
      for (let at = 0; at < page.length; at += CHUNK) yield page.slice(at, at + CHUNK);
      after = page.at(-1)?.lockId;
    }
  }

  async #step(name: string, key: string, args: readonly (string | number)[]): Promise<void> {
    const [outcome] = (await this.#options.link.call(name, key, args)) as readonly string[];
    if (outcome === 'OK') return;
    throw new RedisError('REDIS_UNAVAILABLE', 'somebody else brings this event back');
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#options.timers.after(LOOK_MS, resolve);
    });
  }
}

function saleFields(record: DecisionRecord): (string | number)[] {
  return [
    record.lockId,
    textOf(record.categoryId),
    textOf(record.userId),
    record.quantity,
    textOrNone(record.orderId),
    record.late === true ? 1 : 0,
    Math.floor(record.decidedAtMs),
  ];
}
