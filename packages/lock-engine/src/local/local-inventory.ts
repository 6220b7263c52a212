import type { Id } from '../engine/id.js';
import type { CategoryAvailability } from '../engine/ticket-lock.js';
import type { Clock, Timers } from '../ports/clock.js';
import type { EventInventory, InventorySource } from '../ports/inventory-source.js';
import type { StaleNews } from '../ports/ticket-locks.js';
import { FetchSlots } from './fetch-slots.js';
import { closed, isSettledAs, withUnlisted } from './source-figures.js';
import { UnknownEvents } from './unknown-events.js';

export type InventoryState = 'known' | 'unknown' | 'unavailable';

export interface LocalInventoryOptions {
  readonly source: InventorySource;
  readonly clock: Clock;
  readonly timers: Timers;
  /** How often events in use are asked for, when the source is polled or has failed. */
  readonly refreshMs: number;
  /** How old figures may get while the source fails, before nothing is locked on them. */
  readonly staleAfterMs: number;
  /** The figures that are known; `undefined` for an event that is not. */
  readonly figuresOf: (eventId: Id) => readonly CategoryAvailability[] | undefined;
  /**
   * Takes over figures, and tells whether they made sense; `fetchedAtMs` is when their fetch began.
   */
  readonly onLoaded: (eventId: Id, inventory: EventInventory, fetchedAtMs: number) => boolean;
  readonly onStale: (news: StaleNews) => void;
}

/** An event that somebody asked for. */
interface Watch {
  readonly eventId: Id;
  /** The source was asked by this process: nobody waits for figures any more. */
  isLoaded: boolean;
  /** The last attempt to ask the source failed. */
  isStale: boolean;
  /** Somebody asked since the last look. */
  isWanted: boolean;
  wantedAtMs: number;
  /** When the fetch of the newest good answer began; `undefined` without one in this process. */
  goodAtMs: number | undefined;
  /** When it went stale, if it is. */
  staleAtMs: number;
  fetch: Promise<InventoryState> | undefined;
  /** The fetch has begun: it may not show what is told from here on. */
  isAsking: boolean;
  mustAskAgain: boolean;
}

/** For how long an event counts as in use after it was last asked for. */
const WANTED_FOR_MS = 600_000;
/** Notices of one event come in bursts, one for each order. */
const NOTICE_MS = 20;

/**
 * The figures of the events in use, as their source tells them.
 *
 * An event is UNWATCHED until somebody asks for it: it is asked for once, however many wait. Then
 * it is FRESH, or STALE when the source failed and the figures of before go on. A polled source and
 * a failed one are asked again at every interval; a notice leads to a fetch that begins after it.
 * When nobody asked for ten minutes and no lock is active or unsettled, it is UNWATCHED again. One
 * fetch per event at a time, a few in all. What does not exist is remembered for a moment.
 */
export class LocalInventory {
  readonly #options: LocalInventoryOptions;
  readonly #unknown: UnknownEvents;
  readonly #slots = new FetchSlots();
  readonly #watches = new Map<Id, Watch>();
  readonly #noticed = new Set<Id>();
  #restoredAtMs: ReadonlyMap<Id, number> = new Map();
  #staleCount = 0;
  #unsubscribe: (() => void) | undefined;
  #cancelRefresh: (() => void) | undefined;
  #cancelNotice: (() => void) | undefined;
  #isStopped = false;

  constructor(options: LocalInventoryOptions) {
    this.#options = options;
    this.#unknown = new UnknownEvents(options.clock);
  }

  /** Begins to listen; `restoredAtMs` is when the figures of each restored event were fetched. */
  start(restoredAtMs: ReadonlyMap<Id, number>): void {
    const { source } = this.#options;
    this.#restoredAtMs = restoredAtMs;
    this.#unsubscribe = source.onChanged?.((eventId) => this.#onChanged(eventId));
    if (source.isPolled !== true) return;
    for (const eventId of restoredAtMs.keys()) {
      if (this.#isInUse(eventId)) void this.#fetch(this.#watch(eventId), 'refresh');
    }
  }

  stop(): void {
    this.#isStopped = true;
    this.#unsubscribe?.();
    this.#cancelRefresh?.();
    this.#cancelNotice?.();
  }

  /** Whether there is nothing to wait for. Notes that somebody asks for the event. */
  isLoaded(eventId: Id): boolean {
    const watch = this.#watches.get(eventId);
    if (watch?.isLoaded !== true) return false;
    watch.isWanted = true;
    return true;
  }

  /** Whether the last attempt to ask the source failed. */
  isStale(eventId: Id): boolean {
    return this.#watches.get(eventId)?.isStale === true;
  }

  /** Whether the figures are stale for so long that no tickets may be locked on them. */
  isTooOld(eventId: Id): boolean {
    const watch = this.#watches.get(eventId);
    if (watch?.isStale !== true) return false;
    const goodAtMs = watch.goodAtMs ?? this.#restoredAtMs.get(eventId) ?? watch.staleAtMs;
    return this.#options.clock.nowMs() - goodAtMs >= this.#options.staleAfterMs;
  }

  /** Makes sure that the event's figures are there, if there is such an event. Never rejects. */
  async ensure(eventId: Id): Promise<InventoryState> {
    if (this.isLoaded(eventId)) return 'known';
    if (this.#unknown.has(eventId)) return this.#isKnown(eventId) ? 'known' : 'unknown';
    return this.#fetch(this.#watch(eventId), 'urgent');
  }

  #watch(eventId: Id): Watch {
    const known = this.#watches.get(eventId);
    if (known !== undefined) return known;
    const watch: Watch = {
      eventId,
      isLoaded: false,
      isStale: false,
      isWanted: false,
      wantedAtMs: this.#options.clock.nowMs(),
      goodAtMs: undefined,
      staleAtMs: 0,
      fetch: undefined,
      isAsking: false,
      mustAskAgain: false,
    };
    this.#watches.set(eventId, watch);
    return watch;
  }

  #onChanged(eventId: Id): void {
    if (this.#isStopped) return;
    this.#unknown.delete(eventId);
    this.#noticed.add(eventId);
    this.#cancelNotice ??= this.#options.timers.after(NOTICE_MS, () => {
      this.#cancelNotice = undefined;
      const noticed = [...this.#noticed];
      this.#noticed.clear();
      for (const noticedId of noticed) this.#askAfterNotice(noticedId);
    });
  }

