import { canonicalId } from '@ticket-locks/lock-engine';
import type {
  CategoryAvailability,
  Clock,
  EventInventory,
  Id,
  InventorySource,
  StaleNews,
  Timers,
} from '@ticket-locks/lock-engine';

export type InventoryState = 'known' | 'unknown' | 'unavailable';

export interface RedisInventoryOptions {
  readonly source: InventorySource;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly refreshMs: number;
  readonly staleAfterMs: number;
  /**
   * The figures in Redis; `undefined` for an event that is not there. Rejects when that is open.
   */
  readonly figuresOf: (eventId: Id) => Promise<readonly CategoryAvailability[] | undefined>;
  /** Brings figures to Redis, and tells whether they made sense; `fetchedAtMs` is of its time. */
  readonly onLoaded: (
    eventId: Id,
    inventory: EventInventory,
    fetchedAtMs: number,
  ) => Promise<boolean>;
  /** The time of Redis. */
  readonly nowMs: () => number;
  readonly onStale: (news: StaleNews) => void;
}

interface Watch {
  isStale: boolean;
  wantedAtMs: number;
  goodAtMs: number;
}

const UNKNOWN_FOR_MS = 5_000;
const UNKNOWN_MAX = 10_000;
const WANTED_FOR_MS = 600_000;

/**
 * What the source of truth says of the events that this instance has to do with.
 *
 * Every instance asks for an event on first need, once however many wait, and brings the answer to
 * Redis, where the newest one counts. Afterwards the event is WATCHED: a polled source is asked
 * again at every interval, as is one that failed, and a notice of a change leads to a fetch. A
 * watch ends when nobody has asked for ten minutes.
 */
export class RedisInventory {
  readonly #options: RedisInventoryOptions;
  readonly #watches = new Map<Id, Watch>();
  readonly #loading = new Map<Id, Promise<InventoryState>>();
  readonly #unknownUntilMs = new Map<Id, number>();
  #unsubscribe: (() => void) | undefined;
  #cancelRefresh: (() => void) | undefined;
  #isStopped = false;

  constructor(options: RedisInventoryOptions) {
    this.#options = options;
  }

