import type { Clock, Id, Timers } from '@ticket-locks/lock-engine';

import { PlaceNotes } from './place-notes.js';
import type { PlaceNote } from './place-notes.js';
import type { RedisLink } from './redis-link.js';
import { FIELD, idOf, textOf } from './wire-text.js';

/** Where a session may have locks. */
export interface Place {
  readonly eventId: Id;
  readonly userId: Id;
}

export interface PresenceOptions {
  readonly link: RedisLink;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Names this instance among the others. */
  readonly instance: string;
  readonly key: string;
  readonly graceMs: number;
  /** For how long an instance that says nothing is taken to live. */
  readonly leaseMs: number;
  /** The longest that a lock can last. */
  readonly horizonMs: number;
  /** Gives the locks of a session back; rejects when that is not sure. */
  readonly release: (place: Place, sessionId: string) => Promise<void>;
}

/** How often an instance says that it lives. */
const HEARTBEAT_MS = 1_000;
/** For how long a place that was noted need not be noted again. */
const NOTED_FOR_MS = 30_000;
/** How long a session that is gone takes no more locks here. */
const GONE_FOR_MS = 60_000;
/** Sessions that are remembered at most, gone ones and those with places. */
const SESSIONS_MAX = 100_000;

/**
 * The sessions that have a socket on this instance, and the grace of those that have none anywhere.
 *
 * A session without locks is known here alone: opening, resuming and leaving it writes nothing.
 * With its first lock it is noted in Redis, with the instances that have a socket of it. When the
 * last one is gone its grace begins; whichever instance lives gives its locks back then. An
 * instance that says nothing for the time of its lease is taken for dead, and its sessions begin
 * their grace; if it was only held up it enters them again.
 */
export class Presence {
  readonly #options: PresenceOptions;
  /** Sockets of each present session. */
  readonly #socketCounts = new Map<string, number>();
  /** Present sessions that Redis has a record of. */
  readonly #noted = new Set<string>();
  /** Until when each place of a session is taken as noted. */
  readonly #placedUntilMs = new Map<string, Map<string, number>>();
  readonly #goneUntilMs = new Map<string, number>();
  /** Sessions that have left without Redis hearing of it, with their grace. */
  readonly #leaving = new Map<string, number>();
  readonly #notes: PlaceNotes;
  #cancelHeartbeat: (() => void) | undefined;
  #isStopped = false;
  /** The time of Redis, as far ahead of the clock of this process. */
  #aheadMs = 0;

  constructor(options: PresenceOptions) {
    this.#options = options;
    this.#notes = new PlaceNotes(options);
  }

