import type { Clock, Id } from '@ticket-locks/lock-engine';

import type { Order } from './payloads.js';

/** Most orders that are remembered, and for how long. */
const ORDERS_MAX = 10_000;
const KEPT_FOR_MS = 3_600_000;

/** What is known of a confirmed lock. */
export interface Sale {
  readonly lockId: string;
  readonly eventId: Id;
  readonly categoryId: Id;
  readonly userId: Id;
  readonly quantity: number;
}

interface Entry {
  readonly order: Order;
  readonly keptUntilMs: number;
}

/**
 * Completed orders whose lock is not confirmed yet, or which were sold without a lock: nobody can
 * tell. The oldest are forgotten first, and every one after an hour.
 */
export class PendingOrders {
  readonly #clock: Clock;
  /** By order and category, the oldest first. */
  readonly #entries = new Map<string, Entry>();
  /** The keys of the orders that one sale may be about. */
  readonly #bySale = new Map<string, Set<string>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#entries.size;
  }

  add(order: Order): void {
    this.delete(order);
    this.#forget();
    const key = orderKey(order);
    this.#entries.set(key, { order, keptUntilMs: this.#clock.nowMs() + KEPT_FOR_MS });
    const alike = this.#bySale.get(saleKey(order)) ?? new Set();
    this.#bySale.set(saleKey(order), alike.add(key));
  }

  delete(order: Order): void {
    const key = orderKey(order);
    if (!this.#entries.delete(key)) return;
    const alike = this.#bySale.get(saleKey(order));
    alike?.delete(key);
    if (alike?.size === 0) this.#bySale.delete(saleKey(order));
  }

  /** The orders that may be about the sale, the oldest first. */
  matching(sale: Sale): Order[] {
    const nowMs = this.#clock.nowMs();
    const orders: Order[] = [];
    for (const key of this.#bySale.get(saleKey(sale)) ?? []) {
      const entry = this.#entries.get(key);
      if (entry === undefined || entry.keptUntilMs <= nowMs) continue;
      const { lockId = sale.lockId } = entry.order;
      if (lockId === sale.lockId) orders.push(entry.order);
    }
    return orders;
  }

  /** Makes room for one more. */
  #forget(): void {
    const nowMs = this.#clock.nowMs();
    for (const { order, keptUntilMs } of this.#entries.values()) {
      if (keptUntilMs > nowMs && this.#entries.size < ORDERS_MAX) return;
      this.delete(order);
    }
  }
}

function orderKey({ orderId, eventId, categoryId }: Order): string {
  return JSON.stringify([orderId, eventId, categoryId]);
}

function saleKey({ eventId, categoryId, userId, quantity }: Omit<Sale, 'lockId'>): string {
  return JSON.stringify([eventId, categoryId, userId, quantity]);
}
