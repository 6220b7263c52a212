import type { Clock, Outcome, Timers } from '@ticket-locks/lock-engine';

import type { AdapterLog } from './adapter-log.js';
import type { Delivery } from './delivery.js';
import type { Handler } from './handlers.js';
import { errorReply, noHandlerReply, readPacket, valueReply } from './packet.js';
import type { Packet } from './packet.js';
import { Pauses } from './pauses.js';
import { INTERNAL_ERROR, isDefinite, refusalBody, UNREADABLE } from './refusals.js';
import { routeOf } from './route.js';
import { FIRST_FAILURE_HEADER } from './side-queues.js';
import type { DeathNote, SideQueues } from './side-queues.js';

export interface DeliveryDeskOptions {
  readonly handlers: ReadonlyMap<string, Handler>;
  readonly sideQueues: SideQueues;
  readonly log: AdapterLog;
  readonly clock: Clock;
  readonly timers: Timers;
}

const HANDLER_TIMEOUT_MS = 10_000;
/** Between the attempts to apply an event that cannot be applied now; about 26 s in all. */
const EVENT_PAUSES_MS = [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000, 5000];
/** Events that wait here at a time: a quarter of what the broker hands out, so requests go on. */
const WAITING_EVENTS_MAX = 16;
/** Before a message that could not be moved goes back to its queue. */
const PUT_BACK_AFTER_MS = 1000;

/**
 * Decides what becomes of each message. None is lost, none comes back in a hot loop, and no request
 * stays without an answer.
 *
 * - A request is answered, then acknowledged. An event is acknowledged when it is applied.
 * - What fails by our fault is put back once, for another instance; the second time it is dead.
 * - What cannot be read, and an event that is refused for good, is dead at once.
 * - An event that cannot be applied now is tried again after growing pauses; when it waits for too
 *   long, or too many do, in a queue beside ours, from which it comes back.
 */
export class DeliveryDesk {
  readonly #options: DeliveryDeskOptions;
  readonly #pauses: Pauses;
  #waitingEventCount = 0;
  #retriedCount = 0;

  constructor(options: DeliveryDeskOptions) {
    this.#options = options;
    this.#pauses = new Pauses(options.timers);
  }

  /** Attempts beyond the first one of a message. */
  get retriedCount(): number {
    return this.#retriedCount;
  }

  /** Never rejects. */
  async settle(delivery: Delivery): Promise<void> {
    const packet = readPacket(delivery.content);
    if (packet === undefined) return this.#settleUnreadable(delivery);
    const handler = this.#options.handlers.get(routeOf(packet.pattern));
    if (handler === undefined) return this.#settleUnhandled(delivery, packet);
    try {
      if (packet.id === undefined) await this.#settleEvent(delivery, packet, handler);
      else await this.#settleRequest(delivery, packet, handler);
    } catch (error) {
      await this.#fail(delivery, packet, error);
    }
  }

  /** The channel is gone: what waits here comes again, to whoever is there. */
  release(): void {
    this.#pauses.release();
  }

  /** Waits for nothing any more; what waits stays with the broker. */
  stop(): void {
    this.#pauses.stop();
  }