  #askAfterNotice(eventId: Id): void {
    // Nobody here knows it or asks for it: there is nothing to keep true.
    if (!this.#watches.has(eventId) && !this.#isKnown(eventId)) return;
    const watch = this.#watch(eventId);
    if (watch.isAsking) watch.mustAskAgain = true;
    else void this.#fetch(watch, 'refresh');
  }

  #fetch(watch: Watch, kind: 'urgent' | 'refresh'): Promise<InventoryState> {
    watch.fetch ??= this.#slots
      .run(kind, () => this.#ask(watch))
      .finally(() => this.#onFetched(watch));
    return watch.fetch;
  }

  #onFetched(watch: Watch): void {
    const { mustAskAgain } = watch;
    watch.fetch = undefined;
    watch.isAsking = false;
    watch.mustAskAgain = false;
    if (mustAskAgain) this.#unknown.delete(watch.eventId);
    if (this.#isStopped) return;
    if (!watch.isLoaded) this.#watches.delete(watch.eventId);
    else if (mustAskAgain) void this.#fetch(watch, 'refresh');
    this.#armRefresh();
  }

  async #ask(watch: Watch): Promise<InventoryState> {
    const { source, clock, onLoaded } = this.#options;
    const { eventId } = watch;
    watch.isAsking = true;
    const fetchedAtMs = Math.floor(clock.nowMs());
    let inventory: EventInventory | undefined;
    try {
      const answer = await source.load(eventId);
      if (this.#isStopped) return 'unavailable';
      inventory = this.#inventoryOf(watch, answer);
    } catch {
      return this.#onFailed(watch);
    }
    if (inventory === undefined) {
      this.#unknown.add(eventId);
      return this.#isKnown(eventId) ? 'known' : 'unknown';
    }
    const known = this.#options.figuresOf(eventId);
    const isTaken = isSettledAs(inventory, known) || onLoaded(eventId, inventory, fetchedAtMs);
    return isTaken ? this.#onGood(watch, fetchedAtMs) : this.#onFailed(watch);
  }

  /** What the answer means for all that is known of the event; `undefined`: it does not exist. */
  #inventoryOf(watch: Watch, answer: EventInventory | undefined): EventInventory | undefined {
    const { source, figuresOf } = this.#options;
    const known = figuresOf(watch.eventId);
    if (answer !== undefined) return withUnlisted(answer, known ?? []);
    // Figures that were brought by `setInventory`: the source never had to do with the event.
    const isForeign = watch.goodAtMs === undefined && source.isPolled !== true;
    return known === undefined || isForeign ? undefined : closed(known);
  }

  #onGood(watch: Watch, fetchedAtMs: number): InventoryState {
    watch.goodAtMs = fetchedAtMs;
    watch.isLoaded = true;
    this.#setStale(watch, false);
    return 'known';
  }

  /** What is known goes on; what is not cannot be had. */
  #onFailed(watch: Watch): InventoryState {
    if (!this.#isKnown(watch.eventId)) return 'unavailable';
    watch.isLoaded = true;
    this.#setStale(watch, true);
    return 'known';
  }

  #setStale(watch: Watch, stale: boolean): void {
    if (watch.isStale === stale) return;
    watch.isStale = stale;
    if (stale) watch.staleAtMs = this.#options.clock.nowMs();
    this.#staleCount += stale ? 1 : -1;
    this.#options.onStale({ eventId: watch.eventId, stale });
  }

  #armRefresh(): void {
    const { source, timers, refreshMs } = this.#options;
    const mustRefresh = source.isPolled === true ? this.#watches.size > 0 : this.#staleCount > 0;
    if (!mustRefresh) return;
    this.#cancelRefresh ??= timers.after(refreshMs, () => {
      this.#cancelRefresh = undefined;
      this.#refresh();
      this.#armRefresh();
    });
  }

  #refresh(): void {
    const { source, clock } = this.#options;
    const nowMs = clock.nowMs();
    for (const watch of this.#watches.values()) {
      if (watch.isWanted) watch.wantedAtMs = nowMs;
      watch.isWanted = false;
      if (watch.fetch !== undefined || !(source.isPolled === true || watch.isStale)) continue;
      if (nowMs - watch.wantedAtMs < WANTED_FOR_MS || this.#isInUse(watch.eventId)) {
        void this.#fetch(watch, 'refresh');
      } else {
        this.#watches.delete(watch.eventId);
        if (watch.isStale) this.#staleCount -= 1;
      }
    }
  }

  #isKnown(eventId: Id): boolean {
    return this.#options.figuresOf(eventId) !== undefined;
  }

  /** Whether tickets of the event are locked, or sold and not counted by the source yet. */
  #isInUse(eventId: Id): boolean {
    const figures = this.#options.figuresOf(eventId) ?? [];
    return figures.some(({ locked, confirmed }) => locked > 0 || confirmed > 0);
  }
}
