import type { Clock, LockChange, TicketLocks, Timers } from '@ticket-locks/lock-engine';

import type { ServiceLog } from './service-log.js';

export interface SettlementWatchOptions {
  readonly locks: Pick<TicketLocks, 'on'>;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Pick<ServiceLog, 'warn'>;
}

interface Waiting {
  readonly change: Extract<LockChange, { readonly type: 'order-completed' }>;
  isTold: boolean;
}

const STUCK_AFTER_MS = 60_000;
const LOOK_MS = 10_000;

/**
 * Sees to it that a sale which the events service does not come to count is noticed: its tickets
 * count twice until an operator looks. It frees nothing.
 *
 * Knows of the orders that were completed since the process began.
 */
export class SettlementWatch {
  readonly #options: SettlementWatchOptions;
  /** Completed and not settled, by lock, the oldest first. */
  readonly #waiting = new Map<string, Waiting>();
  #cancelLook: (() => void) | undefined;

  constructor(options: SettlementWatchOptions) {
    this.#options = options;
    options.locks.on('change', (change) => this.#onChange(change));
  }

  start(): void {
    this.#cancelLook = this.#options.timers.after(LOOK_MS, () => {
      this.#look();
      this.start();
    });
  }

  stop(): void {
    this.#cancelLook?.();
  }

  /** How long the oldest completed order waits to be settled, in seconds; 0 when none does. */
  oldestSeconds(): number {
    const [oldest] = this.#waiting.values();
    if (oldest === undefined) return 0;
    return Math.max(0, this.#options.clock.nowMs() - oldest.change.atMs) / 1000;
  }

  #onChange(change: LockChange): void {
    if (change.type === 'order-completed') {
      this.#waiting.set(change.lockId, { change, isTold: false });
    } else if (change.type === 'settled' || change.type === 'released') {
      this.#waiting.delete(change.lockId);
    }
  }

  #look(): void {
    const { clock, log } = this.#options;
    const stuckBeforeMs = clock.nowMs() - STUCK_AFTER_MS;
    for (const waiting of this.#waiting.values()) {
      const { lockId, eventId, categoryId, quantity, orderId, atMs } = waiting.change;
      if (atMs > stuckBeforeMs) return;
      if (waiting.isTold) continue;
      waiting.isTold = true;
      log.warn(
        { lockId, orderId, eventId, categoryId, quantity },
        'the events service does not count a completed order; its tickets count twice until then',
      );
    }
  }
}
