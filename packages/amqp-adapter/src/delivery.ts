import type { Channel, ConsumeMessage, Options } from 'amqplib';

import type { AdapterLog } from './adapter-log.js';
import type { ReplyBody } from './packet.js';

/** What we read of a message's properties: whatever the sender put there. */
interface Wire {
  readonly replyTo: unknown;
  readonly correlationId: unknown;
  readonly headers: unknown;
}

/** What is in the headers of a copy beside those of the message. */
export type CopyHeaders = Readonly<Record<string, string | number | boolean>>;

/** By these the broker would send a copy to more queues than ours. */
const ROUTING_HEADERS = new Set(['CC', 'BCC']);
/** Of headers beyond this a copy has none: with ours they might be too many to be sent. */
const HEADERS_LENGTH_MAX = 32_768;

/**
 * One message of the queue, to be settled once: acknowledged, put back, or given up.
 *
 * On a channel that is closed by now settling does nothing: the broker delivers the message again.
 */
export class Delivery {
  readonly #channel: Channel;
  readonly #message: ConsumeMessage;
  readonly #log: AdapterLog;

  constructor(channel: Channel, message: ConsumeMessage, log: AdapterLog) {
    this.#channel = channel;
    this.#message = message;
    this.#log = log;
  }

  get content(): Buffer {
    return this.#message.content;
  }

  /** Whether somebody had the message before and did not settle it. */
  get isRedelivered(): boolean {
    return this.#message.fields.redelivered || Number(this.header('x-delivery-count') ?? 0) > 0;
  }

  /** What the sender, or the broker, put into a header. */
  header(name: string): unknown {
    const { headers } = this.#message.properties as Wire;
    if (typeof headers !== 'object' || headers === null) return undefined;
    return Object.hasOwn(headers, name) ? Reflect.get(headers, name) : undefined;
  }

  /**
   * How to publish the message once more, for somebody who does not answer it: its properties, but
   * none that routes, expires or vouches for the sender.
   */
  copyOptions(headers: CopyHeaders): Options.Publish {
    const { properties, fields } = this.#message;
    const given = Object.entries<unknown>(properties.headers ?? {});
    const kept = JSON.stringify(given).length > HEADERS_LENGTH_MAX ? [] : given;
    const { replyTo } = properties as Wire;
    return {
      persistent: true,
      ...textsOf(properties, 'contentType', 'contentEncoding', 'correlationId'),
      ...textsOf(properties, 'messageId', 'type', 'appId'),
      headers: {
        ...Object.fromEntries(kept.filter(([name]) => !ROUTING_HEADERS.has(name))),
        'x-original-exchange': fields.exchange,
        'x-original-routing-key': fields.routingKey,
        ...(isText(replyTo) && { 'x-original-reply-to': replyTo }),
        ...headers,
      },
    };
  }

  /** Whether somebody waits for an answer. Events have no address. */
  get isAnswerable(): boolean {
    const { replyTo, correlationId } = this.#message.properties as Wire;
    return isText(replyTo) && isText(correlationId);
  }

  /** Sends the answer ahead of the settling. Throws only when the body cannot be put into JSON. */
  reply(body: ReplyBody): void {
    const { replyTo, correlationId } = this.#message.properties as Wire;
    if (!isText(replyTo)) return;
    const content = Buffer.from(JSON.stringify(body));
    // Never mandatory: a delivered direct reply would come back as not routable.
    this.#onChannel(() =>
      this.#channel.sendToQueue(replyTo, content, {
        headers: {},
        ...(isText(correlationId) && { correlationId }),
      }),
    );
  }

  acknowledge(): void {
    this.#onChannel(() => this.#channel.ack(this.#message));
  }

  /** To this instance or another one. */
  putBack(): void {
    this.#onChannel(() => this.#channel.nack(this.#message, false, true));
  }

  /** To the dead letters, where the queue has a policy for them. */
  giveUp(): void {
    this.#onChannel(() => this.#channel.nack(this.#message, false, false));
  }

  #onChannel(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#log.debug(
        { err: error },
        'could not settle a message; if the channel is gone it comes again',
      );
    }
  }
}

/** Those of the properties that are there, and are text. */
function textsOf<Name extends string>(
  properties: Readonly<Partial<Record<Name, unknown>>>,
  ...names: readonly Name[]
): { readonly [Property in Name]?: string } {
  const texts: { [Property in Name]?: string } = {};
  for (const name of names) {
    const value = properties[name];
    if (isText(value)) texts[name] = value;
  }
  return texts;
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
