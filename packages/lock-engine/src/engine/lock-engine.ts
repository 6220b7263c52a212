import type {
  BeginPaymentCommand,
  CancelEventCommand,
  CommandResult,
  ConfirmCommand,
  Confirmed,
  ConfirmedMany,
  DecideManyCommand,
  EventCancelled,
  ExpiredDue,
  ExpireDueCommand,
  Extended,
  ExtendCommand,
  Forgotten,
  InventorySet,
  LockCommand,
  LockGrant,
  LockManyCommand,
  LockManyGrant,
  PaymentBegun,
  RefundRequired,
  ReleaseCommand,
  Released,
  ReleasedMany,
  ReleaseSessionCommand,
  RequireRefundCommand,
  SessionReleased,
  SetInventoryCommand,
  Settled,
  SettleCommand,
  UnlockCommand,
  Unlocked,
} from './command.js';
import { assertConsistent } from './consistency.js';
import { beginPayment, confirmLock, confirmMany, releaseLock, releaseMany } from './deciding.js';
import { canonicalId } from './id.js';
import type { Id } from './id.js';
import { invariant } from './invariant.js';
import type { LockChange } from './lock-change.js';
import { assertOptions } from './lock-engine-options.js';
import type { LockEngineOptions } from './lock-engine-options.js';
import { resolvePolicy } from './lock-policy.js';
import type { LockPolicy } from './lock-policy.js';
import { restoreInto, snapshotOf } from './lock-snapshot.js';
import type { LockSnapshot } from './lock-snapshot.js';
import { LockState } from './lock-state.js';
import { extendLock, lockMany, lockTickets } from './locking.js';
import {
  activeLocksOf,
  availabilityOf,
  eventOf,
  lockOf,
  nextDueAtMsOf,
  statsOf,
  unsettledLocksOf,
} from './queries.js';
import type { Sight } from './queries.js';
import { refundsRequiredIn, requireRefund } from './refunding.js';
import { Step } from './step.js';
import { setInventory, settleLock } from './stocking.js';
import { cancelEvent, expireDue, forgetEnded } from './sweeping.js';
import type { CategoryAvailability, LockStats, TicketLock } from './ticket-lock.js';
import { releaseSession, unlockTickets } from './unlocking.js';

/**
 * The accounting of ticket locks, as arithmetic: no timer, no randomness, no I/O, and no clock but
 * the one it was given.
 *
 * Every command answers a value or a coded refusal, together with the `changes` it made true;
 * nothing is emitted. A lock is over by comparison with its end, in every command, so a late or
 * missing `expireDue` neither refuses tickets that are free nor confirms a lock that is over. Input
 * is checked: what is malformed answers `INVALID_REQUEST` and changes nothing. Commands throw only
 * `InvariantError`, when the engine itself is wrong.
 */
export class LockEngine {
  readonly policy: LockPolicy;
  readonly #clock: { nowMs(): number };
  readonly #newLockId: () => string;
  readonly #state = new LockState();
  #nowMs = 0;

  /** Throws `RangeError` or `TypeError` that names the option, its value and its bound. */
  constructor(options: LockEngineOptions) {
    assertOptions(options);
    this.#clock = options.clock;
    this.#newLockId = () => options.ids.lockId();
    this.policy = resolvePolicy(options.policy);
  }

  /** `seq` of the newest change; 0 before the first. */
  get seq(): number {
    return this.#state.seq;
  }

  /**
   * Sets an event's figures, and settles completed orders that the new figures show, in one step.
   *
   * A category seen for the first time is added; one that is not listed keeps its figures. A
   * capacity below what is promised is accepted: nothing is available, `deficit` shows by how much,
   * and existing locks are honoured. Figures that were fetched before the newest known ones are
   * ignored (`applied: false`). Fails with `INVALID_REQUEST`.
   */
  setInventory(command: SetInventoryCommand): CommandResult<InventorySet> {
    return this.#run(setInventory, command);
  }

