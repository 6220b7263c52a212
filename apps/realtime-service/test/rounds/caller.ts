// Those who send requests over RabbitMQ as the orders service does. Who hears nothing asks again,
// with the same ids.
import { randomUUID } from 'node:crypto';

import { connect } from 'amqplib';
import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';

import type { NestPeer } from '../nest-peer.js';
import { deleteQueuesOf } from '../side-queues.js';

/** A value of ours, or a refusal with its code, in the same shape as over the socket. */
export interface Answer {
  readonly success: boolean;
  readonly code?: string;
  readonly [fact: string]: unknown;
}

export interface Request {
  readonly pattern: string;
  readonly data: object;
}

export interface Caller {
  /** `onAnswer` hears every answer, whenever it comes; it may come never. */
  send(request: Request, onAnswer: (answer: Answer) => void): void;
}

/** Everything that was heard of one request, in the order of coming. */
export interface Asked {
  readonly request: Request;
  readonly answers: Answer[];
  sentCount: number;
}

const DIRECT_REPLY_TO = 'amq.rabbitmq.reply-to';
/** After this time without an answer a caller asks again. */
const PATIENCE_MS = 1000;
/** By then at the latest there must be a final answer. */
const FINAL_ANSWER_MS = 40_000;

/** Whether the answer decides: nothing that comes later may say otherwise. */
export function isFinal({ code }: Answer): boolean {
  return code !== 'OUTCOME_UNKNOWN' && code !== 'UNAVAILABLE';
}

/** Sends the request again and again, until there is a final answer. */
export async function askUntilFinal(caller: Caller, asked: Asked): Promise<Answer> {
  let again: NodeJS.Timeout | undefined;
  let end: NodeJS.Timeout | undefined;
  try {
    return await new Promise<Answer>((resolve, reject) => {
      const send = () => {
        asked.sentCount += 1;
        caller.send(asked.request, (answer) => {
          asked.answers.push(answer);
          if (isFinal(answer)) resolve(answer);
        });
      };
      const giveUp = () => reject(new Error(`no final answer: ${JSON.stringify(asked)}`));
      again = setInterval(send, PATIENCE_MS);
      end = setTimeout(giveUp, FINAL_ANSWER_MS);
      send();
    });
  } finally {
    clearInterval(again);
    clearTimeout(end);
  }
}

/** The frames of a NestJS client, many at a time, on one connection. */
export class AmqpCaller implements Caller {
  readonly #model: ChannelModel;
  readonly #channel: Channel;
  readonly #queue: string;
  readonly #waiting = new Map<unknown, (answer: Answer) => void>();

  private constructor(model: ChannelModel, channel: Channel, queue: string) {
    this.#model = model;
    this.#channel = channel;
    this.#queue = queue;
  }

  static async open(url: string, queue: string): Promise<AmqpCaller> {
    const model = await connect(url, { noDelay: true });
    const channel = await model.createChannel();
    const caller = new AmqpCaller(model, channel, queue);
    await channel.assertQueue(queue, { durable: true });
    await channel.consume(DIRECT_REPLY_TO, (message) => caller.#onReply(message), { noAck: true });
    return caller;
  }

  send({ pattern, data }: Request, onAnswer: (answer: Answer) => void): void {
    const id = randomUUID();
    this.#waiting.set(id, onAnswer);
    this.#channel.sendToQueue(this.#queue, Buffer.from(JSON.stringify({ pattern, data, id })), {
      headers: {},
      persistent: false,
      correlationId: id,
      replyTo: DIRECT_REPLY_TO,
    });
  }

  /** To be called when the service is gone: its queues go too. */
  async close(): Promise<void> {
    await deleteQueuesOf(this.#channel, this.#queue);
    await this.#model.close();
  }

  #onReply(message: ConsumeMessage | null): void {
    if (message === null) return;
    const id: unknown = message.properties.correlationId;
    const { response, err } = JSON.parse(message.content.toString()) as Reply;
    const onAnswer = this.#waiting.get(id);
    this.#waiting.delete(id);
    onAnswer?.(err === undefined ? (response as Answer) : refusal(err));
  }
}

interface Reply {
  readonly response?: unknown;
  readonly err?: unknown;
}

/** A real NestJS process as a caller. */
export function nestCaller(peer: NestPeer): Caller {
  return {
    send({ pattern, data }, onAnswer) {
      peer.send(pattern, data).then(
        ({ value, error }) => onAnswer(error === undefined ? (value as Answer) : refusal(error)),
        // Lost with the broker: whoever asked asks again.
        () => undefined,
      );
    },
  };
}

/** What is no refusal of ours says nothing: the client has lost its connection. */
function refusal(error: unknown): Answer {
  const facts = typeof error === 'object' && error !== null ? error : {};
  return { code: 'OUTCOME_UNKNOWN', ...facts, success: false };
}
