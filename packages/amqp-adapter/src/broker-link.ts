import type { Channel, ChannelModel, ConfirmChannel } from 'amqplib';

import type { AdapterLog } from './adapter-log.js';

/**
 * One connection, from the moment it stands until it is closed. The next one is another object.
 *
 * amqplib brings back connections, not channels or consumers. So a channel that closes without
 * being asked drops the whole connection, and everything is opened again on the next one; only who
 * opens a confirm channel sees to that himself.
 */
export class BrokerLink {
  readonly model: ChannelModel;
  readonly #log: AdapterLog;
  readonly #leaving = new WeakSet<Channel>();
  /** Never resolves; rejects when the connection is closed. */
  readonly #ended: Promise<never>;
  readonly #onUnblocked = new Set<() => void>();
  #isOver = false;
  #isBlocked = false;

  constructor(model: ChannelModel, log: AdapterLog) {
    this.model = model;
    this.#log = log;
    // While users open their channels nobody else listens: an error would be an uncaught exception,
    // and after a close that goes unnoticed amqplib would keep the dead connection for ever.
    model.on('error', (error) => log.warn({ err: error }, 'RabbitMQ connection failed'));
    model.on('blocked', () => (this.#isBlocked = true));
    model.on('unblocked', () => {
      this.#isBlocked = false;
      for (const listener of this.#onUnblocked) listener();
    });
    this.#ended = new Promise((_, reject) => {
      model.on('close', (error) => {
        this.#isOver = true;
        reject(error ?? new Error('the connection was closed'));
      });
    });
    this.#ended.catch(() => undefined);
  }

  /** Whether it is closed or given up. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /**
   * Whether the broker reads nothing now, for want of memory or disk: what is sent only piles up.
   */
  get isBlocked(): boolean {
    return this.#isBlocked;
  }

  onUnblocked(listener: () => void): void {
    this.#onUnblocked.add(listener);
  }

  /**
   * Waits for something that the broker has to answer, and rejects when the connection ends before.
   *
   * amqplib itself leaves some promises open then, such as that of a channel's close.
   */
  async during<Value>(work: Promise<Value>): Promise<Value> {
    // The end comes first: it counts even when the work was done on the way.
    return Promise.race([this.#ended, work]);
  }

  async openChannel(name: string): Promise<Channel> {
    const channel = await this.model.createChannel();
    this.#guard(channel, name, () => this.drop(`the ${name} channel was closed`));
    return channel;
  }

  /**
   * Opens a channel on which the broker says what it has taken over. When it closes unasked while
   * the connection goes on, `onClosed` is called and nothing else happens.
   */
  async openConfirmChannel(name: string, onClosed: () => void): Promise<ConfirmChannel> {
    const channel = await this.model.createConfirmChannel();
    this.#guard(channel, name, () => {
      if (!this.#isOver) onClosed();
    });
    return channel;
  }

  /** Closes a channel after everything that was sent on it. Rejects when it is closed already. */
  async closeChannel(channel: Channel): Promise<void> {
    this.#leaving.add(channel);
    await this.during(channel.close());
  }

  /** Gives the connection up, so that a new one is made. */
  drop(reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#log.warn({ reason }, 'dropping the RabbitMQ connection');
    // It rejects when the connection has gone meanwhile, which is what we want.
    this.model.close().catch(() => undefined);
  }

  #guard(channel: Channel, name: string, onClosed: () => void): void {
    channel.on('error', (error) => this.#log.warn({ err: error, channel: name }, 'channel failed'));
    channel.on('handler-error', (error) =>
      this.#log.error({ err: error, channel: name }, 'a listener of the channel threw'),
    );
    channel.on('close', () => {
      if (this.#leaving.has(channel)) return;
      // A lost connection closes its channels before it says that it is lost.
      queueMicrotask(onClosed);
    });
  }
}
