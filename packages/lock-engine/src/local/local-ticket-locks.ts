import type {
  BeginPaymentCommand,
  CancelEventCommand,
  CommandResult,
  ConfirmCommand,
  DecideManyCommand,
  ExtendCommand,
  LockCommand,
  LockManyCommand,
  RefundRequired,
  ReleaseCommand,
  RequireRefundCommand,
  SetInventoryCommand,
  SettleCommand,
  UnlockCommand,
} from '../engine/command.js';
import { canonicalId } from '../engine/id.js';
import type { Id } from '../engine/id.js';
import type { LockChange } from '../engine/lock-change.js';
import { LockEngine } from '../engine/lock-engine.js';
import type { LockError } from '../engine/lock-error.js';
import type { LockStats, TicketLock } from '../engine/ticket-lock.js';
import type { IdSource, Mac, Timers } from '../ports/clock.js';
import type { LockLedger } from '../ports/lock-ledger.js';
import { randomKey } from '../ports/system.js';
import type {
  EventAvailability,
  Outcome,
  SessionOpened,
  TicketLocks,
  TicketLocksEvents,
} from '../ports/ticket-locks.js';
import { DueTimer } from './due-timer.js';
import { LocalInventory } from './local-inventory.js';
import { StoreNews } from './store-news.js';
import { LocalSessions } from './local-sessions.js';
import { resolveOptions } from './local-ticket-locks-options.js';
import type { LocalTicketLocksOptions } from './local-ticket-locks-options.js';
import { fetchInstants, recover } from './recovery.js';
import type { Recovery } from './recovery.js';
import { RestartedClock } from './restarted-clock.js';
import { ResumeTokens } from './resume-token.js';

/** Changes that become durable together. */
interface Unwritten {
  readonly written: Promise<void>;
  readonly changes: LockChange[];
}

/** Locks expired in one go: about a millisecond, then whoever waits is served. */
const EXPIRE_SLICE = 1000;

/**
 * Ticket locks in this process: the engine, one timer for the next end, a ledger, and the news.
 *
 * NEW -> `start` (loads the ledger, begins the grace of restored sessions) -> RUNNING -> `stop` ->
 * STOPPED. A ledger that fails or a broken invariant leads from RUNNING to FAILED: `failure` is
 * emitted once and everything is refused with `UNAVAILABLE`; what was answered before is in the
 * ledger. News and answers leave in the order of the changes, each only when all that it shows is
 * durable.
 */
export class LocalTicketLocks implements TicketLocks {
  readonly #engine: LockEngine;
  readonly #clock: RestartedClock;
  readonly #timers: Timers;
  readonly #ids: IdSource;
  readonly #mac: Mac;
  readonly #ledger: LockLedger | undefined;
  readonly #inventory: LocalInventory;
  readonly #sessions: LocalSessions;
  readonly #dueTimer: DueTimer;
  readonly #cleanupIntervalMs: number;
  readonly #news: StoreNews;
  #mode: 'new' | 'running' | 'stopped' | 'failed' = 'new';
  #tokens: ResumeTokens | undefined;
  #recovery: Recovery | undefined;
  /** Resolves when every change so far is durable and told. */
  #durable: Promise<void> = Promise.resolve();
  /** The newest changes, and the promise of the ledger that they share. */
  #newest: Unwritten | undefined;
  #cancelCleanup: (() => void) | undefined;