  start(): void {
    this.#unsubscribe = this.#options.source.onChanged?.((eventId) => {
      this.#unknownUntilMs.delete(eventId);
      if (this.#watches.has(eventId)) void this.#reload(eventId);
    });
    this.#armRefresh();
  }

  stop(): void {
    this.#isStopped = true;
    this.#unsubscribe?.();
    this.#cancelRefresh?.();
  }

  /** Redis has lost its memory: every event is to be brought there anew. */
  forget(): void {
    this.#watches.clear();
  }

  isStale(eventId: Id): boolean {
    return this.#watches.get(eventId)?.isStale === true;
  }

  /** Whether the figures are stale for so long that no tickets may be locked on them. */
  isTooOld(eventId: Id): boolean {
    const watch = this.#watches.get(eventId);
    if (watch?.isStale !== true) return false;
    return this.#options.clock.nowMs() - watch.goodAtMs >= this.#options.staleAfterMs;
  }

  /** Whether there is nothing to wait for. Notes that somebody asks for the event. */
  isLoaded(eventId: Id): boolean {
    const watch = this.#watches.get(eventId);
    if (watch === undefined) return false;
    watch.wantedAtMs = this.#options.clock.nowMs();
    return true;
  }

  /** Makes sure that the event's figures are in Redis, if there is such an event. Never rejects. */
  async ensure(eventId: Id): Promise<InventoryState> {
    if (this.isLoaded(eventId)) return 'known';
    const untilMs = this.#unknownUntilMs.get(eventId);
    if (untilMs !== undefined && this.#options.clock.nowMs() < untilMs) {
      return this.#stateIn(eventId, 'unknown');
    }
    return this.#load(eventId);
  }

  #load(eventId: Id): Promise<InventoryState> {
    const running = this.#loading.get(eventId);
    if (running !== undefined) return running;
    const loading = this.#ask(eventId)
      .catch((): InventoryState => 'unavailable')
      .finally(() => this.#loading.delete(eventId));
    this.#loading.set(eventId, loading);
    return loading;
  }

  /** Asks again, with a fetch that begins now. */
  async #reload(eventId: Id): Promise<void> {
    await this.#loading.get(eventId);
    if (!this.#isStopped) await this.#load(eventId);
  }

  async #ask(eventId: Id): Promise<InventoryState> {
    const { source, nowMs, onLoaded, figuresOf } = this.#options;
    const fetchedAtMs = nowMs();
    let answer: EventInventory | undefined;
    try {
      answer = await source.load(eventId);
    } catch {
      return this.#onFailed(eventId);
    }
    if (this.#isStopped) return 'unavailable';
    if (answer === undefined && !this.#watches.has(eventId)) {
      this.#rememberUnknown(eventId);
      // The figures may have been brought by `setInventory`, past the source.
      return this.#stateIn(eventId, 'unknown');
    }
    const known = await figuresOf(eventId);
    // What the source does not list any more is sold out with what is sold.
    const inventory = withUnlisted(answer ?? { categories: [] }, known ?? []);
    if (!(await onLoaded(eventId, inventory, fetchedAtMs))) return this.#onFailed(eventId);
    this.#watch(eventId, false);
    return 'known';
  }

  /** Known, if the event is in Redis. */
  async #stateIn(eventId: Id, otherwise: InventoryState): Promise<InventoryState> {
    try {
      const isThere = (await this.#options.figuresOf(eventId)) !== undefined;
      return isThere ? 'known' : otherwise;
    } catch {
      return 'unavailable';
    }
  }

  /** What is known goes on; what is not cannot be had. */
  async #onFailed(eventId: Id): Promise<InventoryState> {
    if ((await this.#options.figuresOf(eventId)) === undefined) return 'unavailable';
    this.#watch(eventId, true);
    return 'known';
  }

  #watch(eventId: Id, isStale: boolean): void {
    const nowMs = this.#options.clock.nowMs();
    const known = this.#watches.get(eventId);
    const watch = known ?? { isStale: false, wantedAtMs: nowMs, goodAtMs: nowMs };
    this.#watches.set(eventId, watch);
    if (!isStale) watch.goodAtMs = nowMs;
    if (watch.isStale === isStale) return;
    watch.isStale = isStale;
    this.#options.onStale({ eventId, stale: isStale });
  }

  #rememberUnknown(eventId: Id): void {
    const [oldest] = this.#unknownUntilMs.keys();
    if (oldest !== undefined && this.#unknownUntilMs.size >= UNKNOWN_MAX) {
      this.#unknownUntilMs.delete(oldest);
    }
    this.#unknownUntilMs.delete(eventId);
    this.#unknownUntilMs.set(eventId, this.#options.clock.nowMs() + UNKNOWN_FOR_MS);
  }

  #armRefresh(): void {
    const { timers, refreshMs } = this.#options;
    this.#cancelRefresh = timers.after(refreshMs, () => {
      this.#refresh();
      this.#armRefresh();
    });
  }

  #refresh(): void {
    const { source, clock } = this.#options;
    const nowMs = clock.nowMs();
    for (const [eventId, watch] of this.#watches) {
      if (source.isPolled !== true && !watch.isStale) continue;
      if (nowMs - watch.wantedAtMs < WANTED_FOR_MS) void this.#load(eventId);
      else this.#watches.delete(eventId);
    }
  }
}

function withUnlisted(
  { categories }: EventInventory,
  known: readonly CategoryAvailability[],
): EventInventory {
  const listed = new Set(categories.map(({ categoryId }) => canonicalId(categoryId)));
  const gone = known.filter(({ categoryId }) => !listed.has(categoryId));
  const closed = gone.map(({ categoryId, capacity, soldElsewhere }) => ({
    categoryId,
    capacity: Math.min(capacity, soldElsewhere),
    soldElsewhere,
  }));
  return { categories: [...categories, ...closed] };
}
