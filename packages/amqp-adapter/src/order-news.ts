import type { AdapterLog } from './adapter-log.js';
import type { Order } from './payloads.js';

export type OrderKind = 'order-completed' | 'order-cancelled';

const REMEMBERED_MAX = 10_000;

/** Hands on what became of an order, once however often the message comes. */
export class OrderNews {
  readonly #onOrder: (kind: OrderKind, order: Order) => void;
  readonly #log: AdapterLog;
  /** What was told lately, the oldest first. */
  readonly #told = new Set<string>();

  constructor(onOrder: (kind: OrderKind, order: Order) => void, log: AdapterLog) {
    this.#onOrder = onOrder;
    this.#log = log;
  }

  tell(kind: OrderKind, order: Order): void {
    const key = JSON.stringify([kind, order.orderId, order.eventId, order.categoryId]);
    if (this.#told.has(key)) return;
    const [oldest] = this.#told;
    if (oldest !== undefined && this.#told.size >= REMEMBERED_MAX) this.#told.delete(oldest);
    this.#told.add(key);
    try {
      this.#onOrder(kind, order);
    } catch (error) {
      this.#log.error({ err: error, orderId: order.orderId }, 'an order could not be handed on');
    }
  }
}