  /** Throws `RangeError` or `TypeError` that names the option, its value and its bound. */
  constructor(options: LocalTicketLocksOptions) {
    const resolved = resolveOptions(options);
    this.#cleanupIntervalMs = resolved.cleanupIntervalMs;
    this.#clock = new RestartedClock(resolved.clock);
    this.#timers = resolved.timers;
    this.#ids = resolved.ids;
    this.#mac = resolved.mac;
    this.#ledger = options.ledger;
    this.#news = new StoreNews(this.#timers);
    this.#engine = new LockEngine({ clock: this.#clock, ids: this.#ids, policy: options.policy });
    this.#inventory = new LocalInventory({
      source: options.source,
      clock: this.#clock,
      timers: this.#timers,
      refreshMs: resolved.inventoryRefreshMs,
      staleAfterMs: resolved.inventoryStaleAfterMs,
      figuresOf: (eventId) => this.#engine.availability(eventId),
      onLoaded: (eventId, { categories }, fetchedAtMs) => {
        let isTaken = false;
        void this.#execute(() => {
          const result = this.#engine.setInventory({ eventId, categories, fetchedAtMs });
          isTaken = result.ok;
          return result;
        });
        return isTaken;
      },
      onStale: (news) => this.#news.tell('stale', news),
    });
    this.#dueTimer = new DueTimer({
      clock: this.#clock,
      timers: this.#timers,
      nextDueAtMs: () => this.#engine.nextDueAtMs(),
      onDue: () => void this.#execute(() => this.#engine.expireDue({ limit: EXPIRE_SLICE })),
    });
    this.#sessions = new LocalSessions({
      clock: this.#clock,
      timers: this.#timers,
      graceMs: resolved.disconnectGraceMs,
      onAbandoned: (sessionId) =>
        void this.#execute(() => this.#engine.releaseSession({ sessionId })),
    });
  }

  async start(): Promise<void> {
    if (this.#mode !== 'new')
      throw new TypeError(`start needs a new store, this one is ${this.#mode}`);
    const contents = await this.#ledger?.load();
    this.#tokens = new ResumeTokens(contents?.tokenKey ?? randomKey(), this.#mac);
    if (contents !== undefined) this.#recovery = recover(this.#engine, this.#clock, contents);
    this.#mode = 'running';
    void this.#execute(() => this.#engine.expireDue());
    await this.#durable;
    for (const sessionId of this.#engine.sessionIds()) this.#sessions.wait(sessionId);
    this.#inventory.start(contents === undefined ? new Map() : fetchInstants(contents));
    this.#dueTimer.arm();
    this.#armCleanup();
  }

  /** What `start` found in the ledger; `undefined` before, and without one. */
  get recovery(): Recovery | undefined {
    return this.#recovery;
  }

  async stop(): Promise<void> {
    if (this.#mode === 'running') this.#mode = 'stopped';
    this.#sessions.stop();
    this.#inventory.stop();
    this.#dueTimer.stop();
    this.#cancelCleanup?.();
    await this.#durable.catch(() => undefined);
    await this.#ledger?.close();
  }

  async lock(command: LockCommand) {
    return this.#executeAfterLoading(command, 'fresh', () => this.#engine.lock(command));
  }

  async lockMany(command: LockManyCommand) {
    return this.#executeAfterLoading(command, 'fresh', () => this.#engine.lockMany(command));
  }

  async unlock(command: UnlockCommand) {
    return this.#execute(() => this.#engine.unlock(command));
  }

  async extend(command: ExtendCommand) {
    return this.#execute(() => this.#engine.extend(command));
  }

  async beginPayment(command: BeginPaymentCommand) {
    return this.#execute(() => this.#engine.beginPayment(command));
  }

  async confirm(command: ConfirmCommand) {
    return this.#execute(() => this.#engine.confirm(command));
  }

  async confirmMany(command: DecideManyCommand) {
    return this.#execute(() => this.#engine.confirmMany(command));
  }

  async release(command: ReleaseCommand) {
    return this.#execute(() => this.#engine.release(command));
  }

  async releaseMany(command: DecideManyCommand) {
    return this.#execute(() => this.#engine.releaseMany(command));
  }

  async setInventory(command: SetInventoryCommand) {
    return this.#execute(() => this.#engine.setInventory(command));
  }

  async cancelEvent(command: CancelEventCommand) {
    return this.#executeAfterLoading(command, 'any', () => this.#engine.cancelEvent(command));
  }

  async settle(command: SettleCommand) {
    return this.#execute(() => this.#engine.settle(command));
  }

  async requireRefund(command: RequireRefundCommand) {
    return this.#execute(() => this.#engine.requireRefund(command));
  }

  async openSession(visit: { readonly userId: Id }): Promise<Outcome<SessionOpened>> {
    const userId = canonicalId(visit?.userId);
    if (userId === undefined) return refused({ code: 'INVALID_REQUEST', field: 'userId' });
    return this.#enter(this.#ids.sessionId(), userId, false);
  }

  async resumeSession(visit: {
    readonly userId: Id;
    readonly resumeToken: string;
  }): Promise<Outcome<SessionOpened>> {
    const userId = canonicalId(visit?.userId);
    if (userId === undefined) return refused({ code: 'INVALID_REQUEST', field: 'userId' });
    const sessionId = this.#tokens?.sessionOf(visit.resumeToken, userId);
    return sessionId === undefined
      ? refused({ code: 'FORBIDDEN' })
      : this.#enter(sessionId, userId, true);
  }

  async leaveSession(leave: {
    readonly sessionId: string;
    readonly how: 'goodbye' | 'lost';
  }): Promise<void> {
    if (this.#mode !== 'running') return;
    this.#sessions.leave(leave.sessionId, leave.how);
    await this.#durable;
  }

  async lockById(lockId: string): Promise<TicketLock | undefined> {
    return this.#read(() => this.#engine.lockById(lockId));
  }

  async locksOfUser(userId: Id): Promise<readonly TicketLock[]> {
    return this.#read(() => this.#engine.locksOfUser(userId));
  }

  async locksOfSession(sessionId: string): Promise<readonly TicketLock[]> {
    return this.#read(() => this.#engine.locksOfSession(sessionId));
  }

  async availability(eventId: Id): Promise<Outcome<EventAvailability>> {
    const id = canonicalId(eventId);
    if (id === undefined) return refused({ code: 'INVALID_REQUEST', field: 'eventId' });
    const refusal = await this.#load(id);
    if (refusal !== undefined) return refused(refusal);
    const categories = this.#engine.availability(id);
    try {
      await this.#durable;
    } catch {
      return refused({ code: 'UNAVAILABLE' });
    }
    if (categories === undefined) return refused({ code: 'EVENT_NOT_FOUND', eventId: id });
    return { ok: true, value: { eventId: id, categories, stale: this.#inventory.isStale(id) } };
  }

  async unsettledLocks(eventId: Id): Promise<readonly TicketLock[]> {
    return this.#read(() => this.#engine.unsettledLocks(eventId));
  }

  async refundsRequired(): Promise<readonly RefundRequired[]> {
    return this.#read(() => this.#engine.refundsRequired());
  }

  async stats(): Promise<LockStats> {
    return this.#read(() => this.#engine.stats());
  }

  on<Name extends keyof TicketLocksEvents>(name: Name, listener: TicketLocksEvents[Name]): void {
    this.#news.on(name, listener);
  }

  off<Name extends keyof TicketLocksEvents>(name: Name, listener: TicketLocksEvents[Name]): void {
    this.#news.off(name, listener);
  }

  async #enter(sessionId: string, userId: Id, resumed: boolean): Promise<Outcome<SessionOpened>> {
    if (this.#mode !== 'running' || this.#tokens === undefined)
      return refused({ code: 'UNAVAILABLE' });
    this.#sessions.enter(sessionId);
    return {
      ok: true,
      value: { sessionId, resumeToken: this.#tokens.issue(sessionId, userId), resumed },
    };
  }

  async #executeAfterLoading<Value>(
    command: { readonly eventId?: unknown; readonly sessionId?: string } | undefined,
    figures: 'fresh' | 'any',
    run: () => CommandResult<Value>,
  ): Promise<Outcome<Value>> {
    const id = canonicalId(command?.eventId);
    if (id !== undefined && !this.#inventory.isLoaded(id)) {
      const refusal = await this.#load(id);
      if (refusal?.code === 'UNAVAILABLE') return refused(refusal);
    }
    const mustBeFresh = id !== undefined && figures === 'fresh';
    if (mustBeFresh && this.#inventory.isTooOld(id)) return refused({ code: 'UNAVAILABLE' });
    // Its socket left while the command was under way: nobody would give these tickets back.
    const sessionId = command?.sessionId;
    if (sessionId !== undefined && this.#sessions.isGone(sessionId))
      return refused({ code: 'FORBIDDEN' });
    return this.#execute(run);
  }

  /** Makes sure that the event's figures are there. */
  async #load(eventId: Id): Promise<LockError | undefined> {
    if (this.#mode !== 'running') return { code: 'UNAVAILABLE' };
    const state = await this.#inventory.ensure(eventId);
    if (state === 'unavailable') return { code: 'UNAVAILABLE' };
    return state === 'unknown' ? { code: 'EVENT_NOT_FOUND', eventId } : undefined;
  }

  /** Runs a command and answers when all that the answer shows is durable. */
  async #execute<Value>(command: () => CommandResult<Value>): Promise<Outcome<Value>> {
    if (this.#mode !== 'running') return refused({ code: 'UNAVAILABLE' });
    let result: CommandResult<Value>;
    try {
      result = command();
    } catch (error) {
      this.#fail(error);
      throw error;
    }
    if (result.changes.length > 0) this.#record(result.changes);
    try {
      await this.#durable;
    } catch {
      return refused({ code: 'OUTCOME_UNKNOWN' });
    }
    return result.ok ? { ok: true, value: result.value } : refused(result.error);
  }

  /** Reads, and answers when all that was read is durable. */
  async #read<Value>(query: () => Value): Promise<Value> {
    const value = query();
    await this.#durable;
    return value;
  }

  #record(changes: readonly LockChange[]): void {
    this.#dueTimer.arm();
    if (this.#ledger === undefined) return this.#tell(changes);
    const written = this.#ledger.append(changes);
    if (written === this.#newest?.written) {
      for (const change of changes) this.#newest.changes.push(change);
      return;
    }
    // Told by `#durable`, after what was before: nobody waits for it when that has failed already.
    written.catch(() => undefined);
    this.#newest = { written, changes: [...changes] };
    this.#durable = this.#whenDurable(this.#durable, this.#newest);
    this.#durable.catch((error: unknown) => this.#fail(error));
  }

  async #whenDurable(before: Promise<void>, newest: Unwritten): Promise<void> {
    await before;
    await newest.written;
    if (this.#newest === newest) this.#newest = undefined;
    this.#tell(newest.changes);
  }

  #tell(changes: readonly LockChange[]): void {
    for (const change of changes) this.#news.tell('change', change);
  }

  #fail(cause: unknown): void {
    if (this.#mode === 'failed') return;
    this.#mode = 'failed';
    this.#sessions.stop();
    this.#inventory.stop();
    this.#dueTimer.stop();
    this.#cancelCleanup?.();
    const error = cause instanceof Error ? cause : new Error('the store failed', { cause });
    this.#news.tell('failure', error);
  }

  #armCleanup(): void {
    this.#cancelCleanup = this.#timers.after(this.#cleanupIntervalMs, () => {
      void this.#execute(() => this.#engine.forgetEnded());
      this.#armCleanup();
    });
  }
}

function refused(error: LockError): { readonly ok: false; readonly error: LockError } {
  return { ok: false, error };
}
