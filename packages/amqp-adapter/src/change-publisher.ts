import type { ChangeOutbox, LockChange, TicketLocks, Timers } from '@ticket-locks/lock-engine';
import type { ConfirmChannel } from 'amqplib';

import type { AdapterLog } from './adapter-log.js';
import type { ConnectionUser } from './broker-connection.js';
import type { BrokerLink } from './broker-link.js';
import { ChangeBuffer } from './change-buffer.js';
import type { WaitingChange } from './change-buffer.js';
import { changeMessage, REFUND_REQUIRED } from './change-message.js';
import { bindQueue, declareExchange, declareQueue } from './queue-declaration.js';

export interface ChangePublisherOptions {
  readonly exchange: string;
  /** Durable, and bound to what must not vanish when nobody else listens. */
  readonly refundQueue: string;
  readonly locks: Pick<TicketLocks, 'on' | 'off'>;
  readonly outbox?: ChangeOutbox | undefined;
  readonly runId: string;
  readonly changesMax: number;
  /** How long the broker may confirm nothing before its connection counts as dead. */
  readonly confirmTimeoutMs: number;
  readonly log: AdapterLog;
  readonly timers: Timers;
}

/** What happened so far, in messages. */
export interface PublisherStats {
  readonly published: number;
  /** Heard of, and not confirmed yet. */
  readonly waiting: number;
  /** Given up: without an outbox for want of memory, with one by the ledger. */
  readonly dropped: number;
  /** Whether this instance tells the changes: of several on one store, one does. */
  readonly isPublisher: boolean;
}

/** Messages under way at a time. */
const WINDOW = 256;
const PAUSE_MS = 100;
const PAUSE_MS_MAX = 10_000;

/**
 * Tells every change to the exchange, at least once, in order per lock.
 *
 * NEW -> `start` -> WAITING (no channel) -> `open` -> SENDING -> `lost` -> WAITING ... -> `drain`
 * -> STOPPED. Up to a window of messages is under way, but never two of the same lock: so nothing
 * overtakes a message that the broker refuses, loses or never confirms, and that is sent again.
 * While the broker is blocked nothing is sent, and nothing counts as late.
 */
export class ChangePublisher implements ConnectionUser {
  readonly #options: ChangePublisherOptions;
  readonly #buffer: ChangeBuffer;
  readonly #onChange = (change: LockChange) => this.#buffer.offer(change);
  readonly #onUnblocked = () => this.#pump();
  readonly #keysUnderWay = new Set<string>();
  #link: BrokerLink | undefined;
  #channel: ConfirmChannel | undefined;
  /** Everything before it in the buffer is sent or confirmed. */
  #cursor = 0;
  #pauseMs = PAUSE_MS;
  #isPaused = false;
  #hasProgress = false;
  #isStopped = false;
  #publishedCount = 0;
  #cancelPause: (() => void) | undefined;
  #cancelTimeout: (() => void) | undefined;
  #onIdle: (() => void) | undefined;

