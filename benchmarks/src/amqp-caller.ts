import { connect } from 'amqplib';

const DIRECT_REPLY_TO = 'amq.rabbitmq.reply-to';

/** The lock that was made as the so manieth. */
export function lockIdAt(index: number): string {
  return `lock-of-the-benchmark-${index}`;
}

/** Asks as a NestJS client does, without its cost. */
export class AmqpCaller {
  readonly #queue: string;
  readonly #waiting = new Map<string, (body: Record<string, unknown>) => void>();
  #send: (content: Buffer, correlationId: string) => void = () => undefined;
  #count = 0;
  close: () => Promise<void> = async () => undefined;

  private constructor(queue: string) {
    this.#queue = queue;
  }

  static async open(url: string, queue: string): Promise<AmqpCaller> {
    const caller = new AmqpCaller(queue);
    const model = await connect(url, { noDelay: true });
    const channel = await model.createChannel();
    const onReply = (correlationId: string, content: Buffer) => {
      const answer = caller.#waiting.get(correlationId);
      caller.#waiting.delete(correlationId);
      answer?.(JSON.parse(String(content)) as Record<string, unknown>);
    };
    await channel.consume(
      DIRECT_REPLY_TO,
      (message) => message && onReply(String(message.properties.correlationId), message.content),
      { noAck: true },
    );
    caller.#send = (content, correlationId) =>
      void channel.sendToQueue(caller.#queue, content, {
        headers: {},
        correlationId,
        replyTo: DIRECT_REPLY_TO,
      });
    caller.close = async () => {
      await channel.deleteQueue(queue);
      await channel.deleteQueue(`${queue}.refunds`);
      await channel.deleteExchange(`${queue}.changes`);
      await model.close();
    };
    return caller;
  }

  /** Rejects when the answer is a refusal. */
  async ask(pattern: string, data: unknown): Promise<void> {
    const id = String((this.#count += 1));
    const body = await new Promise<Record<string, unknown>>((resolve) => {
      this.#waiting.set(id, resolve);
      this.#send(Buffer.from(JSON.stringify({ pattern, data, id })), id);
    });
    if (body['err'] !== undefined) throw new Error(`${pattern}: ${JSON.stringify(body['err'])}`);
  }
}
