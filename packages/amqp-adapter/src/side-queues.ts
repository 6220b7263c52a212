import type { Clock, Timers } from '@ticket-locks/lock-engine';
import type { ConfirmChannel, Options } from 'amqplib';

import type { AdapterLog } from './adapter-log.js';
import type { ConnectionUser } from './broker-connection.js';
import type { BrokerLink } from './broker-link.js';
import type { CopyHeaders, Delivery } from './delivery.js';
import { declareQueue } from './queue-declaration.js';
import type { QueueOptions } from './queue-declaration.js';

export interface SideQueuesOptions {
  /** The queue whose messages are moved: its side queues are `<queue>.dlq` and `<queue>.retry`. */
  readonly queue: string;
  readonly log: AdapterLog;
  readonly clock: Clock;
  readonly timers: Timers;
}

/** Why a message is given up. */
export interface DeathNote {
  /** `unreadable`, `refused` with the code in `detail`, or `failed` with what was thrown. */
  readonly reason: 'unreadable' | 'refused' | 'failed';
  readonly detail: string;
  /** Short, and on one line. */
  readonly pattern: string;
  /** When it failed for the first time, in milliseconds since 1970. Default now. */
  readonly firstFailureAtMs?: number | undefined;
}

/** What waits in `<queue>.retry` comes back to the queue after this time. */
const RETRY_AFTER_MS = 5000;
const CONFIRM_TIMEOUT_MS = 5000;
const DETAIL_LENGTH_MAX = 300;
export const FIRST_FAILURE_HEADER = 'x-first-failure-at';

/**
 * The queues beside ours: one for messages that nobody can handle, one for those that wait longer
 * than we hold them. Only we declare them, and only when they are needed.
 *
 * WAITING -> `open` -> READY -> `lost` -> WAITING. A message is moved by a copy that the broker has
 * confirmed; only then may the caller acknowledge it, so nothing is lost between, and a crash
 * leaves a copy too many. One message at a time: it is not the way of the many.
 */
export class SideQueues implements ConnectionUser {
  readonly #options: SideQueuesOptions;
  #link: BrokerLink | undefined;
  #channel: ConfirmChannel | undefined;
  readonly #declared = new Set<string>();
  #last: Promise<unknown> = Promise.resolve();
  #buriedCount = 0;

  constructor(options: SideQueuesOptions) {
    this.#options = options;
  }

  async open(link: BrokerLink): Promise<void> {
    this.#link = link;
  }

  lost(): void {
    this.#link = undefined;
    this.#forgetChannel();
  }

  /** Messages that were moved to the dead letters. */
  get buriedCount(): number {
    return this.#buriedCount;
  }

  /** Moves a copy to the dead letters. Never rejects; false when the broker has not taken it. */
  async bury(delivery: Delivery, note: DeathNote): Promise<boolean> {
    const nowMs = this.#options.clock.nowMs();
    const isMoved = await this.#move(
      delivery,
      `${this.#options.queue}.dlq`,
      { durable: true },
      {
        'x-dead-letter-reason': note.reason,
        'x-dead-letter-detail': note.detail.slice(0, DETAIL_LENGTH_MAX),
        'x-dead-letter-pattern': note.pattern,
        'x-dead-letter-at': isoTime(nowMs),
        [FIRST_FAILURE_HEADER]: isoTime(note.firstFailureAtMs ?? nowMs),
      },
    );
    if (isMoved) this.#buriedCount += 1;
    return isMoved;
  }

  /** Moves a copy to where it comes back from a little later. As `bury`. */
  async park(delivery: Delivery, firstFailureAtMs: number): Promise<boolean> {
    const { queue } = this.#options;
    const options = {
      durable: true,
      deadLetterExchange: '',
      deadLetterRoutingKey: queue,
      messageTtl: RETRY_AFTER_MS,
    };
    return this.#move(delivery, `${queue}.retry`, options, {
      [FIRST_FAILURE_HEADER]: isoTime(firstFailureAtMs),
    });
  }

  #move(
    delivery: Delivery,
    queue: string,
    queueOptions: QueueOptions,
    headers: CopyHeaders,
  ): Promise<boolean> {
    const moved = this.#last.then(async () => {
      try {
        await this.#link?.during(this.#ready(this.#link, queue, queueOptions));
        return await this.#publish(queue, delivery.content, delivery.copyOptions(headers));
      } catch (error) {
        this.#options.log.error({ err: error, queue }, 'could not move a message');
        return false;
      }
    });
    this.#last = moved;
    return moved;
  }

  async #ready(link: BrokerLink, queue: string, queueOptions: QueueOptions): Promise<void> {
    const { log } = this.#options;
    if (!this.#declared.has(queue)) {
      await declareQueue(link.model, { queue, queueOptions, declare: 'auto', log });
      this.#declared.add(queue);
    }
    this.#channel ??= await link.openConfirmChannel('side queues', () => this.#forgetChannel());
  }

  /** Resolves with whether the message is in the queue. */
  #publish(queue: string, content: Buffer, options: Options.Publish): Promise<boolean> {
    const channel = this.#channel;
    if (channel === undefined || this.#link?.isBlocked !== false) return Promise.resolve(false);
    return new Promise((resolve) => {
      let isReturned = false;
      // The broker confirms also what it could not put anywhere, after it has given that back.
      const onReturn = () => {
        isReturned = true;
        this.#declared.delete(queue);
      };
      const end = (isMoved: boolean) => {
        channel.off('return', onReturn);
        cancel();
        resolve(isMoved);
      };
      const cancel = this.#options.timers.after(CONFIRM_TIMEOUT_MS, () => end(false));
      channel.on('return', onReturn);
      const onAnswer = (error: unknown) => end(!isReturned && (error ?? undefined) === undefined);
      channel.sendToQueue(queue, content, { ...options, mandatory: true }, onAnswer);
    });
  }

  #forgetChannel(): void {
    this.#channel = undefined;
    this.#declared.clear();
  }
}

function isoTime(instantMs: number): string {
  return new Date(instantMs).toISOString();
}
