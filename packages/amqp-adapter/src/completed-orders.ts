import type {
  Clock,
  ConfirmedChange,
  Id,
  LockChange,
  Outcome,
  TicketLocks,
} from '@ticket-locks/lock-engine';

import type { AdapterLog } from './adapter-log.js';
import type { Order } from './payloads.js';
import { PendingOrders } from './pending-orders.js';

export interface CompletedOrdersOptions {
  readonly locks: Pick<TicketLocks, 'setInventory' | 'on'>;
  /** Is told that the events service counts by now what an order has sold. */
  readonly changed: (eventId: Id) => void;
  readonly clock: Clock;
  readonly log: AdapterLog;
}

/**
 * Notes completed orders on their confirmed locks, so that the next figures may settle them.
 *
 * An order that comes before the confirm of its lock waits for it.
 */
export class CompletedOrders {
  readonly #options: CompletedOrdersOptions;
  readonly #pending: PendingOrders;

  constructor(options: CompletedOrdersOptions) {
    this.#options = options;
    this.#pending = new PendingOrders(options.clock);
    options.locks.on('change', (change) => this.#onChange(change));
  }

  /** Answers when it is durable which lock the order was about, if that is confirmed by now. */
  async complete(order: Order): Promise<Outcome<unknown>> {
    // Before the question: a confirm that comes while it is answered finds the order waiting.
    this.#pending.add(order);
    const outcome = await this.#note(order.eventId, [order]);
    if (outcome.ok) this.#options.changed(order.eventId);
    return outcome;
  }

  #onChange(change: LockChange): void {
    if (change.type === 'confirmed' && this.#pending.size > 0) void this.#onConfirmed(change);
  }

  async #onConfirmed(sale: ConfirmedChange): Promise<void> {
    const { changed, log } = this.#options;
    const orders = this.#pending.matching(sale);
    if (orders.length === 0) return;
    try {
      const outcome = await this.#note(sale.eventId, orders);
      if (outcome.ok) changed(sale.eventId);
    } catch (error) {
      log.error({ err: error, lockId: sale.lockId }, 'could not note a completed order');
    }
  }

  async #note(eventId: Id, orders: readonly Order[]): Promise<Outcome<unknown>> {
    const outcome = await this.#options.locks.setInventory({ eventId, completed: orders });
    if (!outcome.ok) return outcome;
    const waiting = new Set(outcome.value.unmatched.map(({ orderId }) => orderId));
    for (const order of orders) if (!waiting.has(order.orderId)) this.#pending.delete(order);
    return outcome;
  }
}
