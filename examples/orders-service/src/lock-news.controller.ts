import { Controller, Inject, Logger, UseInterceptors } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';

import { Acknowledging } from './acknowledging.js';
import { Checkout } from './checkout.js';

interface LockNews {
  readonly lockId: string;
  /** Absent while no order has begun to pay for the lock. */
  readonly orderId?: string | number;
  readonly expiresAt?: string;
}

/** What the realtime service tells about locks, from its exchange. Any of it may come twice. */
@Controller()
@UseInterceptors(Acknowledging)
export class LockNewsController {
  readonly #log = new Logger(LockNewsController.name);

  constructor(@Inject(Checkout) private readonly checkout: Checkout) {}

  /** A good moment to remind the buyer who is on the payment page. */
  @EventPattern('lock.expiring')
  expiring(@Payload() { lockId, orderId, expiresAt }: LockNews): void {
    if (orderId !== undefined) this.#log.log(`order ${orderId}: lock ${lockId} ends ${expiresAt}`);
  }

  @EventPattern('lock.expired')
  expired(@Payload() { orderId }: LockNews): void {
    if (orderId !== undefined) this.checkout.lockIsOver(String(orderId));
  }

  @EventPattern('lock.refund-required')
  async refundRequired(@Payload() { orderId }: LockNews): Promise<void> {
    if (orderId !== undefined) await this.checkout.refundRequired(String(orderId));
  }
}
