import { StoreNews } from '@ticket-locks/lock-engine';
import type { EventInventory, Id, LockChange } from '@ticket-locks/lock-engine';

import { ChangeFeed } from './change-feed.js';
import { shapedInventory } from './command-shape.js';
import { EventCalls } from './event-calls.js';
import { eventKey, eventTag } from './event-key.js';
import { EventQueries } from './event-queries.js';
import { releaseSessionCall } from './function-call.js';
import type { FunctionLibrary } from './function-library.js';
import { LedgerDecisions } from './ledger-decisions.js';
import { LedgerEpoch } from './ledger-epoch.js';
import { LedgerRefunds } from './ledger-refunds.js';
import { DirectDecisions } from './lock-decisions.js';
import type { LockDecisions } from './lock-decisions.js';
import { OwnLocks } from './own-locks.js';
import { Presence } from './presence.js';
import type { Place } from './presence.js';
import { RedisChangeOutbox, TURN_IS_FREE } from './redis-change-outbox.js';
import { RedisError } from './redis-error.js';
import { RedisInventory } from './redis-inventory.js';
import { RedisLink } from './redis-link.js';
import type { resolveOptions } from './redis-ticket-locks-options.js';
import { SharedEpoch } from './shared-epoch.js';
import { StockRoom } from './stock-room.js';
import type { StoreEpoch } from './store-epoch.js';
import { StoreWatch } from './store-watch.js';
import { SweepSchedule } from './sweep-schedule.js';
import { idOf, textOf } from './wire-text.js';

/** Keys that are no event's: no tag of an event has a dot. */
const SESSIONS = '.sessions';
const EVENTS = '.events';
const META = '.meta';
/** After how long it is tried again to say which locks are lost. */
const LOST_RETRY_MS = 250;
/** Entries that one scan of an index asks for. */
const SCAN = 500;
/** Begins the message that a decision is open; how long it may be. */
const PINNED = 'pinned';
const PIN_MS = 10_000;

/** What a store is made of, put together: the link, the feed, the events, and who sees to them. */
export class StoreParts {
  readonly news: StoreNews;
  readonly link: RedisLink;
  readonly events: EventCalls;
  readonly presence: Presence;
  readonly inventory: RedisInventory;
  readonly epoch: StoreEpoch;
  readonly watch: StoreWatch;
  readonly queries: EventQueries;
  readonly stock: StockRoom;
  readonly decisions: LockDecisions;
  /** Set: a ledger keeps what has to be refunded. */
  readonly refunds: LedgerRefunds | undefined;
  /** Set: a publisher is to tell the changes. */
  readonly outbox: RedisChangeOutbox | undefined;
  readonly #ledgerEpoch: LedgerEpoch | undefined;
  readonly #options: ReturnType<typeof resolveOptions>;
  readonly #library: FunctionLibrary;
  readonly #feed: ChangeFeed;
  readonly #sweeps: SweepSchedule;
  readonly #own = new OwnLocks();
  #isStopped = false;

