// A process that answers the requests of one queue: bare amqplib that echoes, or the adapter on a
// store in memory. Arguments: what it is, the broker, the queue, how many locks to confirm.
import { AmqpAdapter } from '@ticket-locks/amqp-adapter';
import { LocalTicketLocks, systemTimers } from '@ticket-locks/lock-engine';
import { connect } from 'amqplib';

import { lockIdAt } from './amqp-caller.js';

const PREFETCH = 64;
const EVENT = { eventId: 1, categoryId: 1 };
const silent = { debug() {}, info() {}, warn() {}, error() {} };

async function serveEcho(url: string, queue: string): Promise<void> {
  const model = await connect(url, { noDelay: true });
  const channel = await model.createChannel();
  await channel.assertQueue(queue, { durable: true });
  await channel.prefetch(PREFETCH);
  await channel.consume(queue, (message) => {
    if (message === null) return;
    const { data } = JSON.parse(String(message.content)) as { data: unknown };
    const { replyTo, correlationId } = message.properties as {
      replyTo: string;
      correlationId: string;
    };
    const body = Buffer.from(JSON.stringify({ response: data, isDisposed: true }));
    channel.sendToQueue(replyTo, body, { headers: {}, correlationId });
    channel.ack(message);
  });
}

async function serveLocks(url: string, queue: string, lockCount: number): Promise<void> {
  let made = 0;
  const categories = [{ categoryId: EVENT.categoryId, capacity: lockCount }];
  const locks = new LocalTicketLocks({
    source: { load: async () => ({ categories }) },
    ids: { lockId: () => lockIdAt(made++), sessionId: () => 'session' },
    policy: { ttlMs: 3_600_000 },
  });
  await locks.start();
  for (let userId = 1; userId <= lockCount; userId += 1) {
    await locks.lock({ ...EVENT, quantity: 1, userId, sessionId: 'session' });
  }
  const adapter = new AmqpAdapter({
    url,
    queue,
    queueOptions: { durable: true },
    declare: 'auto',
    exchange: `${queue}.changes`,
    locks,
    stats: async () => ({}),
    log: silent,
    timers: systemTimers(),
  });
  await adapter.start();
  if (!adapter.isConnected)
    await new Promise((resolve) => adapter.once('connected', () => resolve(0)));
}

const [kind, url = '', queue = '', lockCount] = process.argv.slice(2);
if (kind === 'echo') await serveEcho(url, queue);
else await serveLocks(url, queue, Number(lockCount));
process.stdout.write('serving\n');
