import type { Channel, ChannelModel, Options } from 'amqplib';

import type { AdapterLog } from './adapter-log.js';

/** The options of a queue as amqplib takes them, such as `{ durable: true }`. */
export type QueueOptions = Options.AssertQueue;

export interface QueueDeclaration {
  readonly queue: string;
  /** Must be those of the NestJS peers, or whoever declares the queue second crashes. */
  readonly queueOptions: QueueOptions;
  /** `never`: wait until a peer has made the queue. */
  readonly declare: 'auto' | 'never';
  readonly log: AdapterLog;
}

const NOT_FOUND = 404;
const PRECONDITION_FAILED = 406;

/**
 * Makes sure that the queue is there, and never fights a peer over its options: it is looked for
 * first and declared only when it is missing; when a peer was faster, with other options, his queue
 * is taken.
 *
 * Rejects when the broker refuses for any other reason.
 */
export async function declareQueue(
  model: ChannelModel,
  { queue, queueOptions, declare, log }: QueueDeclaration,
): Promise<'ready' | 'missing'> {
  if (await isThere(model, queue)) return 'ready';
  if (declare === 'never') return 'missing';
  const outcome = await attempt(model, (channel) => channel.assertQueue(queue, queueOptions));
  if (outcome.ok) {
    log.info({ queue, queueOptions }, 'declared the queue; peers must use the same options');
    return 'ready';
  }
  if (outcome.error.code !== PRECONDITION_FAILED) throw outcome.error;
  log.warn({ queue, queueOptions }, 'a peer has declared the queue with other options; using his');
  return (await isThere(model, queue)) ? 'ready' : 'missing';
}

/** An exchange that is ours. */
export interface ExchangeDeclaration {
  readonly exchange: string;
  readonly log: AdapterLog;
}

/** Makes sure that the durable topic exchange is there, with the same tolerance. */
export async function declareExchange(
  model: ChannelModel,
  { exchange, log }: ExchangeDeclaration,
): Promise<void> {
  const found = await attempt(model, (channel) => channel.checkExchange(exchange));
  if (found.ok) return;
  if (found.error.code !== NOT_FOUND) throw found.error;
  const outcome = await attempt(model, (channel) =>
    channel.assertExchange(exchange, 'topic', { durable: true }),
  );
  if (outcome.ok) return;
  if (outcome.error.code !== PRECONDITION_FAILED) throw outcome.error;
  log.warn({ exchange }, 'a peer has declared the exchange with other options; using his');
}

export async function bindQueue(
  model: ChannelModel,
  binding: { readonly queue: string; readonly exchange: string; readonly routingKey: string },
): Promise<void> {
  const { queue, exchange, routingKey } = binding;
  const outcome = await attempt(model, (channel) => channel.bindQueue(queue, exchange, routingKey));
  if (!outcome.ok) throw outcome.error;
}

async function isThere(model: ChannelModel, queue: string): Promise<boolean> {
  const outcome = await attempt(model, (channel) => channel.checkQueue(queue));
  if (!outcome.ok && outcome.error.code !== NOT_FOUND) throw outcome.error;
  return outcome.ok;
}

type Attempt = { readonly ok: true } | { readonly ok: false; readonly error: BrokerError };
type BrokerError = Error & { readonly code?: unknown };

/** Tries something on a channel of its own: a refusal closes the channel. */
async function attempt(
  model: ChannelModel,
  action: (channel: Channel) => Promise<unknown>,
): Promise<Attempt> {
  const channel = await model.createChannel();
  // Said again by the rejection; without a listener it would be an uncaught exception.
  channel.on('error', () => undefined);
  try {
    await action(channel);
  } catch (error) {
    return { ok: false, error: error as BrokerError };
  }
  await channel.close();
  return { ok: true };
}
