import { eventKey } from './event-key.js';
import type { FunctionCall } from './function-call.js';
import { RedisError } from './redis-error.js';
import type { RedisLink } from './redis-link.js';
import { partOf, replyOf, shareOf } from './reply.js';
import type { Reply } from './reply.js';
import { FIELD } from './wire-text.js';

export interface EventLanesOptions {
  readonly link: RedisLink;
  readonly prefix: string;
  /** What every call begins with: epoch, the newest `seq` that was seen, policy. */
  readonly headOf: (tag: string) => readonly (string | number)[];
}

/** Calls of one event that are on their way at once. */
const ON_THE_WAY_MAX = 2;
/** Calls in one batch, arguments of one call in it, and of all of them. */
const BATCH_MAX = 64;
const ARGUMENTS_MAX = 30;
const ARGUMENTS_OF_BATCH_MAX = 1024;
/** From so many on, those that wait while nothing is on the way go in two halves. */
const HALVED_MIN = 16;
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
  /** Whether calls are looked at before anything else happens. */
  isPlanned: boolean;
  onTheWay: number;
  /** Calls that wait, and those that are on their way. */
  unanswered: number;
  waiting: Waiting[];
}

/**
 * The calls of each event in their order: alone while few come, and together in one call when
 * several come at one moment, or wait for those that are on their way. A batch reads, writes and
 * tells once.
 */
export class EventLanes {
  readonly #options: EventLanesOptions;
  readonly #lanes = new Map<string, Lane>();

  constructor(options: EventLanesOptions) {
    this.#options = options;
  }

  /** Rejects with `RedisError`. */
  call(tag: string, call: FunctionCall): Promise<Reply> {
    const lane = this.#laneOf(tag);
    return new Promise((resolve, reject) => {
      if (lane.unanswered >= this.#options.link.inFlightMax) {
        reject(new RedisError('REDIS_UNAVAILABLE', 'too many calls wait for Redis'));
        return;
      }
      lane.unanswered += 1;
      lane.waiting.push({ call, resolve, reject });
      this.#plan(tag, lane);
    });
  }

  #laneOf(tag: string): Lane {
    const known = this.#lanes.get(tag);
    if (known !== undefined) return known;
    const lane = { isPlanned: false, onTheWay: 0, unanswered: 0, waiting: [] };
    this.#lanes.set(tag, lane);
    return lane;
  }

  /**
   * Sends in a moment: those who were answered together ask again together, and the first of them
   * must not go alone.
   */
  #plan(tag: string, lane: Lane): void {
    if (lane.isPlanned || lane.onTheWay >= ON_THE_WAY_MAX) return;
    lane.isPlanned = true;
    void this.#nextSoon(tag, lane);
  }

  async #nextSoon(tag: string, lane: Lane): Promise<void> {
    await Promise.resolve();
    lane.isPlanned = false;
    this.#next(tag, lane);
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
      // Redis works on the one half while the answers to the other are read.
      const isHalved = lane.onTheWay === 0 && lane.waiting.length >= HALVED_MIN;
      const countMax = isHalved ? Math.ceil(lane.waiting.length / 2) : lane.waiting.length;
      const count = countTogether(lane.waiting, Math.min(countMax, BATCH_MAX));
      lane.onTheWay += 1;
      void this.#send(tag, lane, lane.waiting.splice(0, count));
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
    const [only] = calls;
    if (only !== undefined && calls.length === 1) {
      return [replyOf(await link.call(only.name, key, [...headOf(tag), ...only.args]))];
    }
    const all = [...headOf(tag)];
    for (const call of calls) all.push(call.args.length, textOfCall(call));
    const whole = replyOf(await link.call('batch', key, all));
    if (whole.code !== 'OK') return calls.map((_, index) => shareOf(whole, index));
    return whole.rest.texts().map((text, index) => partOf(whole, text, index));
  }
}

/** How many of those that wait the next call takes, 1 at least. */
function countTogether(waiting: readonly Waiting[], countMax: number): number {
  let count = 0;
  let argumentCount = 0;
  for (const { call } of waiting) {
    argumentCount += call.args.length + 2;
    if (count === countMax || argumentCount > ARGUMENTS_OF_BATCH_MAX || !mayJoin(call)) break;
    count += 1;
  }
  return Math.max(1, count);
}

/** A call as the batch takes it. */
export function textOfCall({ name, args }: FunctionCall): string {
  return args.length === 0 ? name : `${name}${FIELD}${args.join(FIELD)}`;
}

/** Whether a call may come together with others in one batch. */
export function mayJoin({ name, args }: FunctionCall): boolean {
  return TOGETHER.has(name) && args.length <= ARGUMENTS_MAX && !args.some(hasField);
}

function hasField(value: string | number): boolean {
  return typeof value === 'string' && value.includes(FIELD);
}
