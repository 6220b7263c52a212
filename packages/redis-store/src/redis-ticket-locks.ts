import { canonicalId, hmacSha256, ResumeTokens } from '@ticket-locks/lock-engine';
import type {
  BeginPaymentCommand,
  CancelEventCommand,
  ChangeOutbox,
  Confirmed,
  ConfirmCommand,
  ConfirmedMany,
  DecideManyCommand,
  EventAvailability,
  EventCancelled,
  Extended,
  ExtendCommand,
  Id,
  InventorySet,
  LockCommand,
  LockError,
  LockGrant,
  LockManyCommand,
  LockManyGrant,
  LockStats,
  Outcome,
  PaymentBegun,
  RefundRequired,
  ReleaseCommand,
  Released,
  ReleasedMany,
  RequireRefundCommand,
  SessionOpened,
  SetInventoryCommand,
  Settled,
  SettleCommand,
  TicketLock,
  TicketLocks,
  TicketLocksEvents,
  UnlockCommand,
  Unlocked,
} from '@ticket-locks/lock-engine';

import * as answers from './answer.js';
import { CommandDesk } from './command-desk.js';
import type { Read } from './command-desk.js';
import { shapedInventory } from './command-shape.js';
import type { ShapedCommand } from './command-shape.js';
import { eventTag, routedLockId } from './event-key.js';
import * as calls from './function-call.js';
import { functionLibrary } from './function-library.js';
import type { FunctionLibrary } from './function-library.js';
import { resolveOptions } from './redis-ticket-locks-options.js';
import type { RedisTicketLocksOptions } from './redis-ticket-locks-options.js';
import { StoreParts } from './store-parts.js';

/**
 * Ticket locks in Redis, shared by any number of instances.
 *
 * NEW -> `start` (connects, loads the functions, joins the epoch) -> RUNNING -> `stop` -> STOPPED.
 * While Redis does not answer everything is refused with `UNAVAILABLE`, or `OUTCOME_UNKNOWN` where
 * a call was under way; afterwards it goes on. A function that breaks off leads to FAILED:
 * `failure` is emitted once, and everything is refused with `UNAVAILABLE` from then on.
 *
 * With `decisions` a ledger decides what is sold, and Redis may lose its memory: active locks are
 * lost then, and said to be. Without, Redis decides alone: what it forgets is forgotten, sales too.
 */
export class RedisTicketLocks implements TicketLocks {
  readonly #options: ReturnType<typeof resolveOptions>;
  readonly #parts: StoreParts;
  readonly #desk: CommandDesk;
  readonly #pending = new Set<Promise<unknown>>();
  #mode: 'new' | 'running' | 'stopped' | 'failed' = 'new';
  #tokens: ResumeTokens | undefined;
  #cancelCleanup: (() => void) | undefined;

  /**
   * Throws `RangeError` or `TypeError` that names the option, its value and its bound. `library` is
   * for tests, which bring a clock of their own.
   */
  constructor(options: RedisTicketLocksOptions, library: FunctionLibrary = functionLibrary()) {
    this.#options = resolveOptions(options);
    this.#parts = new StoreParts(this.#options, library, (error) => this.#fail(error));
    this.#desk = new CommandDesk(this.#parts, this.#options.policy);
  }

  /** Calls that wait for Redis. */
  get inFlight(): number {
    return this.#parts.link.inFlight;
  }

  /**
   * Whether buyers can be served: Redis answers, and holds the epoch in force. Looked at once a
   * second.
   */
  get isAvailable(): boolean {
    return this.#mode === 'running' && this.#parts.watch.isAvailable;
  }

  /** Counts the times that Redis has lost its memory, from 1; 0 before `start`. */
  get epoch(): number {
    return this.#parts.events.epoch;
  }

  /**
   * What is still to be told to others, for one publisher of all instances; only with the option
   * `outbox`. To be attached to after `start`, and detached from before `stop`.
   */
  get outbox(): ChangeOutbox | undefined {
    return this.#parts.outbox;
  }

