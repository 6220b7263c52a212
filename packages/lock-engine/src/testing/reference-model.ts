import type {
  BeginPaymentCommand,
  CancelEventCommand,
  ConfirmCommand,
  DecideManyCommand,
  ExpireDueCommand,
  ExtendCommand,
  Forgotten,
  LockCommand,
  LockManyCommand,
  RefundRequired,
  ReleaseCommand,
  ReleaseSessionCommand,
  RequireRefundCommand,
  SetInventoryCommand,
  SettleCommand,
  UnlockCommand,
} from '../engine/command.js';
import type { Id } from '../engine/id.js';
import type { LockEngineOptions } from '../engine/lock-engine-options.js';
import { resolvePolicy } from '../engine/lock-policy.js';
import type { CategoryAvailability, LockStats, TicketLock } from '../engine/ticket-lock.js';
import type { Outcome } from '../ports/ticket-locks.js';
import {
  modelBeginPayment,
  modelConfirm,
  modelConfirmMany,
  modelRelease,
  modelReleaseMany,
} from './model/model-deciding.js';
import { modelExtend, modelLock, modelLockMany } from './model/model-locking.js';
import { modelRefundsRequired, modelRequireRefund } from './model/model-refunding.js';
import { modelId } from './model/model-shape.js';
import { byEnd, isEnded, isUnsettled, ModelState } from './model/model-state.js';
import type { ModelLock } from './model/model-state.js';
import { byConfirm, modelSetInventory, modelSettle } from './model/model-stocking.js';
import { forget, modelCancelEvent, modelExpireDue, sweep } from './model/model-sweeping.js';
import { modelReleaseSession, modelUnlock } from './model/model-unlocking.js';

/** A category's figures without their version, which counts how often they moved. */
export type ModelAvailability = Omit<CategoryAvailability, 'version'>;

export interface ReferenceModelOptions extends LockEngineOptions {
  /**
   * Decides which of the locks that ended in one command is forgotten first; default the one made
   * first.
   */
  readonly isForgotten?: ((lockId: string) => boolean) | undefined;
}

/**
 * What `LockEngine` must answer, written down a second time and as naively as possible.
 *
 * Four plain lists, no index, no counter: every command first sweeps whatever is over, then adds up
 * what it needs to know. Same commands, same answers, same views; no `changes`, no versions, no
 * snapshots. Slow on purpose.
 */
export class ReferenceModel {
  readonly #state: ModelState;
  readonly #clock: { nowMs(): number };
  readonly #isForgotten: (lockId: string) => boolean;

  constructor({ clock, ids, policy, isForgotten }: ReferenceModelOptions) {
    this.#clock = clock;
    this.#state = new ModelState(resolvePolicy(policy), () => ids.lockId());
    this.#isForgotten = isForgotten ?? (() => false);
  }

  setInventory = (command: SetInventoryCommand) => this.#run(modelSetInventory, command);
  lock = (command: LockCommand) => this.#run(modelLock, command);
  lockMany = (command: LockManyCommand) => this.#run(modelLockMany, command);
  unlock = (command: UnlockCommand) => this.#run(modelUnlock, command);
  extend = (command: ExtendCommand) => this.#run(modelExtend, command);
  beginPayment = (command: BeginPaymentCommand) => this.#run(modelBeginPayment, command);
  confirm = (command: ConfirmCommand) => this.#run(modelConfirm, command);
  confirmMany = (command: DecideManyCommand) => this.#run(modelConfirmMany, command);
  release = (command: ReleaseCommand) => this.#run(modelRelease, command);
  releaseMany = (command: DecideManyCommand) => this.#run(modelReleaseMany, command);
  releaseSession = (command: ReleaseSessionCommand) => this.#run(modelReleaseSession, command);
  requireRefund = (command: RequireRefundCommand) => this.#run(modelRequireRefund, command);
  settle = (command: SettleCommand) => this.#run(modelSettle, command);
  cancelEvent = (command: CancelEventCommand) => this.#run(modelCancelEvent, command);

  /** The one command that sweeps no more than it is told to. */
  expireDue(command: ExpireDueCommand = {}) {
    this.#begin();
    return this.#end(modelExpireDue(this.#state, command));
  }