  async #settleUnreadable(delivery: Delivery): Promise<void> {
    const bytes = delivery.content.length;
    this.#options.log.warn({ bytes }, 'a message cannot be read: it goes to the dead letters');
    if (delivery.isAnswerable) delivery.reply(errorReply(UNREADABLE));
    await this.#bury(delivery, { reason: 'unreadable', detail: `${bytes} bytes`, pattern: '' });
  }

  /** As a NestJS server does it. */
  #settleUnhandled(delivery: Delivery, packet: Packet): void {
    const { log } = this.#options;
    const pattern = patternForLog(packet);
    if (packet.id === undefined) {
      log.debug({ pattern }, 'nobody handles this event');
      return delivery.acknowledge();
    }
    log.warn({ pattern }, 'nobody handles this request');
    delivery.reply(noHandlerReply(packet.id));
    return delivery.giveUp();
  }

  async #settleRequest(delivery: Delivery, packet: Packet, handler: Handler): Promise<void> {
    const outcome = await this.#inTime(handler(packet.data));
    delivery.reply(outcome.ok ? valueReply(outcome.value) : errorReply(refusalBody(outcome.error)));
    delivery.acknowledge();
  }

  async #settleEvent(delivery: Delivery, packet: Packet, handler: Handler): Promise<void> {
    const firstFailureAtMs = this.#firstFailureOf(delivery);
    for (let attempt = 0; ; attempt += 1) {
      const outcome = await this.#inTime(handler(packet.data));
      if (outcome.ok) return delivery.acknowledge();
      const { code } = outcome.error;
      const facts = { pattern: patternForLog(packet), code };
      if (isDefinite(outcome.error)) {
        this.#options.log.warn(facts, 'an event was refused: it goes to the dead letters');
        const { pattern } = facts;
        return this.#bury(delivery, { reason: 'refused', detail: code, pattern, firstFailureAtMs });
      }
      this.#retriedCount += 1;
      if (attempt === 0) {
        this.#options.log.warn(facts, 'an event cannot be applied now; it is tried again');
      }
      const pauseMs = EVENT_PAUSES_MS[attempt];
      if (pauseMs === undefined || this.#waitingEventCount >= WAITING_EVENTS_MAX) {
        return this.#settleMove(
          delivery,
          this.#options.sideQueues.park(delivery, firstFailureAtMs),
        );
      }
      this.#waitingEventCount += 1;
      const end = await this.#pauses.wait(pauseMs);
      this.#waitingEventCount -= 1;
      if (end === 'stopped') return;
    }
  }

  async #fail(delivery: Delivery, packet: Packet, error: unknown): Promise<void> {
    const pattern = patternForLog(packet);
    if (!delivery.isRedelivered) {
      this.#options.log.error({ err: error, pattern }, 'a message failed; it is tried once more');
      this.#retriedCount += 1;
      return delivery.putBack();
    }
    this.#options.log.error({ err: error, pattern }, 'a message failed again: it is dead');
    if (packet.id !== undefined) delivery.reply(errorReply(INTERNAL_ERROR));
    const firstFailureAtMs = this.#firstFailureOf(delivery);
    return this.#bury(delivery, {
      reason: 'failed',
      detail: String(error),
      pattern,
      firstFailureAtMs,
    });
  }

  #bury(delivery: Delivery, note: DeathNote): Promise<void> {
    return this.#settleMove(delivery, this.#options.sideQueues.bury(delivery, note));
  }

  /** Acknowledges what was moved; what was not, goes back. */
  async #settleMove(delivery: Delivery, moving: Promise<boolean>): Promise<void> {
    if (await moving) return delivery.acknowledge();
    const end = await this.#pauses.wait(PUT_BACK_AFTER_MS);
    if (end === 'over') delivery.putBack();
  }

  /** Now, unless an earlier instance has noted it. */
  #firstFailureOf(delivery: Delivery): number {
    const noted = Date.parse(String(delivery.header(FIRST_FAILURE_HEADER)));
    return Number.isNaN(noted) ? this.#options.clock.nowMs() : noted;
  }

  /** The outcome, or `OUTCOME_UNKNOWN` when it takes too long: no caller waits for ever. */
  #inTime(outcome: Promise<Outcome<unknown>>): Promise<Outcome<unknown>> {
    return new Promise((resolve, reject) => {
      const cancel = this.#options.timers.after(HANDLER_TIMEOUT_MS, () =>
        resolve({ ok: false, error: { code: 'OUTCOME_UNKNOWN' } }),
      );
      outcome.then(resolve, reject).finally(cancel);
    });
  }
}

/** Short, and on one line: it comes from outside. */
function patternForLog({ pattern }: Packet): string {
  return JSON.stringify(routeOf(pattern)).slice(0, 100);
}
