import { randomIds } from '@ticket-locks/lock-engine';
import type { Timers } from '@ticket-locks/lock-engine';

import type { AdapterLog } from './adapter-log.js';
import { BrokerConnection } from './broker-connection.js';
import { RpcClient } from './rpc-client.js';

export interface AmqpCallerOptions {
  /** `amqp://` or `amqps://`. A heartbeat of 5 s is added unless it names one. */
  readonly url: string;
  /** Where the peer takes requests. It is his to declare. */
  readonly queue: string;
  /** How long an answer is waited for, in milliseconds. */
  readonly timeoutMs: number;
  readonly log: AdapterLog;
  readonly timers: Timers;
}

const IN_FLIGHT_MAX = 1000;

/**
 * Asks a NestJS service over a connection of its own, which comes back by itself.
 *
 * NEW -> `start` (does not wait for the broker) -> RUNNING (open or not, back and forth) -> `close`.
 */
export class AmqpCaller {
  readonly #client: RpcClient;
  readonly #connection: BrokerConnection;

  /** Throws `TypeError` when the URL is none of AMQP. */
  constructor({ url, log, ...options }: AmqpCallerOptions) {
    const ids = randomIds();
    this.#client = new RpcClient({
      ...options,
      inFlightMax: IN_FLIGHT_MAX,
      nextId: () => ids.lockId(),
    });
    this.#connection = new BrokerConnection({ url, users: [this.#client], log });
  }

  start(): Promise<void> {
    return this.#connection.start();
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  /** Whether a request would be sent. What is asked while it would not be was not asked. */
  get isOpen(): boolean {
    return this.#client.isOpen;
  }

  /** Resolves with the value that the peer answers. Rejects with `RpcFailure`. */
  request(pattern: string, data: unknown): Promise<unknown> {
    return this.#client.request(pattern, data);
  }
}
