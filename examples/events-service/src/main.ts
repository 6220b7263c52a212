import 'reflect-metadata';

import { NestFactory } from '@nestjs/core';
import { Transport } from '@nestjs/microservices';
import type { MicroserviceOptions } from '@nestjs/microservices';

import { AppModule } from './app.module.js';
import { QUEUE_OPTIONS, readSettings } from './settings.js';

const { rabbitmqUrl, eventsQueue } = readSettings();
const app = await NestFactory.createMicroservice<MicroserviceOptions>(AppModule, {
  transport: Transport.RMQ,
  options: {
    urls: [rabbitmqUrl],
    queue: eventsQueue,
    queueOptions: QUEUE_OPTIONS,
    noAck: false,
    prefetchCount: 16,
  },
});
app.enableShutdownHooks();
await app.listen();
console.log(`events-service: listening on ${eventsQueue}`);
