import type { Timers } from '@ticket-locks/lock-engine';

import type { RedisLink } from './redis-link.js';
import type { StoreEpoch } from './store-epoch.js';

export interface StoreWatchOptions {
  readonly link: Pick<RedisLink, 'isAnswering'>;
  readonly epoch: StoreEpoch;
  /** The key of what all events share. */
  readonly key: string;
  readonly timers: Timers;
}

/** How often it is looked. */
const LOOK_MS = 1_000;

/**
 * Whether Redis can serve buyers: it answers, and holds the epoch that is in force.
 *
 * `start` -> WATCHING -> `stop`. A look that finds the epoch gone begins its recovery, although
 * nobody asks for anything: a service that is not available gets no buyers who would.
 */
export class StoreWatch {
  readonly #options: StoreWatchOptions;
  #isWhole = false;
  #isStopped = false;
  #cancel: (() => void) | undefined;

  constructor(options: StoreWatchOptions) {
    this.#options = options;
  }

  get isAvailable(): boolean {
    const { link, key } = this.#options;
    return this.#isWhole && link.isAnswering(key);
  }

  /** After the epoch was opened. */
  start(): void {
    this.#isWhole = true;
    this.#arm();
  }

  stop(): void {
    this.#isStopped = true;
    this.#isWhole = false;
    this.#cancel?.();
  }

  #arm(): void {
    if (this.#isStopped) return;
    this.#cancel = this.#options.timers.after(LOOK_MS, () => void this.#look());
  }

  async #look(): Promise<void> {
    try {
      await this.#options.epoch.check();
      this.#isWhole = !this.#isStopped;
    } catch {
      this.#isWhole = false;
    }
    this.#arm();
  }
}