  constructor(
    options: ReturnType<typeof resolveOptions>,
    library: FunctionLibrary,
    onBroken: (error: Error) => void,
  ) {
    this.#options = options;
    this.#library = library;
    const { prefix, policy, clock, timers, ids } = options;
    this.news = new StoreNews(timers);
    this.link = new RedisLink({
      ...options,
      library,
      onConnected: () => this.#onConnected(),
      onMessage: (text) => this.#onMessage(text),
    });
    this.#feed = new ChangeFeed({
      timers,
      onChange: (tag, change, epoch) => this.#onChange(tag, change, epoch),
      readAfter: (tag, seq) => this.#readAfter(tag, seq),
    });
    this.#sweeps = new SweepSchedule({
      ...options,
      expiringNoticeMs: policy.expiringNoticeMs,
      sweep: (tag) => this.#sweep(tag),
    });
    this.events = new EventCalls({
      link: this.link,
      prefix,
      policy,
      decidesElsewhere: options.decisions !== undefined,
      streamMax: options.outbox ? options.unpublishedMax : undefined,
      timers,
      whenDecided: (lockId) => this.decisions.whenDecided(lockId),
      feed: this.#feed,
      onBroken,
      onTime: (tag, nowMs) => this.#sweeps.onTime(tag, nowMs),
      onNoState: (tag, found) => this.epoch.onNoState(tag, found),
    });
    const shared = {
      link: this.link,
      key: eventKey(prefix, META),
      events: () => this.events,
      onLost: () => this.#onLost(),
    };
    const { decisions: ledger } = options;
    const index = eventKey(prefix, EVENTS);
    this.#ledgerEpoch = ledger && new LedgerEpoch({ ...shared, ledger, timers, prefix, index });
    this.epoch = this.#ledgerEpoch ?? new SharedEpoch(shared);
    this.watch = new StoreWatch({ ...shared, epoch: this.epoch, timers });
    const deciding = { events: this.events, policy };
    this.decisions =
      ledger === undefined
        ? new DirectDecisions(deciding)
        : new LedgerDecisions({ ...deciding, ledger, timers, onFenced: () => this.#onFenced() });
    const instance = ids.sessionId();
    this.outbox = options.outbox ? this.#newOutbox(instance) : undefined;
    this.presence = new Presence({
      link: this.link,
      clock,
      timers,
      instance,
      key: eventKey(prefix, SESSIONS),
      graceMs: options.disconnectGraceMs,
      leaseMs: options.presenceLeaseMs,
      horizonMs: options.horizonMs,
      release: (place, sessionId) => this.#releaseSession(place, sessionId),
    });
    this.queries = new EventQueries({ events: this.events, presence: this.presence, policy });
    this.stock = new StockRoom({
      events: this.events,
      queries: this.queries,
      ledger,
      create: (eventId) => this.#create(eventId),
      nowMs: () => this.presence.nowMs(),
    });
    const nowMs = () => this.presence.nowMs();
    this.refunds = ledger && new LedgerRefunds({ ledger, events: this.events, nowMs });
    this.inventory = new RedisInventory({
      source: options.source,
      clock,
      timers,
      refreshMs: options.inventoryRefreshMs,
      staleAfterMs: options.inventoryStaleAfterMs,
      nowMs: () => this.presence.nowMs(),
      figuresOf: (eventId) => this.queries.figures(eventId),
      onLoaded: (eventId, loaded, fetchedAtMs) => this.#onLoaded(eventId, loaded, fetchedAtMs),
      onStale: (stale) => this.news.tell('stale', stale),
    });
  }

  /** Rejects with `RedisError` when Redis cannot be reached or is not fit. */
  async start(): Promise<void> {
    await this.link.open(`${this.#options.prefix}:changes`);
    await this.#assertFormat();
    await this.epoch.open();
    await this.presence.start();
    this.inventory.start();
    this.watch.start();
    for (const eventId of await this.eventIds()) this.#sweeps.plan(eventTag(eventId), 0);
  }

  stop(): void {
    this.#isStopped = true;
    this.watch.stop();
    this.epoch.stop();
    this.inventory.stop();
    this.presence.stop();
    this.#sweeps.stop();
    this.outbox?.close();
    this.#feed.stop();
    this.link.close();
  }

  /** Every event that was ever brought to Redis. */
  async eventIds(): Promise<Id[]> {
    const ids: Id[] = [];
    const key = eventKey(this.#options.prefix, EVENTS);
    let cursor = '0';
    do {
      const page = await this.link.command('SSCAN', key, cursor, 'COUNT', SCAN);
      const [next, members] = page as [string, string[]];
      ids.push(...members.map(idOf));
      cursor = next;
    } while (cursor !== '0');
    return [...new Set(ids)];
  }

  /** Forgets ended locks past their retention, in every event. */
  async forgetEnded(): Promise<void> {
    for (const tag of this.events.tags) {
      for (let more = true; more;) {
        const asked = await this.events.ask(tag, { name: 'forget', args: [] }, 'changing');
        more = asked.ok && asked.reply.rest.number(2) === 1;
      }
      // What cannot be reviewed now is reviewed the next time.
      await this.decisions.review(tag).catch(() => undefined);
    }
  }

  #newOutbox(instance: string): RedisChangeOutbox {
    return new RedisChangeOutbox({
      ...this.#options,
      link: this.link,
      instance,
      recordKey: () => this.epoch.tokenKey,
      eventIds: () => this.eventIds(),
    });
  }

  /** What others have written must be what this version reads: it is noted once. */
  async #assertFormat(): Promise<void> {
    const key = eventKey(this.#options.prefix, META);
    await this.link.command('HSETNX', key, 'format', this.#library.format);
    const present = Number(await this.link.command('HGET', key, 'format'));
    if (present === this.#library.format) return;
    this.link.close();
    const message =
      `Redis has a state of format ${present} under the prefix ${this.#options.prefix}, and this ` +
      `version keeps format ${this.#library.format}: stop every instance of the other version first`;
    throw new RedisError('REDIS_UNFIT', message);
  }

  async #create(eventId: Id): Promise<void> {
    const { prefix } = this.#options;
    if (this.#ledgerEpoch !== undefined) return this.#ledgerEpoch.restore(eventId);
    const text = textOf(eventId);
    await this.link.command('SADD', eventKey(prefix, EVENTS), text);
    const args = [this.events.epoch, 0, '{}', text];
    await this.link.call('createEvent', eventKey(prefix, eventTag(eventId)), args);
    return undefined;
  }

  async #onLoaded(eventId: Id, loaded: EventInventory, fetchedAtMs: number): Promise<boolean> {
    const command = { eventId, categories: loaded.categories, fetchedAtMs };
    const inventory = shapedInventory(command);
    if ('code' in inventory) return false;
    return (await this.stock.setInventory(command, inventory)).ok;
  }

  #onChange(tag: string, change: LockChange, epoch: number): void {
    this.events.saw(tag, change.seq, epoch);
    this.outbox?.onChange(tag, change.seq);
    this.#sweeps.onChange(tag, change);
    this.#own.note(tag, change, (sessionId) => this.presence.has(sessionId));
    if (change.type === 'locked') this.presence.onLocked(change.sessionId);
    this.news.tell('change', change);
    // News of an epoch that is over.
    if (epoch < this.events.epoch && change.type === 'locked') void this.#tellLost(tag);
  }

  #onMessage(text: string): void {
    if (text === TURN_IS_FREE) return this.outbox?.onTurnIsFree();
    if (!text.startsWith(PINNED)) return this.#feed.take(text);
    // A decision is open: when nobody brings it to an end, somebody must.
    const tag = /:([^:}]+)\}$/.exec(text)?.[1];
    if (tag !== undefined) this.#sweeps.plan(tag, this.presence.nowMs() + PIN_MS);
    return undefined;
  }

  /** The ledger has begun another epoch without this instance. */
  #onFenced(): void {
    this.epoch.check().catch(() => undefined);
  }

  /** What was told while the connection was away is in the streams. */
  #onConnected(): void {
    // Whoever cannot be asked now is asked by the next call.
    this.epoch.check().catch(() => undefined);
    this.#feed.catchUp();
    this.outbox?.onConnected();
    for (const tag of this.events.tags) this.#sweeps.plan(tag, 0);
  }

  /** Looks at each event that the instance had to do with, and says which of its locks are lost. */
  #onLost(): void {
    this.inventory.forget();
    this.presence.forget();
    for (const tag of this.#own.tags) void this.#tellLost(tag);
  }

  async #tellLost(tag: string): Promise<void> {
    try {
      // What Redis still knows is told by it, to all instances.
      const asked = await this.events.ask(tag, { name: 'stats', args: [] }, 'reading');
      if (!asked.ok && asked.error !== undefined) throw new TypeError('it is not known yet');
      const { epoch } = this.events;
      const records = await this.decisions.recordsOf(this.#own.before(tag, epoch));
      for (const change of this.#own.lose(tag, epoch, records)) this.news.tell('change', change);
    } catch {
      if (this.#isStopped) return;
      this.#options.timers.after(LOST_RETRY_MS, () => void this.#tellLost(tag));
    }
  }

  async #sweep(tag: string): Promise<number | undefined> {
    const asked = await this.events.ask(tag, { name: 'sweep', args: [] }, 'changing');
    if (!asked.ok && asked.error === undefined) return undefined;
    if (!asked.ok) throw new Error('the sweep is not known to have been made');
    const { rest, nowMs } = asked.reply;
    if (rest.number(2) > 0) await this.decisions.reap(tag);
    return rest.number(0) === 1 ? nowMs : rest.optionalNumber(1);
  }

  async #releaseSession({ eventId, userId }: Place, sessionId: string): Promise<void> {
    const call = releaseSessionCall(userId, sessionId);
    const asked = await this.events.ask(eventTag(eventId), call, 'changing');
    if (!asked.ok && asked.error !== undefined)
      throw new Error('the release is not known to have been made');
  }

  async #readAfter(tag: string, seq: number): Promise<string[]> {
    const key = `${eventKey(this.#options.prefix, tag)}:o`;
    const entries = await this.link.command('XRANGE', key, `${seq + 1}-0`, '+', 'COUNT', SCAN);
    return (entries as [string, string[]][]).map(([, [, text = '']]) => text);
  }
}
