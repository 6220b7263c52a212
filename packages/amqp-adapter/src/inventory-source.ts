import { canonicalId, randomIds, systemClock, systemTimers } from '@ticket-locks/lock-engine';
import type {
  Clock,
  EventInventory,
  Id,
  IdSource,
  InventorySource,
  Timers,
} from '@ticket-locks/lock-engine';

import type { AdapterLog } from './adapter-log.js';
import type { ConnectionUser } from './broker-connection.js';
import type { BrokerLink } from './broker-link.js';
import { readCategoryAnswer } from './category-answer.js';
import { CircuitBreaker } from './circuit-breaker.js';
import { saysNoSuchEvent } from './no-such-event.js';
import { RpcClient } from './rpc-client.js';
import { RpcFailure } from './rpc-failure.js';

export interface AmqpInventorySourceOptions {
  /** The queue of the events service. It is never declared here. */
  readonly queue: string;
  /** Default `get-ticket-categories`. */
  readonly pattern?: string | Readonly<Record<string, unknown>>;
  /** Default 1,000. How long an answer is waited for. 1 or more. */
  readonly timeoutMs?: number;
  readonly log: AdapterLog;
  readonly clock?: Clock;
  readonly timers?: Timers;
  readonly ids?: IdSource;
}

interface Flight {
  readonly current: Promise<EventInventory | undefined>;
  next: Promise<EventInventory | undefined> | undefined;
}

const IN_FLIGHT_MAX = 32;
const FAILURES_MAX = 5;
const COOL_DOWN_MS = 2_000;
/** Of so many events it is remembered that they could not be had. */
const MISSED_MAX = 10_000;
/** Anybody can ask for events that cannot be had: not each of them is worth a line. */
const COMPLAINT_MS = 1_000;

/**
 * Events as the events service knows them, asked for over RabbitMQ.
 *
 * AWAY (no connection: every question fails at once) -> `open` -> ASKING -> when it does not answer
 * several times in a row, SPARED (questions fail at once, now and then one is let through) ->
 * ASKING again -> `lost` -> AWAY. When it can be asked again, the events that could not be had
 * count as changed. An answer that cannot be true is an answer that was not given. Give it to the
 * store, and to the `AmqpAdapter`, whose connection it uses.
 */
export class AmqpInventorySource implements InventorySource, ConnectionUser {
  /** Sales that were made elsewhere are not told. */
  readonly isPolled = true;
  readonly #pattern: string | Readonly<Record<string, unknown>>;
  readonly #queue: string;
  readonly #log: AdapterLog;
  readonly #client: RpcClient;
  readonly #breaker: CircuitBreaker;
  readonly #flights = new Map<Id, Flight>();
  readonly #listeners = new Set<(eventId: Id) => void>();
  /** Events that could not be had, the oldest first. */
  readonly #missed = new Set<Id>();
  readonly #clock: Clock;
  #complainedAtMs = -Infinity;

  /** Throws `TypeError` or `RangeError` that names the option and its value. */
  constructor(options: AmqpInventorySourceOptions) {
    const { queue, timeoutMs = 1_000 } = options;
    if (typeof queue !== 'string' || queue === '') {
      throw new TypeError(`queue must be the name of a queue, got ${JSON.stringify(queue)}`);
    }
    if (!Number.isSafeInteger(timeoutMs) || timeoutMs < 1) {
      throw new RangeError(`timeoutMs must be an integer of 1 or more, got ${timeoutMs}`);
    }
    this.#clock = options.clock ?? systemClock();
    this.#queue = queue;
    this.#pattern = options.pattern ?? 'get-ticket-categories';
    this.#log = options.log;
    const ids = options.ids ?? randomIds();
    this.#client = new RpcClient({
      queue,
      timeoutMs,
      inFlightMax: IN_FLIGHT_MAX,
      timers: options.timers ?? systemTimers(),
      nextId: () => ids.lockId(),
    });
    this.#breaker = new CircuitBreaker({
      clock: this.#clock,
      failuresMax: FAILURES_MAX,
      coolDownMs: COOL_DOWN_MS,
      onChange: (isOpen) => this.#onBreaker(isOpen),
    });
  }

  async open(link: BrokerLink): Promise<void> {
    await this.#client.open(link);
    // Whatever kept it from answering may be over with the old connection.
    this.#breaker.reset();
    this.#tellMissed();
  }

  lost(): void {
    this.#client.lost();
  }

  /** Whether the broker is there, and the events service answers as far as is known. */
  get isAnswering(): boolean {
    return this.#client.isOpen && !this.#breaker.isOpen;
  }

  /**
   * Asks for the event's categories. Calls during a question share the one that comes after it:
   * what is under way may not show what has happened since it began. Rejects with `RpcFailure`.
   */
  load(eventId: Id): Promise<EventInventory | undefined> {
    const flight = this.#flights.get(eventId);
    if (flight !== undefined) {
      const again = () => this.load(eventId);
      flight.next ??= flight.current.then(again, again);
      return flight.next;
    }
    const current = this.#ask(eventId).finally(() => this.#flights.delete(eventId));
    this.#flights.set(eventId, { current, next: undefined });
    return current;
  }

  onChanged(listener: (eventId: Id) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Tells listeners that the event's figures may have changed. */
  changed(eventId: Id): void {
    const id = canonicalId(eventId);
    if (id === undefined) return;
    for (const listener of this.#listeners) listener(id);
  }

  async #ask(eventId: Id): Promise<EventInventory | undefined> {
    try {
      const read = readCategoryAnswer(await this.#answer(eventId), eventId);
      if (!read.ok) throw new RpcFailure('NONSENSE', read.problem);
      this.#missed.delete(eventId);
      return read.inventory;
    } catch (error) {
      if (error instanceof RpcFailure && error.code === 'REFUSED' && saysNoSuchEvent(error.cause)) {
        this.#missed.delete(eventId);
        return undefined;
      }
      this.#complain(eventId, error);
      throw error;
    }
  }

  async #answer(eventId: Id): Promise<unknown> {
    if (!this.#client.isOpen) {
      throw new RpcFailure('DISCONNECTED', 'there is no connection to RabbitMQ');
    }
    if (!this.#breaker.mayPass()) {
      throw new RpcFailure('BREAKER_OPEN', 'the events service does not answer');
    }
    try {
      const answer = await this.#client.request(this.#pattern, eventId);
      this.#breaker.succeeded();
      return answer;
    } catch (error) {
      if (error instanceof RpcFailure && error.isAnswered) this.#breaker.succeeded();
      else this.#breaker.failed();
      throw error;
    }
  }

  /** Once for each event, until it can be had again; not more than once a second. */
  #complain(eventId: Id, error: unknown): void {
    if (this.#missed.has(eventId)) return;
    const [oldest] = this.#missed;
    if (oldest !== undefined && this.#missed.size >= MISSED_MAX) this.#missed.delete(oldest);
    this.#missed.add(eventId);
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#complainedAtMs < COMPLAINT_MS) return;
    this.#complainedAtMs = nowMs;
    this.#log.warn(
      { err: error, eventId, queue: this.#queue },
      'the figures of an event cannot be had; the last good ones go on',
    );
  }

  #onBreaker(isOpen: boolean): void {
    const queue = this.#queue;
    if (isOpen) {
      this.#log.warn({ queue }, 'the events service does not answer; it is tried now and then');
      return;
    }
    this.#log.info({ queue }, 'the events service answers again');
    this.#tellMissed();
  }

  #tellMissed(): void {
    const missed = [...this.#missed];
    this.#missed.clear();
    for (const eventId of missed) this.changed(eventId);
  }
}
