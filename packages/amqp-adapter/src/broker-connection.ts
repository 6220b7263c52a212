import { connect } from 'amqplib';
import type { ChannelModel, RecoveringChannelModel } from 'amqplib';

import type { AdapterLog } from './adapter-log.js';
import { BrokerLink } from './broker-link.js';

/** Something that lives on the connection and is opened again on each new one. */
export interface ConnectionUser {
  /**
   * Opens its channels. Waits for nothing but the broker. A rejection gives the connection up; a
   * new one is tried.
   */
  open(link: BrokerLink): Promise<void>;
  /** The connection is gone, and every channel with it. May come without an `open` before it. */
  lost(): void;
}

export interface BrokerConnectionOptions {
  readonly url: string;
  /** Opened in this order. */
  readonly users: readonly ConnectionUser[];
  readonly log: AdapterLog;
}

/** A silent peer is noticed within three of these. */
const HEARTBEAT_SECONDS = 5;
const CONNECT_TIMEOUT_MS = 10_000;
const BACKOFF = { initialDelay: 200, maxDelay: 10_000, factor: 2, jitter: 0.5 };

/**
 * The connection to RabbitMQ, which comes back by itself.
 *
 * NEW -> `start` -> CONNECTING -> OPEN (every user is open) -> lost -> CONNECTING ... -> `close` ->
 * CLOSED, from any of them and for good.
 */
export class BrokerConnection {
  readonly #options: BrokerConnectionOptions;
  readonly #url: string;
  #recovering: RecoveringChannelModel | undefined;
  #link: BrokerLink | undefined;

  /** Throws `TypeError` when the URL is none of AMQP. */
  constructor(options: BrokerConnectionOptions) {
    this.#options = options;
    this.#url = urlWithHeartbeat(options.url);
  }

  /** Begins to connect, and does not wait for it. */
  async start(): Promise<void> {
    const { log } = this.#options;
    const recovering = await connect(this.#url, {
      // amqplib leaves Nagle's algorithm on: 46 answers a second to a caller that waits for each.
      noDelay: true,
      timeout: CONNECT_TIMEOUT_MS,
      clientProperties: { connection_name: 'ticket-locks' },
      recovery: {
        ...BACKOFF,
        waitForConnect: false,
        setup: (model: ChannelModel) => this.#open(model),
      },
    });
    this.#recovering = recovering;
    recovering.on('connect', () => log.info({}, 'connected to RabbitMQ'));
    recovering.on('disconnect', (error) => log.warn({ err: error }, 'lost RabbitMQ'));
    recovering.on('connect-failed', (error) => log.warn({ err: error }, 'cannot reach RabbitMQ'));
    recovering.on('blocked', (reason) => log.warn({ reason }, 'RabbitMQ takes no messages now'));
    recovering.on('unblocked', () => log.info({}, 'RabbitMQ takes messages again'));
    // The link has logged it; without a listener it would be an uncaught exception.
    recovering.on('error', () => undefined);
    recovering.on('handler-error', (error: unknown) =>
      log.error({ err: error }, 'a listener of the connection threw'),
    );
  }

  /**
   * Closes the connection, or gives up making it. What users have sent must be flushed before:
   * close channels first.
   */
  async close(): Promise<void> {
    const link = this.#link;
    await this.#recovering?.close();
    // One that was still being opened. It rejects when it is closed already.
    await link?.model.close().catch(() => undefined);
  }

  async #open(model: ChannelModel): Promise<void> {
    const { users, log } = this.#options;
    const link = new BrokerLink(model, log);
    this.#link = link;
    model.on('close', () => {
      if (this.#link === link) this.#link = undefined;
      for (const user of users) user.lost();
    });
    for (const user of users) await link.during(user.open(link));
  }
}

function urlWithHeartbeat(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^amqps?:$/.test(url.protocol)) {
    // Without the URL itself: there may be a password in it.
    throw new TypeError('url must be an amqp:// or amqps:// URL');
  }
  if (!url.searchParams.has('heartbeat')) {
    url.searchParams.set('heartbeat', String(HEARTBEAT_SECONDS));
  }
  return url.href;
}
