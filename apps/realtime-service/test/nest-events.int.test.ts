import { randomUUID } from 'node:crypto';

import { afterEach, expect, test } from 'vitest';

import { brokerUrl, NestClient } from '../../../packages/amqp-adapter/test/nest-client.js';
import { endPeers, startPeer } from './nest-peer.js';
import { endServices, startService } from './service-process.js';
import { deleteQueuesOf } from './side-queues.js';

afterEach(async () => {
  await Promise.all([endPeers(), endServices()]);
});

/** A row as an ORM gives it: what is a sum or a decimal comes as a text. */
function category(totalSeats: number, reservedSeats: number) {
  return {
    id: 7,
    eventId: 1,
    categoryName: 'Stalls',
    price: '49.90',
    totalSeats,
    reservedSeats: String(reservedSeats),
    availableSeats: String(totalSeats - reservedSeats),
    isActive: true,
  };
}

test.each([10, 11, 12] as const)(
  'a NestJS %i microservice is the source of what is on sale',
  async (version) => {
    const url = brokerUrl();
    const realtimeQueue = `realtime_test_${randomUUID()}`;
    const queue = `events_test_${randomUUID()}`;
    const events = [[1, [category(20, 5)]]] as const;
    const peer = await startPeer({ version, role: 'events', url, queue, events });
    const service = await startService({
      RABBITMQ_URL: url,
      REALTIME_QUEUE: realtimeQueue,
      EVENTS_QUEUE: queue,
      INVENTORY_FILE: '',
      INVENTORY_REFRESH_SECONDS: '60',
    });
    const buyer = await service.buyer(1);
    // The service starts without the broker, and asks the events service when it is connected.
    const join = () => buyer.ask('join-event-room', { eventId: 1 });
    const figures = { categoryId: 7, totalTickets: 20, soldTickets: 5, availableTickets: 15 };
    const joined = { success: true, availability: [figures] };
    await expect.poll(join, { timeout: 15_000 }).toMatchObject(joined);
    const unknown = await buyer.ask('lock-tickets', { eventId: 2, categoryId: 7, quantity: 1 });
    expect(unknown).toMatchObject({ success: false, code: 'EVENT_NOT_FOUND' });
    const tooMany = { eventId: 1, categoryId: 7, quantity: 9 };
    expect(await buyer.ask('lock-tickets', tooMany)).toMatchObject({ availableTickets: 6 });

    await peer.setEvent(1, [category(14, 5)]);
    const orders = await NestClient.open(realtimeQueue);
    orders.emit('event-capacity-changed', { eventId: 1 });
    const isNew = (news: { totalTickets: number }) => news.totalTickets === 14;
    expect(await buyer.hears('availability-update', isNew)).toMatchObject({
      soldTickets: 5,
      lockedTickets: 9,
      availableTickets: 0,
    });
    expect(peer.isRunning).toBe(true);
    await Promise.all([endPeers(), endServices()]);
    await deleteQueuesOf(orders.channel, realtimeQueue);
    await orders.channel.deleteQueue(queue);
    await orders.close();
  },
);