  async start(): Promise<void> {
    if (this.#mode !== 'new')
      throw new TypeError(`start needs a new store, this one is ${this.#mode}`);
    await this.#parts.start();
    this.#tokens = new ResumeTokens(this.#parts.epoch.tokenKey, hmacSha256);
    this.#mode = 'running';
    this.#armCleanup();
  }

  async stop(): Promise<void> {
    if (this.#mode === 'running') this.#mode = 'stopped';
    this.#cancelCleanup?.();
    await Promise.allSettled(this.#pending);
    this.#parts.stop();
  }

  lock(command: LockCommand): Promise<Outcome<LockGrant>> {
    return this.#checked('lock', command, () => {
      const eventId = canonicalId(command.eventId) ?? command.eventId;
      const call = () => calls.lockCall(command, () => this.#newLockId(eventId));
      return this.#desk.take(command, eventId, call, ({ rest, nowMs }) =>
        answers.grantOf(rest.fields(0), nowMs, eventId),
      );
    });
  }

  lockMany(command: LockManyCommand): Promise<Outcome<LockManyGrant>> {
    return this.#checked('lockMany', command, () => {
      const eventId = canonicalId(command.eventId) ?? command.eventId;
      const call = () => calls.lockManyCall(command, () => this.#newLockId(eventId));
      return this.#desk.take(command, eventId, call, ({ rest, nowMs }) => {
        const locks = rest.lists().map((fields) => answers.grantOf(fields, nowMs, eventId));
        return { lockId: locks[0]?.lockId ?? '', eventId, locks };
      });
    });
  }

  unlock(command: UnlockCommand): Promise<Outcome<Unlocked>> {
    return this.#checked('unlock', command, async () => {
      const { policy } = this.#options;
      const call = calls.unlockCall(command);
      const read: Read<Unlocked> = (reply, eventId) =>
        answers.unlockedOf(reply, { eventId, policy });
      if (command.lockId !== undefined) return this.#desk.ofLock(command.lockId, call, read);
      const eventId = canonicalId(command.eventId) ?? command.eventId;
      const outcome = await this.#desk.run(eventId, call, read);
      return outcome ?? refused({ code: 'EVENT_NOT_FOUND', eventId });
    });
  }

  extend(command: ExtendCommand): Promise<Outcome<Extended>> {
    return this.#checked('extend', command, () => {
      const { policy } = this.#options;
      return this.#desk.ofLock(command.lockId, calls.extendCall(command), (reply, eventId) =>
        answers.extendedOf(reply, { eventId, policy }),
      );
    });
  }

  beginPayment(command: BeginPaymentCommand): Promise<Outcome<PaymentBegun>> {
    return this.#checked('beginPayment', command, () => {
      const call = calls.beginPaymentCall(command, this.#options.policy.paymentTtlMs);
      const orderId = canonicalId(command.orderId) ?? command.orderId;
      return this.#desk.ofLock(command.lockId, call, (reply) => answers.paymentOf(reply, orderId));
    });
  }

  async confirm(command: ConfirmCommand): Promise<Outcome<Confirmed>> {
    return onlyOne(
      await this.#checked('confirm', command, () => this.#desk.confirm('confirm', command)),
    );
  }

  async confirmMany(command: DecideManyCommand): Promise<Outcome<ConfirmedMany>> {
    return many(
      await this.#checked('confirmMany', command, () => this.#desk.confirm('confirmMany', command)),
    );
  }

  async release(command: ReleaseCommand): Promise<Outcome<Released>> {
    return onlyOne(
      await this.#checked('release', command, () => this.#desk.release('release', command)),
    );
  }

  async releaseMany(command: DecideManyCommand): Promise<Outcome<ReleasedMany>> {
    return many(
      await this.#checked('releaseMany', command, () => this.#desk.release('releaseMany', command)),
    );
  }

  async setInventory(command: SetInventoryCommand): Promise<Outcome<InventorySet>> {
    const inventory = shapedInventory(command);
    if ('code' in inventory) return refused(inventory);
    return this.#tracked(() => this.#parts.stock.setInventory(command, inventory));
  }

  cancelEvent(command: CancelEventCommand): Promise<Outcome<EventCancelled>> {
    return this.#checked('cancelEvent', command, () => {
      const eventId = canonicalId(command.eventId) ?? command.eventId;
      return this.#desk.withEvent(eventId, () => this.#desk.cancel(eventId));
    });
  }

  settle(command: SettleCommand): Promise<Outcome<Settled>> {
    return this.#checked('settle', command, async () => {
      const { lockId } = command;
      try {
        await this.#parts.stock.settle(lockId);
      } catch {
        return refused({ code: 'OUTCOME_UNKNOWN' });
      }
      const call = { name: 'settle', args: [lockId] };
      const outcome = await this.#desk.ofLock(lockId, call, (_, eventId) => eventId);
      if (!outcome.ok) return outcome;
      return { ok: true, value: { lockId, status: 'CONFIRMED', settled: true } };
    });
  }

  requireRefund(command: RequireRefundCommand): Promise<Outcome<RefundRequired>> {
    return this.#checked('requireRefund', command, async () => {
      const call = calls.requireRefundCall(command);
      const noted = await this.#desk.ofLock(command.lockId, call, ({ rest }, eventId) =>
        answers.refundOf(rest, eventId),
      );
      return this.#parts.refunds?.note(command, noted) ?? noted;
    });
  }

  async openSession(visit: { readonly userId: Id }): Promise<Outcome<SessionOpened>> {
    const userId = canonicalId(visit?.userId);
    if (userId === undefined) return refused({ code: 'INVALID_REQUEST', field: 'userId' });
    return this.#enter(this.#options.ids.sessionId(), userId, false);
  }

  async resumeSession(visit: {
    readonly userId: Id;
    readonly resumeToken: string;
  }): Promise<Outcome<SessionOpened>> {
    const userId = canonicalId(visit?.userId);
    if (userId === undefined) return refused({ code: 'INVALID_REQUEST', field: 'userId' });
    const sessionId = this.#tokens?.sessionOf(visit.resumeToken, userId);
    if (sessionId === undefined) return refused({ code: 'FORBIDDEN' });
    return this.#enter(sessionId, userId, true);
  }

  async leaveSession(leave: {
    readonly sessionId: string;
    readonly how: 'goodbye' | 'lost';
  }): Promise<void> {
    if (this.#mode !== 'running') return;
    // What is not given back now is given back by whoever asks next.
    const leaving = this.#parts.presence.leave(leave.sessionId, leave.how).catch(() => undefined);
    await this.#track(leaving);
  }

  lockById(lockId: string): Promise<TicketLock | undefined> {
    return this.#track(this.#parts.queries.lockById(lockId));
  }

  locksOfUser(userId: Id): Promise<readonly TicketLock[]> {
    return this.#track(this.#parts.queries.locksOfUser(userId));
  }

  locksOfSession(sessionId: string): Promise<readonly TicketLock[]> {
    return this.#track(this.#parts.queries.locksOfSession(sessionId));
  }

  async availability(eventId: Id): Promise<Outcome<EventAvailability>> {
    const id = canonicalId(eventId);
    if (id === undefined) return refused({ code: 'INVALID_REQUEST', field: 'eventId' });
    return this.#tracked(async () => {
      const { queries, inventory } = this.#parts;
      return this.#desk.withEvent(id, async () => {
        const categories = await queries.figures(id).catch(() => null);
        if (categories === null) return refused({ code: 'UNAVAILABLE' });
        const stale = inventory.isStale(id);
        return categories && { ok: true, value: { eventId: id, categories, stale } };
      });
    });
  }

  unsettledLocks(eventId: Id): Promise<readonly TicketLock[]> {
    return this.#track(this.#parts.queries.unsettledLocks(eventId));
  }

  refundsRequired(): Promise<readonly RefundRequired[]> {
    const { refunds, queries } = this.#parts;
    if (refunds !== undefined) return this.#track(refunds.all());
    return this.#track(this.#parts.eventIds().then((ids) => queries.refundsRequired(ids)));
  }

  stats(): Promise<LockStats> {
    return this.#track(this.#parts.eventIds().then((ids) => this.#parts.queries.stats(ids)));
  }

  on<Name extends keyof TicketLocksEvents>(name: Name, listener: TicketLocksEvents[Name]): void {
    this.#parts.news.on(name, listener);
  }

  off<Name extends keyof TicketLocksEvents>(name: Name, listener: TicketLocksEvents[Name]): void {
    this.#parts.news.off(name, listener);
  }

  #newLockId(eventId: Id): string {
    const route = { tag: eventTag(eventId), epoch: this.#parts.events.epoch };
    return routedLockId(this.#options.ids.lockId(), route);
  }

  async #enter(sessionId: string, userId: Id, resumed: boolean): Promise<Outcome<SessionOpened>> {
    if (this.#mode !== 'running' || this.#tokens === undefined)
      return refused({ code: 'UNAVAILABLE' });
    const resumeToken = this.#tokens.issue(sessionId, userId);
    return this.#tracked(async () => {
      try {
        await this.#parts.presence.enter(sessionId, resumed);
      } catch {
        return refused({ code: 'UNAVAILABLE' });
      }
      return { ok: true, value: { sessionId, resumeToken, resumed } };
    });
  }

  #checked<Value>(
    name: ShapedCommand,
    command: unknown,
    run: () => Promise<Outcome<Value>>,
  ): Promise<Outcome<Value>> {
    const malformed = this.#desk.shape.refusalOf(name, command);
    return malformed === undefined ? this.#tracked(run) : Promise.resolve(refused(malformed));
  }

  #tracked<Value>(run: () => Promise<Outcome<Value>>): Promise<Outcome<Value>> {
    if (this.#mode !== 'running') return Promise.resolve(refused({ code: 'UNAVAILABLE' }));
    return this.#track(run());
  }

  async #track<Value>(running: Promise<Value>): Promise<Value> {
    this.#pending.add(running);
    try {
      return await running;
    } finally {
      this.#pending.delete(running);
    }
  }

  #fail(error: Error): void {
    if (this.#mode === 'failed') return;
    this.#mode = 'failed';
    this.#cancelCleanup?.();
    this.#parts.stop();
    this.#parts.news.tell('failure', error);
  }

  #armCleanup(): void {
    this.#cancelCleanup = this.#options.timers.after(this.#options.cleanupIntervalMs, () => {
      void this.#track(this.#parts.forgetEnded());
      this.#armCleanup();
    });
  }
}

function onlyOne<Value>(outcome: Outcome<readonly Value[]>): Outcome<Value> {
  if (!outcome.ok) return outcome;
  const [value] = outcome.value;
  if (value === undefined) throw new TypeError('a decision on one lock is about one lock');
  return { ok: true, value };
}

function many<Value extends { readonly lockId: string }>(
  outcome: Outcome<readonly Value[]>,
): Outcome<{ readonly lockId: string; readonly locks: readonly Value[] }> {
  if (!outcome.ok) return outcome;
  const locks = outcome.value;
  return { ok: true, value: { lockId: locks[0]?.lockId ?? '', locks } };
}

function refused(error: LockError): { readonly ok: false; readonly error: LockError } {
  return { ok: false, error };
}
