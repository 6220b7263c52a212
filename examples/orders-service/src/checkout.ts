import { Inject, Injectable, Logger } from '@nestjs/common';
import type { OnApplicationBootstrap } from '@nestjs/common';
import type { ClientProxy } from '@nestjs/microservices';
import { defer, firstValueFrom, retry } from 'rxjs';

import { OrderStore } from './order-store.js';
import type { NewOrder, Order, OrderState } from './order-store.js';
import { PaymentProvider } from './payment-provider.js';
import { REALTIME, TicketLocks } from './ticket-locks.js';

export const EVENTS = Symbol('the events service');

type Step = (order: Order) => Promise<OrderState>;

/**
 * Takes an order from the lock to the sale, one step after the other. Each step can be repeated:
 * after a crash every order goes on where it was, with the same ids.
 */
@Injectable()
export class Checkout implements OnApplicationBootstrap {
  readonly #log = new Logger(Checkout.name);
  /** Orders that are being worked on, so that nobody works on one twice. */
  readonly #working = new Map<string, Promise<Order>>();

  constructor(
    @Inject(OrderStore) private readonly orders: OrderStore,
    @Inject(TicketLocks) private readonly locks: TicketLocks,
    @Inject(PaymentProvider) private readonly payments: PaymentProvider,
    @Inject(REALTIME) private readonly realtime: ClientProxy,
    @Inject(EVENTS) private readonly events: ClientProxy,
  ) {}

  onApplicationBootstrap(): void {
    for (const order of this.orders.underWay()) {
      this.#finish(order).catch((error: unknown) => this.#log.error(error));
    }
  }

  /** Resolves when the order is at its end, good or bad. */
  async checkout(order: NewOrder): Promise<Order> {
    return this.#finish(this.orders.add(order));
  }

  /** The lock has ended: nobody should pay any more. Whoever has paid is refunded by `confirm`. */
  lockIsOver(orderId: string): void {
    this.payments.cancel(orderId);
  }

  /**
   * Money came too late. Usually the order knows, since its confirm was refused; if it has crashed
   * since then it asks again, and is refused again.
   */
  async refundRequired(orderId: string): Promise<void> {
    const order = this.orders.find(orderId);
    if (order !== undefined) await this.#finish(order);
  }

  #finish(order: Order): Promise<Order> {
    const { orderId } = order;
    const work = this.#working.get(orderId) ?? this.#workOn(order);
    this.#working.set(orderId, work);
    return work.finally(() => this.#working.delete(orderId));
  }

  async #workOn(order: Order): Promise<Order> {
    const step = this.#steps[order.state];
    if (step === undefined) return order;
    const state = await step(order);
    this.#log.log(`order ${order.orderId}: ${order.state} -> ${state}`);
    return this.#workOn(this.orders.move(order, state));
  }

  readonly #steps: Readonly<Partial<Record<OrderState, Step>>> = {
    new: async (order) => {
      const begun = await this.locks.beginPayment(order.lockId, order.orderId);
      // Too late, or another order's: nothing is paid, and there is nothing to give back.
      if (!begun.ok) return 'failed';
      return (await this.payments.take(order)) === 'paid' ? 'paid' : 'declined';
    },
    declined: async (order) => {
      await this.locks.release(order.lockId, order.orderId);
      return 'failed';
    },
    paid: async (order) => {
      const confirmed = await this.locks.confirm(order);
      return confirmed.ok ? 'confirmed' : 'refund-due';
    },
    confirmed: async (order) => {
      await this.#tell('order-completed', order);
      return 'completed';
    },
    'refund-due': async (order) => {
      await this.payments.giveBack(order.orderId);
      // The lock may be there still, if the confirm was refused for what it claimed.
      await this.locks.release(order.lockId, order.orderId);
      return 'refunded';
    },
  };

  /** Resolves when the broker has it for both. It may come twice: the order id tells. */
  async #tell(pattern: string, order: Order): Promise<void> {
    const { orderId, lockId, userId, eventId, categoryId, quantity } = order;
    const news = { orderId, lockId, userId, eventId, categoryId, quantity };
    for (const service of [this.events, this.realtime]) {
      const sent = defer(() => service.emit(pattern, news)).pipe(retry({ delay: 1_000 }));
      await firstValueFrom(sent, { defaultValue: undefined });
    }
  }
}
