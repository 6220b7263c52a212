import { Module } from '@nestjs/common';
import { ClientsModule, Transport } from '@nestjs/microservices';

import { Acknowledging } from './acknowledging.js';
import { Checkout, EVENTS } from './checkout.js';
import { LockNewsController } from './lock-news.controller.js';
import { OrderStore } from './order-store.js';
import { OrdersController } from './orders.controller.js';
import { PaymentProvider } from './payment-provider.js';
import { QUEUE_OPTIONS, readSettings, SETTINGS } from './settings.js';
import { REALTIME, TicketLocks } from './ticket-locks.js';

const settings = readSettings();

function client(name: symbol, queue: string) {
  return {
    name,
    transport: Transport.RMQ as const,
    options: {
      urls: [settings.rabbitmqUrl],
      queue,
      queueOptions: QUEUE_OPTIONS,
      // What is on its way survives a restart of the broker.
      persistent: true,
      socketOptions: { reconnectTimeInSeconds: 1 },
    },
  };
}

@Module({
  imports: [
    ClientsModule.register([
      client(REALTIME, settings.realtimeQueue),
      client(EVENTS, settings.eventsQueue),
    ]),
  ],
  controllers: [OrdersController, LockNewsController],
  providers: [
    Acknowledging,
    Checkout,
    OrderStore,
    PaymentProvider,
    TicketLocks,
    { provide: SETTINGS, useValue: settings },
  ],
})
export class AppModule {}
