import type { Channel } from 'amqplib';

/** The service has these beside its queue. */
const SUFFIXES = ['', '.dlq', '.retry', '.refunds'];

/** Removes a service's queues from the broker, which may be somebody's own. */
export async function deleteQueuesOf(channel: Channel, queue: string): Promise<void> {
  for (const suffix of SUFFIXES) await channel.deleteQueue(queue + suffix);
}