  /**
   * Locks `quantity` tickets of a category for a user until `ttlMs` from now.
   *
   * A user has one active lock per category: a second one is refused with the first, unless
   * `onExisting` says to change its quantity in place, which never moves its end. Fails with
   * `INVALID_REQUEST`, `REQUEST_CONFLICT`, the end's code of a repeated request whose lock has
   * ended, `EVENT_NOT_FOUND`, `CATEGORY_NOT_FOUND`, `ORDER_CONFLICT` (the lock to change is in
   * payment), `DUPLICATE_LOCK`, `LIMIT_EXCEEDED` or `INSUFFICIENT_TICKETS`, checked in that order.
   */
  lock(command: LockCommand): CommandResult<LockGrant> {
    return this.#run(lockTickets, command);
  }

  /**
   * Locks tickets of several categories of one event, all or nothing, with one end.
   *
   * Fails as `lock` does; each check is made for all lines before the next one.
   * `INSUFFICIENT_TICKETS` lists every line that fell short with what is free.
   */
  lockMany(command: LockManyCommand): CommandResult<LockManyGrant> {
    return this.#run(lockMany, command);
  }

  /**
   * Gives back `quantity` tickets of a lock, or all of them; the rest keeps its end.
   *
   * All of a lock that is released or expired already succeeds with `quantity: 0`. Fails with
   * `INVALID_REQUEST`, `REQUEST_CONFLICT`, `EVENT_NOT_FOUND`, `CATEGORY_NOT_FOUND`,
   * `LOCK_NOT_FOUND`, `ORDER_CONFLICT` (in payment), `LOCK_CONFIRMED`, `LOCK_RELEASED` or
   * `LOCK_EXPIRED`, checked in that order; more than is locked is `INVALID_REQUEST` with `locked`,
   * checked last.
   */
  unlock(command: UnlockCommand): CommandResult<Unlocked> {
    return this.#run(unlockTickets, command);
  }

  /**
   * Moves a lock's end to `ttlMs` from now, never nearer and never past `createdAtMs +
   * lockAgeMsMax`.
   *
   * Fails with `INVALID_REQUEST`, `LOCK_NOT_FOUND`, `REQUEST_CONFLICT`, `ORDER_CONFLICT` (in
   * payment), `LOCK_CONFIRMED`, `LOCK_RELEASED`, `LOCK_EXPIRED` or `LIMIT_EXCEEDED`
   * (`extensionsMax`, `lockAgeMsMax`), checked in that order.
   */
  extend(command: ExtendCommand): CommandResult<Extended> {
    return this.#run(extendLock, command);
  }

  /**
   * Ties a lock to an order while it is paid for: from now on neither its buyer nor his disconnect
   * changes it.
   *
   * Its end becomes `max(present end, min(now + ttlMs, createdAtMs + lockAgeMsMax))`. The same
   * order again gets the same answer and moves nothing. Fails with `INVALID_REQUEST`,
   * `LOCK_NOT_FOUND`, `REQUEST_CONFLICT`, `ORDER_CONFLICT` (another order's), `LOCK_MISMATCH`,
   * `LOCK_CONFIRMED`, `LOCK_RELEASED` or `LOCK_EXPIRED`, checked in that order.
   */
  beginPayment(command: BeginPaymentCommand): CommandResult<PaymentBegun> {
    return this.#run(beginPayment, command);
  }

  /**
   * Sells a lock's tickets, for good and in one step: at no instant are they free.
   *
   * The first confirm fixes the order: its `orderId`, else that of `beginPayment`, else none. Later
   * ones with the same order or without one get the same answer. A lock that has expired is
   * refused, or, by the policy `if-available`, takes fresh tickets within the window and answers
   * `late: true`. Fails with `INVALID_REQUEST`, `LOCK_NOT_FOUND`, `REQUEST_CONFLICT`,
   * `ORDER_CONFLICT`, `LOCK_MISMATCH`, `LOCK_RELEASED` or `LOCK_EXPIRED`, checked in that order.
   */
  confirm(command: ConfirmCommand): CommandResult<Confirmed> {
    return this.#run(confirmLock, command);
  }

