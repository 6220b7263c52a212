import 'reflect-metadata';

import { NestFactory } from '@nestjs/core';
import { Transport } from '@nestjs/microservices';
import type { MicroserviceOptions } from '@nestjs/microservices';

import { AppModule } from './app.module.js';
import { QUEUE_OPTIONS, readSettings } from './settings.js';

const settings = readSettings();
const app = await NestFactory.create(AppModule);
app.connectMicroservice<MicroserviceOptions>({
  transport: Transport.RMQ,
  options: {
    urls: [settings.rabbitmqUrl],
    queue: settings.lockNewsQueue,
    queueOptions: QUEUE_OPTIONS,
    exchange: settings.lockNewsExchange,
    exchangeType: 'topic',
    // Binds the queue to the exchange, once for each pattern that has a handler.
    wildcards: true,
    noAck: false,
    prefetchCount: 16,
  },
});
app.enableShutdownHooks();
await app.startAllMicroservices();
await app.listen(settings.port, '127.0.0.1');
console.log(`orders-service: listening on ${await app.getUrl()}`);
