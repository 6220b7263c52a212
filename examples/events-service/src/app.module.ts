import { Module } from '@nestjs/common';
import { ClientsModule, Transport } from '@nestjs/microservices';

import { Acknowledging } from './acknowledging.js';
import { SeatRegister } from './seat-register.js';
import { REALTIME, SeatsController } from './seats.controller.js';
import { QUEUE_OPTIONS, readSettings, SETTINGS } from './settings.js';

const settings = readSettings();

@Module({
  imports: [
    ClientsModule.register([
      {
        name: REALTIME,
        transport: Transport.RMQ,
        options: {
          urls: [settings.rabbitmqUrl],
          queue: settings.realtimeQueue,
          queueOptions: QUEUE_OPTIONS,
          persistent: true,
        },
      },
    ]),
  ],
  controllers: [SeatsController],
  providers: [Acknowledging, SeatRegister, { provide: SETTINGS, useValue: settings }],
})
export class AppModule {}