  /**
   * Confirms several locks of one event, all or nothing; answers the refusal of the first one that
   * fails, as `confirm`.
   */
  confirmMany(command: DecideManyCommand): CommandResult<ConfirmedMany> {
    return this.#run(confirmMany, command);
  }

  /**
   * Puts a lock's tickets back on sale, also those of a confirmed one whose order failed, until it
   * is settled.
   *
   * Needs the lock's order where one is fixed by confirm; a lock in payment may be released without
   * one. What is released or expired already succeeds. Fails with `INVALID_REQUEST`,
   * `LOCK_NOT_FOUND`, `REQUEST_CONFLICT`, `ORDER_CONFLICT`, `LOCK_MISMATCH` or `LOCK_CONFIRMED`
   * (settled), checked in that order.
   */
  release(command: ReleaseCommand): CommandResult<Released> {
    return this.#run(releaseLock, command);
  }

  /**
   * Releases several locks of one event, all or nothing; answers the refusal of the first one that
   * fails, as `release`.
   */
  releaseMany(command: DecideManyCommand): CommandResult<ReleasedMany> {
    return this.#run(releaseMany, command);
  }

  /**
   * Releases every active lock of a session but those in payment. Costs as much as the session has
   * locks.
   */
  releaseSession(command: ReleaseSessionCommand): CommandResult<SessionReleased> {
    return this.#run(releaseSession, command);
  }

  /**
   * Records the end of locks that are over, in the order of their ends, and reports those that end
   * soon.
   */
  expireDue(command: ExpireDueCommand = {}): CommandResult<ExpiredDue> {
    return this.#run(expireDue, command);
  }

  /**
   * Takes the source's count of a confirmed lock as given, by an operator's word.
   *
   * Fails with `INVALID_REQUEST`, `LOCK_NOT_FOUND`, `LOCK_MISMATCH` (not confirmed),
   * `LOCK_RELEASED` or `LOCK_EXPIRED`.
   */
  settle(command: SettleCommand): CommandResult<Settled> {
    return this.#run(settleLock, command);
  }

  /**
   * Notes that money was taken for a lock that is over, once for each order.
   *
   * A late confirm by the same order takes the note back. Fails with `INVALID_REQUEST`,
   * `LOCK_NOT_FOUND`, `LOCK_MISMATCH` (still active), `LOCK_CONFIRMED` or `LOCK_RELEASED` (by the
   * orders service itself).
   */
  requireRefund(command: RequireRefundCommand): CommandResult<RefundRequired> {
    return this.#run(requireRefund, command);
  }

  /**
   * Releases an event's active locks and takes no new ones, for good. Costs as much as there are
   * locks. Fails with `INVALID_REQUEST` or `EVENT_NOT_FOUND`.
   */
  cancelEvent(command: CancelEventCommand): CommandResult<EventCancelled> {
    return this.#run(cancelEvent, command);
  }

  /**
   * Forgets ended locks and request ids past `endedLockRetentionMs`. What is over the numbers goes
   * with every command.
   */
  forgetEnded(): CommandResult<Forgotten> {
    const step = this.#step();
    forgetEnded(step, 'by age and number');
    const forgotten = step.changes.find((change) => change.type === 'forgotten');
    return step.ok({
      lockCount: forgotten?.lockCount ?? 0,
      requestCount: forgotten?.requestCount ?? 0,
    });
  }

