import { randomUUID } from 'node:crypto';

import {
  BadRequestException,
  Body,
  Controller,
  Get,
  Inject,
  NotFoundException,
  Param,
  Post,
} from '@nestjs/common';

import { Checkout } from './checkout.js';
import { OrderStore } from './order-store.js';
import type { NewOrder, Order } from './order-store.js';

const NUMBERS = ['userId', 'eventId', 'categoryId', 'quantity'] as const;

@Controller('orders')
export class OrdersController {
  constructor(
    @Inject(Checkout) private readonly checkout: Checkout,
    @Inject(OrderStore) private readonly orders: OrderStore,
  ) {}

  /**
   * Answers when the order is at its end. In a real shop the user comes from his token, not from
   * the body.
   */
  @Post()
  create(@Body() body: unknown): Promise<Order> {
    return this.checkout.checkout(readOrder(body));
  }

  @Get(':orderId')
  find(@Param('orderId') orderId: string): Order {
    const order = this.orders.find(orderId);
    if (order === undefined) throw new NotFoundException(`no order ${orderId}`);
    return order;
  }
}

function readOrder(body: unknown): NewOrder {
  const given = new Map(Object.entries(body ?? {}));
  const { lockId, paymentMethod = 'card' } = Object.fromEntries(given);
  if (typeof lockId !== 'string') throw new BadRequestException('lockId must be a text');
  if (typeof paymentMethod !== 'string') {
    throw new BadRequestException('paymentMethod must be a text');
  }
  const [userId = 0, eventId = 0, categoryId = 0, quantity = 0] = NUMBERS.map((name) => {
    const value: unknown = given.get(name);
    if (Number.isSafeInteger(value) && Number(value) >= 0) return Number(value);
    throw new BadRequestException(`${name} must be an integer`);
  });
  const orderId = randomUUID();
  return { orderId, lockId, userId, eventId, categoryId, quantity, paymentMethod };
}
