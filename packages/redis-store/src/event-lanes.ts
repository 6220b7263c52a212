import { eventKey } from './event-key.js';
import type { FunctionCall } from './function-call.js';
import { RedisError } from './redis-error.js';
import type { RedisLink } from './redis-link.js';
import { partOf, replyOf, shareOf } from './reply.js';
import type { Reply } from './reply.js';

export interface EventLanesOptions {
  readonly link: RedisLink;
  readonly prefix: string;
  /** What every call begins with: epoch, the newest `seq` that was seen, policy. */
  readonly headOf: (tag: string) => readonly (string | number)[];
}

/** Calls of one event that are on their way at once. */
const ON_THE_WAY_MAX = 2;
/** Calls in one batch, and arguments of one call in it. */
const BATCH_MAX = 16;
const ARGUMENTS_MAX = 32;
/** What reads nothing but the hash of an event, so that it may come together with others. */
const TOGETHER = new Set([
  'lock',
  'extend',
  'unlock',
  'unlockOwn',
  'releaseSession',
  'confirm',
  'release',
  'beginPayment',
  'locks',
  'locksOfUser',
  'availability',
  'stats',
  'pin',
  'mark',
]);

/** Nothing was sent: the call is to be made again. */
export const AGAIN = replyOf(['MORE', 0, 0, '', '']);

interface Waiting {
  readonly call: FunctionCall;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: unknown) => void;
}

interface Lane {
  onTheWay: number;
  /** Calls that wait, and those that are on their way. */
  unanswered: number;
  waiting: Waiting[];
}

/**
 * The calls of each event in their order: alone while few come, and together in one call when more
 * wait than are on their way. A batch reads, writes and tells once.
 */
export class EventLanes {
  readonly #options: EventLanesOptions;
  readonly #lanes = new Map<string, Lane>();

  constructor(options: EventLanesOptions) {
    this.#options = options;
  }

  /** Rejects with `RedisError`. */
  call(tag: string, call: FunctionCall): Promise<Reply> {
    const lane = this.#lanes.get(tag) ?? { onTheWay: 0, unanswered: 0, waiting: [] };
    this.#lanes.set(tag, lane);
    return new Promise((resolve, reject) => {
      if (lane.unanswered >= this.#options.link.inFlightMax) {
        reject(new RedisError('REDIS_UNAVAILABLE', 'too many calls wait for Redis'));
        return;
      }
      lane.unanswered += 1;
      lane.waiting.push({ call, resolve, reject });
      this.#next(tag, lane);
    });
  }

  /** Answers what waits with `MORE`: it is to be asked again, in the epoch that has begun. */
  repeatWaiting(): void {
    for (const lane of this.#lanes.values()) {
      for (const { resolve } of lane.waiting.splice(0)) {
        lane.unanswered -= 1;
        resolve(AGAIN);
      }
    }
  }

  #next(tag: string, lane: Lane): void {
    while (lane.onTheWay < ON_THE_WAY_MAX && lane.waiting.length > 0) {
      const together = lane.waiting.findIndex(({ call }) => !mayJoin(call));
      const count = together === -1 ? lane.waiting.length : Math.max(1, together);
      lane.onTheWay += 1;
      void this.#send(tag, lane, lane.waiting.splice(0, Math.min(count, BATCH_MAX)));
    }
    if (lane.onTheWay === 0) this.#lanes.delete(tag);
  }

  async #send(tag: string, lane: Lane, batch: readonly Waiting[]): Promise<void> {
    try {
      const replies = await this.#ask(
        tag,
        batch.map(({ call }) => call),
      );
      for (const [index, { resolve, reject }] of batch.entries()) {
        const reply = replies[index];
        if (reply === undefined) reject(new TypeError('a batch has a reply for every call'));
        else resolve(reply);
      }
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
    lane.onTheWay -= 1;
    lane.unanswered -= batch.length;
    this.#next(tag, lane);
  }

  async #ask(tag: string, calls: readonly FunctionCall[]): Promise<readonly Reply[]> {
    const { link, prefix, headOf } = this.#options;
    const key = eventKey(prefix, tag);
    const [only, ...others] = calls;
    if (only !== undefined && others.length === 0) {
      return [replyOf(await link.call(only.name, key, [...headOf(tag), ...only.args]))];
    }
    const parts = calls.flatMap(({ name, args }) => [name, args.length, ...args]);
    const whole = replyOf(await link.call('batch', key, [...headOf(tag), ...parts]));
    if (whole.code !== 'OK') return calls.map((_, index) => shareOf(whole, index));
    return whole.rest.texts().map((text, index) => partOf(whole, text, index));
  }
}

/** Whether a call may come together with others in one batch. */
export function mayJoin({ name, args }: FunctionCall): boolean {
  return TOGETHER.has(name) && args.length <= ARGUMENTS_MAX;
}