  /** The lock as it stands now, or `undefined` when it is unknown or forgotten. */
  lockById(lockId: string): TicketLock | undefined {
    return lockOf(this.#sight(), lockId);
  }

  /** The user's active locks, the oldest first. */
  locksOfUser(userId: Id): TicketLock[] {
    const user = this.#state.users.get(canonicalId(userId) ?? '');
    return activeLocksOf(this.#sight(), user?.firstLock, (lock) => lock.nextOfUser);
  }

  /** The active locks that the session made, the oldest first; locks in payment are among them. */
  locksOfSession(sessionId: string): TicketLock[] {
    const session = this.#state.sessions.get(sessionId);
    return activeLocksOf(this.#sight(), session?.firstLock, (lock) => lock.nextOfSession);
  }

  /** The sessions that have active locks. */
  sessionIds(): string[] {
    return [...this.#state.sessions.keys()];
  }

  /**
   * The event's categories as they stand now, in the order in which they came; `undefined` for an
   * unknown event.
   */
  availability(eventId: Id): CategoryAvailability[] | undefined {
    return availabilityOf(this.#sight(), eventId);
  }

  /** One category as it stands now. */
  categoryAvailability(eventId: Id, categoryId: Id): CategoryAvailability | undefined {
    const nowMs = this.#readClock();
    const category = eventOf(this.#state, eventId)?.categories.get(canonicalId(categoryId) ?? '');
    return category?.view(this.#state.dueIn(category, nowMs));
  }

  /** Whether the event was cancelled; `undefined` for an unknown event. */
  isCancelled(eventId: Id): boolean | undefined {
    return eventOf(this.#state, eventId)?.cancelled;
  }

  /**
   * Confirmed locks that the source of truth does not count yet, the oldest of each category first.
   */
  unsettledLocks(eventId: Id): TicketLock[] {
    return unsettledLocksOf(this.#sight(), eventId);
  }

  /** What `requireRefund` noted of locks that are remembered, the oldest first. */
  refundsRequired(): RefundRequired[] {
    return refundsRequiredIn(this.#state);
  }

  /** Counts over what was recorded: a lock that is over counts as active until it is swept. */
  stats(): LockStats {
    return statsOf(this.#state);
  }

  /** The end of the lock that ends first, or `undefined` without active locks. */
  nextExpiryAtMs(): number | undefined {
    return this.#state.expiry.peek()?.expiresAtMs;
  }

  /** The instant at which `expireDue` next has something to do: an end or a notice. */
  nextDueAtMs(): number | undefined {
    return nextDueAtMsOf(this.#state, this.policy.expiringNoticeMs);
  }

  /**
   * Replays one recorded change; changes must come in the order of `seq`. Throws `InvariantError`
   * when it does not fit.
   */
  apply(change: LockChange): void {
    this.#state.apply(change);
  }

  /**
   * The whole state as plain JSON that shares nothing with the engine. Costs as much as there is
   * state.
   */
  snapshot(): LockSnapshot {
    return snapshotOf(this.#state);
  }

  /**
   * Puts a snapshot into an engine that has none yet. Throws `InvariantError` on a used engine or a
   * corrupt snapshot.
   */
  restore(snapshot: LockSnapshot): void {
    restoreInto(this.#state, snapshot);
    assertConsistent(this.#state);
  }

  /**
   * Recomputes every counter and index from the locks. Throws `InvariantError` when one differs.
   * Costs as much as there is state.
   */
  assertConsistent(): void {
    assertConsistent(this.#state);
  }

  #run<Command, Value>(
    decide: (step: Step, command: Command) => CommandResult<Value>,
    command: Command,
  ): CommandResult<Value> {
    const step = this.#step();
    const result = decide(step, command);
    const { ended, requests } = this.#state;
    const isOverfull =
      ended.size > this.policy.endedLocksMax || requests.size > this.policy.requestsMax;
    if (isOverfull) forgetEnded(step, 'by number');
    return result;
  }

  #step(): Step {
    return new Step(this.#state, this.policy, this.#newLockId, this.#readClock());
  }

  #readClock(): number {
    const nowMs = Math.floor(this.#clock.nowMs());
    invariant(Number.isFinite(nowMs), 'the clock gives an instant, not %', nowMs);
    this.#nowMs = Math.max(nowMs, this.#nowMs, this.#state.changedAtMs);
    return this.#nowMs;
  }

  #sight(): Sight {
    const { extensionsMax } = this.policy;
    return { state: this.#state, nowMs: this.#readClock(), extensionsMax };
  }
}
