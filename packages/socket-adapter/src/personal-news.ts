import type { Clock, Id, LockChange } from '@ticket-locks/lock-engine';

import { iso } from './answers.js';
import type { News, OrderNews } from './protocol.js';

export interface PersonalNewsOptions {
  readonly clock: Clock;
  /** Sends to all sockets of the user, but to that one. */
  readonly send: <Event extends keyof News>(message: {
    readonly userId: Id;
    readonly event: Event;
    readonly news: News[Event];
    readonly exceptSocketId?: string | undefined;
  }) => void;
  /** The socket that asked for this lock's release, if it was one of ours. */
  readonly askerOf: (lock: ReleasedLock) => string | undefined;
}

export type ReleasedLock = Extract<LockChange, { readonly type: 'released' }>;

/** An order of the user, as the orders service tells of it. */
export interface OrderToForward extends Omit<OrderNews, 'message'> {
  readonly userId: Id;
}

const ORDER_MESSAGES = {
  'order-completed': 'Your order has been completed',
  'order-cancelled': 'Your order has been cancelled, its tickets are on sale again',
} as const;

/** Tells users of what happens to their locks without their doing. Holds no state. */
export class PersonalNews {
  readonly #options: PersonalNewsOptions;

  constructor(options: PersonalNewsOptions) {
    this.#options = options;
  }

  onChange(change: LockChange): void {
    const { clock, send, askerOf } = this.#options;
    switch (change.type) {
      case 'expiring': {
        const expiresInMs = Math.max(0, Math.round(change.expiresAtMs - clock.nowMs()));
        const news = { ...lockNews(change), expiresAt: iso(change.expiresAtMs), expiresInMs };
        return send({ userId: change.userId, event: 'lock-expiring', news });
      }
      case 'expired': {
        const news = { ...lockNews(change), expiresAt: iso(change.expiresAtMs) };
        return send({ userId: change.userId, event: 'lock-expired', news });
      }
      case 'released': {
        const news = { ...lockNews(change), reason: change.reason };
        const exceptSocketId = askerOf(change);
        return send({ userId: change.userId, event: 'lock-released', news, exceptSocketId });
      }
      case 'confirmed': {
        const news = { ...lockNews(change), ...(change.late === true && { late: change.late }) };
        return send({ userId: change.userId, event: 'lock-confirmed', news });
      }
      // No news: he did it himself, or it is not about one of his locks.
      case 'event-cancelled':
      case 'extended':
      case 'forgotten':
      case 'inventory-set':
      case 'locked':
      case 'order-completed':
      case 'payment-begun':
      case 'quantity-changed':
      case 'refund-required':
      case 'request-remembered':
      case 'settled':
    }
  }

  forwardOrder(event: keyof typeof ORDER_MESSAGES, { userId, ...order }: OrderToForward): void {
    this.#options.send({ userId, event, news: { ...order, message: ORDER_MESSAGES[event] } });
  }
}

type ChangeOfLock = Extract<
  LockChange,
  { readonly type: 'expiring' | 'expired' | 'released' | 'confirmed' }
>;

function lockNews({ lockId, eventId, categoryId, quantity, orderId }: ChangeOfLock) {
  return { lockId, eventId, categoryId, quantity, ...(orderId !== undefined && { orderId }) };
}
