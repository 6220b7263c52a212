import type {
  DecidedFigures,
  DecisionLedger,
  DecisionRecord,
  Id,
  Timers,
} from '@ticket-locks/lock-engine';

import { eventKey, eventTag } from './event-key.js';
import type { RedisLink } from './redis-link.js';
import { textOf, textOrNone } from './wire-text.js';

export interface EventRebuildOptions {
  readonly link: RedisLink;
  readonly ledger: DecisionLedger;
  readonly timers: Timers;
  readonly prefix: string;
  /** The key of the index of events. */
  readonly index: string;
}

/** How often it is looked whether another has finished, and how long nothing may happen. */
const LOOK_MS = 50;
const STILL_MS_MAX = 2_000;
/** Sales in one call. */
const CHUNK = 200;

/** Brings one event to Redis as the ledger knows it. */
export class EventRebuild {
  readonly #options: EventRebuildOptions;

  constructor(options: EventRebuildOptions) {
    this.#options = options;
  }

  /**
   * Brings an event in an epoch in which nobody else does. Answers false when it is not there as it
   * was left, on any step: then it must not be tried again in this epoch.
   */
  async bring(eventId: Id, epoch: number): Promise<boolean> {
    const { link, ledger, prefix, index } = this.#options;
    const key = eventKey(prefix, eventTag(eventId));
    const step = async (name: string, args: readonly (string | number)[]): Promise<boolean> => {
      const [outcome] = (await link.call(name, key, [
        epoch,
        0,
        '{}',
        ...args,
      ])) as readonly string[];
      return outcome === 'OK';
    };
    const sales = await this.#sales(eventId);
    // A sale that is settled meanwhile leaves the list for the figures: read the other way round,
    // it would be in neither.
    const figures = await ledger.figures(eventId);
    await link.command('SADD', index, textOf(eventId));
    if (!(await step('restoreEvent', figureFields(eventId, figures)))) return false;
    for (let count = 0; count < sales.length; count += CHUNK) {
      const chunk = sales.slice(count, count + CHUNK).flatMap(saleFields);
      if (!(await step('restoreSales', [count, ...chunk]))) return false;
    }
    return step('openEvent', [sales.length]);
  }

  /**
   * Waits for an event that another brings in this epoch, as long as something happens. Answers
   * whether it is there.
   */
  async whenOpen(eventId: Id, epoch: number): Promise<boolean> {
    const { link, prefix } = this.#options;
    const key = eventKey(prefix, eventTag(eventId));
    let before = '';
    for (let stillMs = 0; stillMs < STILL_MS_MAX; stillMs += LOOK_MS) {
      const state = (await link.call('eventEpoch', key, [])) as readonly number[];
      const [present = 0, , isHere] = state;
      if (isHere === 1 && present >= epoch) return present === epoch;
      // Begun in this epoch, by a server process that is gone.
      if (isHere === 0 && Math.abs(present) === epoch) return false;
      const after = state.join();
      if (after !== before) stillMs = 0;
      before = after;
      await this.#pause();
    }
    return false;
  }

  async #sales(eventId: Id): Promise<DecisionRecord[]> {
    const { ledger } = this.#options;
    const sales: DecisionRecord[] = [];
    for (let more = true; more;) {
      const page = await ledger.list(eventId, sales.at(-1)?.lockId);
      sales.push(...page);
      more = page.length > 0;
    }
    return sales;
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#options.timers.after(LOOK_MS, resolve);
    });
  }
}

function figureFields(eventId: Id, figures: readonly DecidedFigures[]): (string | number)[] {
  const fetchedAtMs = Math.max(-1, ...figures.map((one) => one.fetchedAtMs));
  const fields = figures.flatMap((one) => [
    textOf(one.categoryId),
    one.capacity,
    one.soldElsewhere,
  ]);
  return [textOf(eventId), fetchedAtMs, ...fields];
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
