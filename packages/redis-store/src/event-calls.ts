import type { Id, LockError, LockPolicy, Timers } from '@ticket-locks/lock-engine';

import type { ChangeFeed } from './change-feed.js';
import { eventKey } from './event-key.js';
import { AGAIN, EventLanes } from './event-lanes.js';
import type { FunctionCall } from './function-call.js';
import { policyText } from './policy-text.js';
import { RedisError } from './redis-error.js';
import type { RedisLink } from './redis-link.js';
import { replyOf } from './reply.js';
import type { Reply } from './reply.js';
import { idOf } from './wire-text.js';

export interface EventCallsOptions {
  readonly link: RedisLink;
  readonly prefix: string;
  readonly policy: LockPolicy;
  /** A ledger decides what is sold. */
  readonly decidesElsewhere: boolean;
  /** Entries of an event's stream at most; `undefined`: as the functions have it. */
  readonly streamMax: number | undefined;
  readonly timers: Timers;
  /** Resolves when a decision that this instance has open is made; `undefined` for any other. */
  readonly whenDecided: (lockId: string) => Promise<unknown> | undefined;
  readonly feed: ChangeFeed;
  /** Hears the instant of every reply: the events' own time. */
  readonly onTime: (tag: string, nowMs: number) => void;
  /** What to do about an event that is not there as this instance knew it. */
  readonly onNoState: (tag: string, found: NoState) => Promise<'again' | 'missing'>;
  /** A function broke off: nothing can be trusted any more. */
  readonly onBroken: (error: Error) => void;
}

/** What was found in the place of an event's state. */
export interface NoState {
  /** 0 when there is nothing; below 0 while it is being brought. */
  readonly epoch: number;
  readonly seq: number;
  /** It was kept by the server process that answers; a restart or a failover makes it another's. */
  readonly isHere: boolean;
  /** The newest change of the event that this instance has seen; 0 without one. */
  readonly seenSeq: number;
}

/** A reply with the event it is about, or why there is none. */
export type Asked =
  | { readonly ok: true; readonly reply: Reply; readonly eventId: Id }
  | { readonly ok: false; readonly error: LockError }
  | { readonly ok: false; readonly error: undefined };

/** Calls of one command at most: each expires what is due, or meets another epoch. */
const TURNS_MAX = 1_000;
/** How often it is looked whether an open decision has been made, and how many times. */
const PIN_LOOK_MS = 25;
const PIN_LOOKS_MAX = 20;

/**
 * Calls the functions of events, again as long as they have more to expire, and keeps what they say
 * of time, changes and the newest `seq`.
 */
export class EventCalls {
  readonly #options: EventCallsOptions;
  readonly #policy: string;
  readonly #lanes: EventLanes;
  readonly #seenSeqs = new Map<string, number>();
  #epoch = 0;

  constructor(options: EventCallsOptions) {
    this.#options = options;
    this.#policy = policyText(options.policy, options);
    const headOf = (tag: string) => [this.#epoch, this.#seenSeqs.get(tag) ?? 0, this.#policy];
    this.#lanes = new EventLanes({ ...options, headOf });
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** Goes on in another epoch: what was seen before does not count any more. */
  beginEpoch(epoch: number): void {
    this.#epoch = epoch;
    this.#seenSeqs.clear();
    this.#lanes.repeatWaiting();
  }

  /** Events that this instance has to do with. */
  get tags(): string[] {
    return [...this.#seenSeqs.keys()];
  }

  /** Hears of a change that others made, in the epoch in which it was made. */
  saw(tag: string, seq: number, epoch: number): void {
    if (epoch === this.#epoch && seq > (this.#seenSeqs.get(tag) ?? 0)) this.#seenSeqs.set(tag, seq);
  }

  /**
   * Answers the reply of a function. Without an `error` there is no such event in Redis. A lock
   * whose decision is open is waited for, 500 ms, then the outcome is not known. Fails with
   * `UNAVAILABLE`, or `OUTCOME_UNKNOWN` where the call may change something. A call with ids of new
   * locks is made anew for every turn: they carry the epoch in which they are granted.
   */
  async ask(
    tag: string,
    call: FunctionCall | (() => FunctionCall),
    kind: 'changing' | 'reading',
  ): Promise<Asked> {
    let waited = 0;
    for (let turn = 0; turn < TURNS_MAX; turn += 1) {
      const epoch = this.#epoch;
      const reply = await this.#turn(tag, typeof call === 'function' ? call() : call, kind);
      if ('error' in reply) return reply;
      if (reply.code === 'MORE') continue;
      if (reply.code === 'PINNED') {
        waited += 1;
        if (waited > PIN_LOOKS_MAX) return { ok: false, error: { code: 'OUTCOME_UNKNOWN' } };
        await (this.#options.whenDecided(reply.rest.text(0)) ?? this.#pause());
        continue;
      }
      if (reply.code !== 'NOSTATE') return { ok: true, reply, eventId: idOf(reply.event) };
      if (epoch !== this.#epoch) continue;
      // NOSTATE says the epoch and `seq` it found where other replies say time and `seq`.
      const seenSeq = this.#seenSeqs.get(tag) ?? 0;
      const isHere = reply.rest.number(0) === 1;
      const found = { epoch: reply.nowMs, seq: reply.seq, isHere, seenSeq };
      try {
        if ((await this.#options.onNoState(tag, found)) === 'missing')
          return { ok: false, error: undefined };
      } catch (error) {
        return this.#failed(error, 'reading');
      }
    }
    return { ok: false, error: { code: 'UNAVAILABLE' } };
  }

  /** Takes an event over into an epoch. Rejects with `RedisError`. */
  async renew(tag: string, epoch: number): Promise<void> {
    const { link, prefix, feed } = this.#options;
    for (let turn = 0; turn < TURNS_MAX; turn += 1) {
      const args = [epoch, 0, this.#policy];
      const reply = replyOf(await link.call('renewEvent', eventKey(prefix, tag), args));
      feed.take(reply.changes);
      if (reply.code !== 'MORE') return;
    }
  }

  #turn(
    tag: string,
    call: FunctionCall,
    kind: 'changing' | 'reading',
  ): Promise<Reply | Extract<Asked, { ok: false }>> {
    const epoch = this.#epoch;
    return this.#lanes.call(tag, call).then(
      (reply) => this.#heard(tag, reply, epoch),
      (error: unknown) => this.#failed(error, kind),
    );
  }

  #heard(tag: string, reply: Reply, epoch: number): Reply {
    if (reply.code === 'NOSTATE' || reply === AGAIN) return reply;
    this.saw(tag, reply.seq, epoch);
    this.#options.feed.take(reply.changes);
    this.#options.onTime(tag, reply.nowMs);
    return reply;
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#options.timers.after(PIN_LOOK_MS, resolve);
    });
  }

  #failed(error: unknown, kind: 'changing' | 'reading'): Extract<Asked, { ok: false }> {
    if (!(error instanceof RedisError)) throw error;
    if (error.code === 'REDIS_BROKEN') this.#options.onBroken(error);
    const isUnknown = error.code === 'REDIS_UNKNOWN' && kind === 'changing';
    return { ok: false, error: { code: isUnknown ? 'OUTCOME_UNKNOWN' : 'UNAVAILABLE' } };
  }
}