  forgetEnded(): Outcome<Forgotten> {
    this.#begin();
    sweep(this.#state);
    return { ok: true, value: forget(this.#state, true, this.#isForgotten) };
  }

  /** Takes over that somebody else has forgotten these locks and that many requests, the oldest. */
  forgetAsTold(lockIds: readonly string[], requestCount: number): void {
    const state = this.#state;
    const told = new Set(lockIds);
    const isWrong = state.locks.some((lock) => told.has(lock.lockId) && !isEnded(lock));
    if (isWrong) throw new Error(`a lock that is not over was forgotten: ${lockIds.join()}`);
    state.locks = state.locks.filter((lock) => !told.has(lock.lockId));
    state.requests = state.requests.slice(requestCount);
  }

  lockById(lockId: string): TicketLock | undefined {
    this.#readClock();
    const lock = this.#state.lock(lockId);
    return lock && this.#state.view(lock);
  }

  locksOfUser(userId: Id): TicketLock[] {
    const wanted = modelId(userId);
    return this.#activeLocks((lock) => lock.userId === wanted);
  }

  locksOfSession(sessionId: string): TicketLock[] {
    return this.#activeLocks((lock) => lock.sessionId === sessionId);
  }

  sessionIds(): string[] {
    return [...new Set(this.#activeLocks(() => true).map((lock) => lock.sessionId))];
  }

  availability(eventId: Id): ModelAvailability[] | undefined {
    this.#readClock();
    const event = this.#state.event(modelId(eventId));
    return event?.categories.map((category) => this.#state.figures(event.eventId, category));
  }

  categoryAvailability(eventId: Id, categoryId: Id): ModelAvailability | undefined {
    const wanted = modelId(categoryId);
    return this.availability(eventId)?.find((category) => category.categoryId === wanted);
  }

  isCancelled(eventId: Id): boolean | undefined {
    return this.#state.event(modelId(eventId))?.cancelled;
  }

  unsettledLocks(eventId: Id): TicketLock[] {
    this.#readClock();
    const event = this.#state.event(modelId(eventId));
    if (event === undefined) return [];
    const unsettled = this.#state.locks
      .filter((lock) => lock.eventId === event.eventId && isUnsettled(lock))
      .toSorted(byConfirm);
    const byCategory = event.categories.map(({ categoryId }) =>
      unsettled.filter((lock) => lock.categoryId === categoryId),
    );
    return byCategory.flat().map((lock) => this.#state.view(lock));
  }

  refundsRequired(): RefundRequired[] {
    return modelRefundsRequired(this.#state);
  }

  /** By comparison: nothing that is over counts as active. */
  stats(): LockStats {
    this.#readClock();
    const { locks, events, requests } = this.#state;
    const active = locks.filter((lock) => this.#state.isActive(lock));
    const count = (status: TicketLock['status']) =>
      locks.filter((lock) => this.#state.view(lock).status === status).length;
    const categories = active.map(({ eventId, categoryId }) =>
      JSON.stringify([eventId, categoryId]),
    );
    return {
      totalLocks: locks.length,
      activeLocks: active.length,
      usersWithLocks: new Set(active.map((lock) => lock.userId)).size,
      categoriesWithLocks: new Set(categories).size,
      locksByStatus: {
        active: active.length,
        expired: count('EXPIRED'),
        confirmed: count('CONFIRMED'),
        released: count('RELEASED'),
      },
      unsettledLocks: locks.filter(isUnsettled).length,
      rememberedRequests: requests.length,
      events: events.length,
    };
  }

  nextExpiryAtMs(): number | undefined {
    this.#readClock();
    return this.#activeByEnd()[0]?.expiresAtMs;
  }

  nextDueAtMs(): number | undefined {
    const { expiringNoticeMs } = this.#state.policy;
    const expiryAtMs = this.nextExpiryAtMs();
    const unnoticed = this.#activeByEnd().find((lock) => !lock.noticed);
    if (expiryAtMs === undefined || unnoticed === undefined) return expiryAtMs;
    if (expiringNoticeMs === 0) return expiryAtMs;
    return Math.min(expiryAtMs, unnoticed.expiresAtMs - expiringNoticeMs);
  }

  /** Every lock that is remembered, the one made first first. */
  allLocks(): TicketLock[] {
    this.#readClock();
    return this.#state.locks.map((lock) => this.#state.view(lock));
  }

  #run<Command, Value>(
    decide: (state: ModelState, command: Command) => Outcome<Value>,
    command: Command,
  ): Outcome<Value> {
    this.#begin();
    sweep(this.#state);
    return this.#end(decide(this.#state, command));
  }

  #begin(): void {
    this.#readClock();
    this.#state.commandCount += 1;
  }

  #end<Value>(outcome: Outcome<Value>): Outcome<Value> {
    forget(this.#state, false, this.#isForgotten);
    return outcome;
  }

  /** The clock may go back; time does not. */
  #readClock(): void {
    this.#state.nowMs = Math.max(this.#state.nowMs, Math.floor(this.#clock.nowMs()));
  }

  #activeByEnd(): ModelLock[] {
    return this.#state.locks.filter((lock) => this.#state.isActive(lock)).toSorted(byEnd);
  }

  #activeLocks(isMeant: (lock: ModelLock) => boolean): TicketLock[] {
    this.#readClock();
    return this.#state.locks
      .filter((lock) => isMeant(lock) && this.#state.isActive(lock))
      .map((lock) => this.#state.view(lock))
      .toSorted((a, b) => a.createdAtMs - b.createdAtMs || (a.lockId < b.lockId ? -1 : 1));
  }
}