  /** The time of Redis, a little late rather than early. */
  nowMs(): number {
    return Math.floor(this.#options.clock.nowMs() + this.#aheadMs);
  }

  async start(): Promise<void> {
    await this.#beat();
    this.#arm(HEARTBEAT_MS);
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelHeartbeat?.();
  }

  /** Redis has lost its memory: what was noted there is noted again with the next lock. */
  forget(): void {
    this.#noted.clear();
    this.#leaving.clear();
    this.#placedUntilMs.clear();
  }

  has(sessionId: string): boolean {
    return this.#socketCounts.has(sessionId);
  }

  /** Whether the session is here, and may have locks. */
  mayHaveLocks(sessionId: string): boolean {
    return this.#noted.has(sessionId);
  }

  /** Whether the session ended here a moment ago. */
  isGone(sessionId: string): boolean {
    const untilMs = this.#goneUntilMs.get(sessionId);
    return untilMs !== undefined && this.#options.clock.nowMs() < untilMs;
  }

  /** Adds a socket to a session, which may have locks already when it is resumed. */
  async enter(sessionId: string, isResumed: boolean): Promise<void> {
    this.#socketCounts.set(sessionId, (this.#socketCounts.get(sessionId) ?? 0) + 1);
    this.#goneUntilMs.delete(sessionId);
    this.#leaving.delete(sessionId);
    if (isResumed && !this.#noted.has(sessionId)) await this.#reenter(sessionId);
  }

  /** Hears that a session has made a lock, maybe on another instance: then it is kept from here. */
  onLocked(sessionId: string): void {
    if (!this.#socketCounts.has(sessionId) || this.#noted.has(sessionId)) return;
    this.#reenter(sessionId).catch(() => undefined);
  }

  /**
   * Notes where a session is about to lock tickets. Awaited with the lock, not before; `undefined`
   * when it was noted a moment ago.
   */
  place(sessionId: string, { eventId, userId }: Place): Promise<void> | undefined {
    const [event, user] = [textOf(eventId), textOf(userId)];
    const place = `${event}${FIELD}${user}`;
    const nowMs = this.#options.clock.nowMs();
    const placed = this.#placedIn(sessionId);
    if ((placed.get(place) ?? 0) > nowMs) return undefined;
    placed.set(place, nowMs + NOTED_FOR_MS);
    const isHere = this.#socketCounts.has(sessionId);
    return this.#note({ sessionId, isHere, event, user }, place);
  }

  async #note(note: PlaceNote, place: string): Promise<void> {
    if (note.isHere) this.#noted.add(note.sessionId);
    try {
      await this.#notes.add(note);
    } catch (error) {
      this.#placedUntilMs.get(note.sessionId)?.delete(place);
      throw error;
    }
  }

  /** Takes a socket from a session; with the last one its locks go, at once or after the grace. */
  async leave(sessionId: string, how: 'goodbye' | 'lost'): Promise<void> {
    const { graceMs } = this.#options;
    const socketCount = this.#socketCounts.get(sessionId);
    if (this.#isStopped || socketCount === undefined) return;
    if (socketCount > 1) {
      this.#socketCounts.set(sessionId, socketCount - 1);
      return;
    }
    this.#socketCounts.delete(sessionId);
    const isAtOnce = how === 'goodbye' || graceMs === 0;
    if (isAtOnce) this.#rememberGone(sessionId);
    if (!this.#noted.delete(sessionId)) return;
    this.#placedUntilMs.delete(sessionId);
    this.#leaving.set(sessionId, isAtOnce ? 0 : graceMs);
    await this.#tellLeft(sessionId);
  }

  async placesOf(sessionId: string): Promise<Place[]> {
    return placesOf(await this.#call('sessionPlaces', [sessionId]));
  }

  async eventsOf(userId: Id): Promise<Id[]> {
    const events = await this.#call('userEvents', [textOf(userId)]);
    return (events as readonly string[]).map(idOf);
  }

  /** Repairs the index of a user who has nothing in an event. */
  async userLeft({ eventId, userId }: Place): Promise<void> {
    await this.#call('userLeft', [textOf(userId), textOf(eventId), NOTED_FOR_MS * 2]);
  }

  /** Tells Redis that a session has left, unless it is here again; the next beat tries again. */
  async #tellLeft(sessionId: string): Promise<void> {
    const { instance } = this.#options;
    const graceMs = this.#leaving.get(sessionId);
    if (graceMs === undefined) return;
    const places = await this.#call('sessionLeave', [sessionId, instance, graceMs]);
    this.#leaving.delete(sessionId);
    if (graceMs > 0) this.#arm(graceMs);
    await this.#giveBack(sessionId, placesOf(places));
  }

  async #reenter(sessionId: string): Promise<void> {
    const { instance } = this.#options;
    const isKnown = await this.#call('sessionEnter', [sessionId, instance]);
    if (isKnown === 1 && this.#socketCounts.has(sessionId)) this.#noted.add(sessionId);
  }

  #rememberGone(sessionId: string): void {
    const nowMs = this.#options.clock.nowMs();
    for (const [oldest, untilMs] of this.#goneUntilMs) {
      if (untilMs > nowMs && this.#goneUntilMs.size < SESSIONS_MAX) break;
      this.#goneUntilMs.delete(oldest);
    }
    this.#goneUntilMs.set(sessionId, nowMs + GONE_FOR_MS);
  }

  #placedIn(sessionId: string): Map<string, number> {
    const known = this.#placedUntilMs.get(sessionId);
    if (known !== undefined) return known;
    const [oldest] = this.#placedUntilMs.keys();
    if (oldest !== undefined && this.#placedUntilMs.size >= SESSIONS_MAX) {
      this.#placedUntilMs.delete(oldest);
    }
    const placed = new Map<string, number>();
    this.#placedUntilMs.set(sessionId, placed);
    return placed;
  }

  async #giveBack(sessionId: string, places: readonly Place[]): Promise<void> {
    if (places.length === 0) return;
    const { release } = this.#options;
    await Promise.all(places.map((place) => release(place, sessionId)));
    await this.#call('sessionForget', [sessionId]);
  }

  /** Says that this instance lives, and sees to the sessions that are gone. */
  async #beat(): Promise<void> {
    const { instance, leaseMs, graceMs, clock } = this.#options;
    const reply = await this.#call('sessionsDue', [instance, leaseMs, graceMs]);
    const [isNew, nextMs, nowMs, ...gone] = reply as readonly unknown[];
    this.#aheadMs = Number(nowMs) - clock.nowMs();
    if (nextMs !== '') this.#arm(Number(nextMs) - Number(nowMs));
    await Promise.all([...this.#leaving.keys()].map((sessionId) => this.#tellLeft(sessionId)));
    if (isNew === 1) {
      await Promise.all([...this.#noted].map((sessionId) => this.#reenter(sessionId)));
    }
    await Promise.all(
      (gone as readonly string[][]).map(([sessionId = '', ...places]) =>
        this.#giveBack(sessionId, placesOf(places)),
      ),
    );
  }

  /** Calls a function behind the notes that wait: what is asked is about these sessions, too. */
  #call(name: string, args: readonly (string | number)[]): Promise<readonly unknown[] | number> {
    const { link, key } = this.#options;
    this.#notes.send();
    return link.call(name, key, args);
  }

  /** Beats after so long, or as usual when that comes first. */
  #arm(delayMs: number): void {
    if (this.#isStopped) return;
    this.#cancelHeartbeat?.();
    const soonMs = Math.max(1, Math.min(delayMs, HEARTBEAT_MS));
    this.#cancelHeartbeat = this.#options.timers.after(soonMs, () => {
      this.#arm(HEARTBEAT_MS);
      // Whoever cannot be reached now is reached by the next beat.
      this.#beat().catch(() => undefined);
    });
  }
}

function placesOf(reply: unknown): Place[] {
  return (reply as readonly string[]).map((place) => {
    const [event = '', user = ''] = place.split(FIELD);
    return { eventId: idOf(event), userId: idOf(user) };
  });
}
