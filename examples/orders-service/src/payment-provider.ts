import { Injectable } from '@nestjs/common';

import type { Order } from './order-store.js';

export type Payment = 'paid' | 'declined';

/** How long buyers take to pay, unless they pay by card. */
const SLOW_MS = Number(process.env['SLOW_PAYMENT_MS'] ?? 10_000);

/**
 * Stands for the provider of your payments. What matters is its contract: every call carries the
 * order's id, and a call that comes twice with the same id takes or gives back the money once.
 *
 * Methods of payment: `card` pays at once, `declined` never; `wallet` and `transfer` pay after a
 * while, but only a `wallet` can be stopped before that. So a `transfer` may come too late.
 */
@Injectable()
export class PaymentProvider {
  readonly #payments = new Map<string, Promise<Payment>>();
  readonly #cancelled = new Map<string, () => void>();
  readonly #refunded = new Set<string>();

  take({ orderId, paymentMethod }: Order): Promise<Payment> {
    const known = this.#payments.get(orderId);
    if (known !== undefined) return known;
    const payment = this.#begin(orderId, paymentMethod);
    this.#payments.set(orderId, payment);
    return payment;
  }

  /** Closes the payment page. What is paid by now stays paid. */
  cancel(orderId: string): void {
    this.#cancelled.get(orderId)?.();
  }

  async giveBack(orderId: string): Promise<void> {
    this.#refunded.add(orderId);
  }

  #begin(orderId: string, method: string): Promise<Payment> {
    if (method === 'card') return Promise.resolve('paid');
    if (method !== 'wallet' && method !== 'transfer') return Promise.resolve('declined');
    return new Promise((resolve) => {
      const paid = setTimeout(resolve, SLOW_MS, 'paid');
      if (method === 'transfer') return;
      this.#cancelled.set(orderId, () => {
        clearTimeout(paid);
        resolve('declined');
      });
    });
  }
}
