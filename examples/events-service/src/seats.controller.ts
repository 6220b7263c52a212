import { Controller, Inject, UseInterceptors } from '@nestjs/common';
import { EventPattern, MessagePattern, Payload, RpcException } from '@nestjs/microservices';
import type { ClientProxy } from '@nestjs/microservices';
import { firstValueFrom } from 'rxjs';

import { Acknowledging } from './acknowledging.js';
import { SeatRegister } from './seat-register.js';
import type { OrderNews, TicketCategory } from './seat-register.js';

export const REALTIME = Symbol('the realtime service');

@Controller()
@UseInterceptors(Acknowledging)
export class SeatsController {
  constructor(
    @Inject(SeatRegister) private readonly seats: SeatRegister,
    @Inject(REALTIME) private readonly realtime: ClientProxy,
  ) {}

  /** The only thing that the realtime service asks. */
  @MessagePattern('get-ticket-categories')
  categories(@Payload() eventId: number): TicketCategory[] {
    const categories = this.seats.categoriesOf(eventId);
    if (categories === undefined) throw new RpcException(`Event ${eventId} not found`);
    return categories;
  }

  @EventPattern('order-completed')
  completed(@Payload() order: OrderNews): void {
    this.seats.count(order);
  }

  @EventPattern('order-cancelled')
  cancelled(@Payload() order: OrderNews): void {
    this.seats.cancel(order);
  }

  /** The organiser sells more, or fewer. Whatever is locked or sold stays so. */
  @MessagePattern('change-capacity')
  async changeCapacity(
    @Payload() { categoryId, totalSeats }: { categoryId: number; totalSeats: number },
  ): Promise<{ eventId: number }> {
    const eventId = this.seats.changeCapacity(categoryId, totalSeats);
    if (eventId === undefined) throw new RpcException(`Category ${categoryId} not found`);
    await this.tell('event-capacity-changed', { eventId });
    return { eventId };
  }

  @MessagePattern('cancel-event')
  async cancelEvent(@Payload() { eventId }: { eventId: number }): Promise<{ eventId: number }> {
    this.seats.cancelEvent(eventId);
    await this.tell('event-cancelled', { eventId });
    return { eventId };
  }

  /** Resolves when the broker has it. */
  private async tell(pattern: string, news: object): Promise<void> {
    await firstValueFrom(this.realtime.emit(pattern, news), { defaultValue: undefined });
  }
}
