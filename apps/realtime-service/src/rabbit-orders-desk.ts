import { randomUUID } from 'node:crypto';

import { connect } from 'amqplib';
import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';

import type { DeskAnswer, DeskOrder, OrdersDesk } from './orders-desk.js';

export interface RabbitOrdersDeskOptions {
  readonly url: string;
  readonly queue: string;
  /** How long an answer is waited for, in milliseconds. Default 5,000. */
  readonly timeoutMs?: number;
}

interface Link {
  readonly model: ChannelModel;
  readonly channel: Channel;
}

type Reply = Record<string, unknown>;

const DIRECT_REPLY_TO = 'amq.rabbitmq.reply-to';
const TIMEOUT_MS = 5000;
const UNAVAILABLE: DeskAnswer = { ok: false, error: { code: 'UNAVAILABLE' } };
const OUTCOME_UNKNOWN: DeskAnswer = { ok: false, error: { code: 'OUTCOME_UNKNOWN' } };

/**
 * Over RabbitMQ, in the frames of a NestJS client, as the real orders service asks.
 *
 * IDLE -> the first request -> CONNECTED -> a lost connection -> IDLE ... -> `close`. What was sent
 * and not answered when the connection is lost is not known.
 */
export class RabbitOrdersDesk implements OrdersDesk {
  readonly #options: RabbitOrdersDeskOptions;
  readonly #waiting = new Map<string, (answer: DeskAnswer) => void>();
  #link: Promise<Link> | undefined;

  constructor(options: RabbitOrdersDeskOptions) {
    this.#options = options;
  }

  async beginPayment({ orderId, lockIds }: DeskOrder): Promise<DeskAnswer> {
    for (const lockId of lockIds) {
      const answer = await this.#ask('begin-ticket-payment', { lockId, orderId });
      if (!answer.ok) return answer;
    }
    return { ok: true, late: false };
  }

  async confirm(order: DeskOrder): Promise<DeskAnswer> {
    return this.#ask('confirm-ticket-locks', order);
  }

  async release(order: DeskOrder): Promise<DeskAnswer> {
    return this.#ask('release-ticket-locks', order);
  }

  async close(): Promise<void> {
    const link = await this.#link?.catch(() => undefined);
    await link?.model.close().catch(() => {});
  }

  async #ask(pattern: string, data: object): Promise<DeskAnswer> {
    const link = await this.#connected().catch(() => undefined);
    if (link === undefined) return UNAVAILABLE;
    const id = randomUUID();
    const answer = new Promise<DeskAnswer>((resolve) => this.#waiting.set(id, resolve));
    const timer = setTimeout(
      () => this.#answer(id, OUTCOME_UNKNOWN),
      this.#options.timeoutMs ?? TIMEOUT_MS,
    );
    try {
      const content = Buffer.from(JSON.stringify({ pattern, data, id }));
      link.channel.sendToQueue(this.#options.queue, content, {
        headers: {},
        persistent: false,
        correlationId: id,
        replyTo: DIRECT_REPLY_TO,
        // A queue that is not there gives the message back.
        mandatory: true,
      });
    } catch {
      this.#answer(id, OUTCOME_UNKNOWN);
    }
    return answer.finally(() => clearTimeout(timer));
  }

  #connected(): Promise<Link> {
    this.#link ??= this.#connect().catch((error: unknown) => {
      this.#link = undefined;
      throw error;
    });
    return this.#link;
  }

  async #connect(): Promise<Link> {
    const { url, timeoutMs = TIMEOUT_MS } = this.#options;
    const model = await connect(url, { noDelay: true, timeout: timeoutMs });
    // What follows is told by `close`.
    model.on('error', () => {});
    model.on('close', () => this.#onLost());
    const channel = await model.createChannel();
    channel.on('error', () => void model.close().catch(() => {}));
    channel.on('return', ({ properties }) => {
      this.#answer(String(properties.correlationId), UNAVAILABLE);
    });
    await channel.consume(DIRECT_REPLY_TO, (message) => this.#onReply(message), { noAck: true });
    return { model, channel };
  }

  #onLost(): void {
    this.#link = undefined;
    for (const id of this.#waiting.keys()) this.#answer(id, OUTCOME_UNKNOWN);
  }

  #onReply(message: ConsumeMessage | null): void {
    if (message === null) return;
    const { err, response } = JSON.parse(message.content.toString('utf8')) as Reply;
    const answer = err === undefined ? accepted(response) : refused(err);
    this.#answer(String(message.properties.correlationId), answer);
  }

  #answer(id: string, answer: DeskAnswer): void {
    this.#waiting.get(id)?.(answer);
    this.#waiting.delete(id);
  }
}

function accepted(response: unknown): DeskAnswer {
  const { locks } = { locks: [], ...(response as object) } as { locks: { late?: true }[] };
  return { ok: true, late: locks.some(({ late }) => late === true) };
}

/** The facts of a refusal; an error without a code is nobody's word about the locks. */
function refused(err: unknown): DeskAnswer {
  if (typeof err !== 'object' || err === null || !('code' in err)) return OUTCOME_UNKNOWN;
  const { status: _status, message: _message, ...error } = err as { code: string } & Reply;
  return { ok: false, error };
}
