import type { Channel, ConsumeMessage } from 'amqplib';

import type { AdapterLog } from './adapter-log.js';
import type { ReplyBody } from './packet.js';

/** What we read of a message's properties: whatever the sender put there. */
interface Wire {
  readonly replyTo: unknown;
  readonly correlationId: unknown;
}

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
    return this.#message.fields.redelivered;
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

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