  constructor(options: ChangePublisherOptions) {
    this.#options = options;
    this.#buffer = new ChangeBuffer({
      ...options,
      onMore: () => this.#pump(),
      onCleared: () => (this.#cursor = 0),
    });
  }

  /** Begins to listen. Rejects when the outbox cannot be used. */
  async start(): Promise<void> {
    const { locks, outbox } = this.#options;
    if (outbox === undefined) locks.on('change', this.#onChange);
    await this.#buffer.open();
    this.#pump();
  }

  async open(link: BrokerLink): Promise<void> {
    if (this.#isStopped) return;
    this.#link = link;
    try {
      await this.#declare(link);
      const channel = await link.openConfirmChannel('changes', () => this.#reopen(link));
      if (link !== this.#link || this.#isStopped) return;
      this.#channel = channel;
    } catch (error) {
      if (link.isOver) return;
      this.#options.log.error({ err: error }, 'cannot publish changes now; trying again');
      return this.#reopen(link);
    }
    link.onUnblocked(this.#onUnblocked);
    this.#pump();
  }

  lost(): void {
    this.#link = undefined;
    this.#loseChannel();
    this.#onIdle?.();
  }

  /** Sends what waits, as long as there is a broker, and then no more. */
  async drain(): Promise<void> {
    this.#buffer.lookAgain();
    if (this.#link !== undefined && !this.#buffer.isEmpty) {
      await new Promise<void>((resolve) => (this.#onIdle = resolve));
    }
    await this.stop();
    if (this.#channel === undefined) return;
    await this.#link?.closeChannel(this.#channel).catch(() => undefined);
  }

  /** Sends no more. What waits is told by the next publisher, where there is an outbox. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#options.locks.off('change', this.#onChange);
    this.#cancelPause?.();
    this.#cancelTimeout?.();
    await this.#buffer.close();
  }

  stats(): PublisherStats {
    const { waitingCount: waiting, droppedCount: dropped } = this.#buffer;
    const isPublisher = this.#options.outbox?.outboxStats().isPublisher ?? true;
    return { published: this.#publishedCount, waiting, dropped, isPublisher };
  }

  async #declare({ model }: BrokerLink): Promise<void> {
    const { exchange, refundQueue: queue, log } = this.#options;
    await declareExchange(model, { exchange, log });
    await declareQueue(model, { queue, queueOptions: { durable: true }, declare: 'auto', log });
    await bindQueue(model, { queue, exchange, routingKey: REFUND_REQUIRED });
  }

  /** Only the channel is gone, or cannot be had: requests are served all the while. */
  #reopen(link: BrokerLink): void {
    this.#loseChannel();
    if (this.#isStopped) return;
    this.#pauseAnd(() => void this.open(link));
  }

  #loseChannel(): void {
    this.#channel = undefined;
    this.#cursor = 0;
    this.#isPaused = false;
    this.#keysUnderWay.clear();
    this.#buffer.rewind();
    this.#cancelPause?.();
    this.#cancelTimeout?.();
    this.#cancelTimeout = undefined;
  }

  #pump(): void {
    this.#buffer.refill();
    if (this.#buffer.isEmpty) this.#onIdle?.();
    const channel = this.#channel;
    if (channel === undefined || this.#isPaused || this.#isStopped) return;
    if (this.#link?.isBlocked === true) return;
    for (; this.#cursor < WINDOW; this.#cursor += 1) {
      const entry = this.#buffer.at(this.#cursor);
      if (entry === undefined) break;
      if (entry.state !== 'waiting') continue;
      if (this.#keysUnderWay.has(entry.orderKey)) break;
      if (!this.#send(channel, entry)) break;
    }
  }

  #send(channel: ConfirmChannel, entry: WaitingChange): boolean {
    const { exchange } = this.#options;
    const { routingKey, content, options } = changeMessage(entry.change, entry.id);
    try {
      channel.publish(exchange, routingKey, content, options, (error: unknown) =>
        this.#onAnswer(channel, entry, error),
      );
    } catch (error) {
      // The channel is closing: when it is closed, this one is sent again.
      this.#options.log.debug({ err: error }, 'could not send a change');
      return false;
    }
    entry.state = 'sent';
    this.#keysUnderWay.add(entry.orderKey);
    this.#watch();
    return true;
  }

  #onAnswer(channel: ConfirmChannel, entry: WaitingChange, error: unknown): void {
    if (channel !== this.#channel) return;
    this.#keysUnderWay.delete(entry.orderKey);
    this.#hasProgress = true;
    if (error !== null && error !== undefined) return this.#onRefused(entry);
    entry.state = 'confirmed';
    this.#publishedCount += 1;
    this.#pauseMs = PAUSE_MS;
    this.#cursor -= this.#buffer.settle();
    this.#pump();
  }

  /** The broker could not take it over, or a bound queue is full, or the channel is closing. */
  #onRefused(entry: WaitingChange): void {
    entry.state = 'waiting';
    this.#cursor = 0;
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#pauseAnd(() => {
      this.#options.log.warn({}, 'RabbitMQ refused a change; it is sent again');
      this.#isPaused = false;
      this.#pump();
    });
  }

  #pauseAnd(action: () => void): void {
    this.#cancelPause = this.#options.timers.after(this.#pauseMs, action);
    this.#pauseMs = Math.min(this.#pauseMs * 2, PAUSE_MS_MAX);
  }

  /** Gives the connection up when nothing is answered for too long: it may be half open. */
  #watch(): void {
    if (this.#cancelTimeout !== undefined) return;
    const { timers, confirmTimeoutMs } = this.#options;
    this.#hasProgress = false;
    this.#cancelTimeout = timers.after(confirmTimeoutMs, () => {
      this.#cancelTimeout = undefined;
      if (this.#keysUnderWay.size === 0) return;
      if (this.#hasProgress || this.#link?.isBlocked === true) return this.#watch();
      this.#link?.drop('it confirmed no change for too long');
    });
  }
}
