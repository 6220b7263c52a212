import type { CommandResult, ExpiredDue } from '../engine/command.js';
import type { Id } from '../engine/id.js';
import type { LockChange } from '../engine/lock-change.js';
import { LockEngine } from '../engine/lock-engine.js';
import type { LockEngineOptions } from '../engine/lock-engine-options.js';
import type { LockPolicy } from '../engine/lock-policy.js';
import type { LockSnapshot } from '../engine/lock-snapshot.js';
import type { TicketLock } from '../engine/ticket-lock.js';
import type { Outcome } from '../ports/ticket-locks.js';
import { CallNamedIds } from './call-named-ids.js';
import { Divergence } from './divergence.js';
import { literalOf } from './literal.js';
import type { CommandCall, LockCall } from './lock-call.js';
import { lineOf } from './lock-call.js';
import { ManualClock } from './manual-clock.js';
import { Promises, see } from './promises.js';
import type { Sight } from './promises.js';
import { ReferenceModel } from './reference-model.js';
import { areSameFigures, areSameLocks, differenceOf, isSame } from './sameness.js';

export interface LockstepOptions {
  readonly policy: Partial<LockPolicy>;
  /**
   * `prompt`: `expireDue` follows every move of the clock, as it does in a service. `late`: it
   * comes when it comes, and every answer must be the same.
   */
  readonly sweeping: 'prompt' | 'late';
  /** When the clock starts; default that of `ManualClock`. */
  readonly startMs?: number | undefined;
  /**
   * Calls between two looks at lists and counts, which say again what is seen of each lock. Default
   * 1.
   */
  readonly listEvery?: number | undefined;
  readonly createEngine?: ((options: LockEngineOptions) => LockEngine) | undefined;
  /** Hears the changes of every call that makes some. */
  readonly onChanges?: ((changes: readonly LockChange[]) => void) | undefined;
}

/** A call with its place in the run it was first made in; its locks are named after that. */
export interface NumberedCall {
  readonly call: LockCall;
  readonly number: number;
}

/** Calls between two checks that cost as much as there is state. */
const DEEP_CHECK_EVERY = 64;

type AnyCommands = Record<string, (input: unknown) => unknown>;

/**
 * An engine and the reference model, given the same calls: after each, every answer and everything
 * that can be seen must be the same, the promises must hold, and an engine that replays the changes
 * must have the same state.
 *
 * `run` and `finish` throw `Divergence` when they do not.
 */
export class Lockstep {
  readonly clock: ManualClock;
  readonly calls: NumberedCall[] = [];
  readonly options: LockstepOptions;
  readonly #engineOptions: LockEngineOptions;
  readonly #ids = new CallNamedIds();
  readonly #promises = new Promises();
  readonly #follower: LockEngine;
  readonly #model: ReferenceModel;
  /** Whatever was heard of, so that everything is looked at; and somebody unknown. */
  readonly #eventIds = new Set<Id>();
  readonly #userIds = new Set<Id>(['nobody']);
  readonly #sessionIds = new Set<string>(['nobody']);
  #engine: LockEngine;
  #sight: Sight = { locks: [], categories: [] };
  #modelLockCount = 0;
  /** Made since everything was looked at. */
  #changes: LockChange[] = [];

  constructor(options: LockstepOptions) {
    this.options = options;
    this.clock = new ManualClock(options.startMs);
    const { clock } = this;
    const ids = this.#ids;
    const { policy, sweeping } = options;
    this.#engineOptions = { clock, ids, policy };
    this.#engine = this.#create();
    this.#follower = this.#create();
    this.#model = new ReferenceModel({
      clock,
      ids: { lockId: () => this.lockIds[this.#modelLockCount++] ?? 'none' },
      policy: sweeping === 'prompt' ? policy : forgettingNothing(policy),
      isForgotten: (id) => this.#engine.lockById(id) === undefined,
    });
  }

  /** Ids of every lock that was ever made. */
  get lockIds(): readonly string[] {
    return this.#ids.given;
  }

  /** What could be seen after the last call. */
  get sight(): Sight {
    return this.#sight;
  }

  /** The state of the engine that is there now. */
  snapshot(): LockSnapshot {
    return this.#engine.snapshot();
  }

  /**
   * Makes one call, checks everything, and returns what a command answered.
   *
   * `number` is the call's place in a longer run: left out calls change neither the ids of locks
   * nor the deep checks.
   */
  run(call: LockCall, number = this.calls.length + 1): CommandResult<unknown> | undefined {
    this.calls.push({ call, number });
    this.#ids.begin(number);
    const result = call.kind === 'command' ? this.#command(call) : this.#move(call);
    this.#observe(result);
    return result;
  }

  /** Checks at the end what is too dear to check after every call. */
  finish(): void {
    this.#compareLists();
    this.#checkDeeply();
    this.#assertRestores(this.#engine.snapshot());
  }

  #move(call: Exclude<LockCall, CommandCall>): undefined {
    if (call.kind === 'advance') this.clock.advance(call.ms);
    if (call.kind === 'drift') this.clock.driftMs = call.ms;
    if (call.kind === 'restart') this.#restart();
    if (this.options.sweeping === 'prompt') this.#sweep('limit' in call ? call.limit : undefined);
    return undefined;
  }

  /** Sweeps in slices of `limit`. When each of them reports what ends soon, is not compared. */
  #sweep(limit: number | undefined): void {
    const sweep: CommandCall = { kind: 'command', name: 'expireDue', input: { limit } };
    for (let more = true; more;) {
      const swept = this.#call(sweep) as Outcome<ExpiredDue>;
      const expected = this.#model.expireDue({ limit });
      if (!swept.ok || !expected.ok) throw new Divergence('a sweep was refused');
      this.#expect('expiredCount', swept.value.expiredCount, expected.value.expiredCount);
      more = swept.value.more || expected.value.more;
    }
  }

  #command(call: CommandCall): CommandResult<unknown> {
    const result = this.#call(call);
    const expected = callOn(this.#model, call) as Outcome<unknown>;
    this.#follow(result.changes);
    this.#compareResults(call, result, expected);
    return result;
  }

  /**
   * Calls the engine, and lets the follower replay what was made true as a ledger would keep it.
   */
  #call(call: CommandCall): CommandResult<unknown> {
    const result = this.#guard(() => callOn(this.#engine, call) as CommandResult<unknown>);
    for (const change of result.changes) {
      this.#guard(() => this.#follower.apply(JSON.parse(JSON.stringify(change)) as LockChange));
      this.#hear(change);
      this.#changes.push(change);
    }
    if (result.changes.length > 0) this.options.onChanges?.(result.changes);
    return result;
  }

  #hear(change: LockChange): void {
    if (change.type === 'inventory-set') this.#eventIds.add(change.eventId);
    if (change.type !== 'locked') return;
    this.#userIds.add(change.userId);
    this.#sessionIds.add(change.sessionId);
  }

  /** What is forgotten depends on when sweeps come: without prompt ones the model takes it over. */
  #follow(changes: readonly LockChange[]): void {
    const forgotten = changes.find((change) => change.type === 'forgotten');
    if (forgotten === undefined || this.options.sweeping === 'prompt') return;
    const isGone = (lockId: string) => this.#engine.lockById(lockId) === undefined;
    const gone = this.#model
      .allLocks()
      .map((lock) => lock.lockId)
      .filter(isGone);
    this.#guard(() => this.#model.forgetAsTold(gone, forgotten.requestCount));
    this.#expect('locks forgotten', gone.length, forgotten.lockCount);
  }

  #compareResults(call: CommandCall, result: CommandResult<unknown>, expected: Outcome<unknown>) {
    if (this.options.sweeping === 'late' && result.ok && expected.ok) {
      if (call.name === 'forgetEnded' || call.name === 'expireDue') return;
    }
    const actual = result.ok
      ? { ok: true, value: withSortedIds(call, result.value) }
      : { ok: false, error: result.error };
    const wanted = expected.ok
      ? { ok: true, value: withSortedIds(call, expected.value) }
      : expected;
    if (isSame(actual, wanted)) return;
    const rule = `${lineOf(call)}\nanswers\n${literalOf(actual)}\nbut must answer`;
    throw new Divergence(`${rule}\n${literalOf(wanted)}`);
  }

  #observe(result?: CommandResult<unknown>): void {
    const engine = this.#engine;
    const sight = this.#guard(() => see(engine, this.#eventIds, this.lockIds));
    this.#sight = sight;
    const broken = this.#promises.brokenBy(sight, this.#changes, result);
    this.#changes = [];
    if (broken !== undefined) throw new Divergence(broken);
    this.#compareSight(sight);
    const { number = 0 } = this.calls.at(-1) ?? {};
    if (number % (this.options.listEvery ?? 1) === 0) this.#compareLists();
    if (number % DEEP_CHECK_EVERY === 0) this.#checkDeeply();
  }

  #compareSight(sight: Sight): void {
    const model = this.#model;
    this.#expectLocks('the locks', sight.locks, model.allLocks());
    const figures = [...this.#eventIds].flatMap((eventId) => model.availability(eventId) ?? []);
    if (!areSameFigures(sight.categories, figures)) {
      this.#diverge('the figures', sight.categories, figures);
    }
  }

  #compareLists(): void {
    const engine = this.#engine;
    const model = this.#model;
    for (const eventId of this.#eventIds) {
      this.#expect('isCancelled', engine.isCancelled(eventId), model.isCancelled(eventId));
      const unsettled = engine.unsettledLocks(eventId);
      this.#expectLocks('unsettledLocks', unsettled, model.unsettledLocks(eventId));
    }
    this.#expect('refundsRequired', engine.refundsRequired(), model.refundsRequired());
    for (const category of this.#sight.categories) {
      const alone = engine.categoryAvailability(category.eventId, category.categoryId);
      this.#expect('categoryAvailability', alone, category);
    }
    for (const userId of this.#userIds) {
      this.#expectLocks('locksOfUser', engine.locksOfUser(userId), model.locksOfUser(userId));
    }
    for (const sessionId of this.#sessionIds) {
      const locks = engine.locksOfSession(sessionId);
      this.#expectLocks('locksOfSession', locks, model.locksOfSession(sessionId));
    }
    if (this.options.sweeping === 'prompt') this.#compareCounts();
  }

  /** What counts what was recorded is the same when everything that is over was swept. */
  #compareCounts(): void {
    const engine = this.#engine;
    const model = this.#model;
    this.#expect('stats', engine.stats(), model.stats());
    this.#expect('nextExpiryAtMs', engine.nextExpiryAtMs(), model.nextExpiryAtMs());
    this.#expect('nextDueAtMs', engine.nextDueAtMs(), model.nextDueAtMs());
    this.#expect('sessionIds', engine.sessionIds().toSorted(), model.sessionIds().toSorted());
  }

  #checkDeeply(): void {
    this.#guard(() => this.#engine.assertConsistent());
    const snapshot = this.#engine.snapshot();
    const replayed = this.#follower.snapshot();
    if (!isSame(snapshot, replayed)) this.#diverge('the replayed state', replayed, snapshot);
  }

  /** A snapshot is JSON, and gives the same state. */
  #assertRestores(snapshot: LockSnapshot): LockEngine {
    const fresh = this.#create();
    const json = JSON.parse(JSON.stringify(snapshot)) as LockSnapshot;
    this.#guard(() => fresh.restore(json));
    const restored = fresh.snapshot();
    if (!isSame(restored, snapshot)) this.#diverge('the restored state', restored, snapshot);
    return fresh;
  }

  /**
   * A new engine takes over. It does not know how far the clock had been, so that must not be back.
   */
  #restart(): void {
    this.clock.driftMs = 0;
    this.#engine = this.#assertRestores(this.#engine.snapshot());
  }

  #create(): LockEngine {
    const { createEngine } = this.options;
    return createEngine?.(this.#engineOptions) ?? new LockEngine(this.#engineOptions);
  }

  #expectLocks(what: string, actual: readonly TicketLock[], expected: readonly TicketLock[]): void {
    if (!areSameLocks(actual, expected)) this.#diverge(what, actual, expected);
  }

  #expect(what: string, actual: unknown, expected: unknown): void {
    if (!isSame(actual, expected)) this.#diverge(what, actual, expected);
  }

  #diverge(what: string, actual: unknown, expected: unknown): never {
    throw new Divergence(`${what}: ${differenceOf(actual, expected)}`);
  }

  #guard<Value>(action: () => Value): Value {
    try {
      return action();
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause);
      throw new Divergence(message, { cause });
    }
  }
}

function callOn(target: LockEngine | ReferenceModel, { name, input }: CommandCall): unknown {
  // Safe: both have every command, and inputs are meant to be anything.
  return (target as unknown as AnyCommands)[name]?.(input);
}

/** In which order the locks of a session or an event are released is not promised. */
function withSortedIds({ name }: CommandCall, value: unknown): unknown {
  if (name !== 'releaseSession' && name !== 'cancelEvent') return value;
  const { lockIds, ...rest } = value as { lockIds: readonly string[] };
  return { ...rest, lockIds: lockIds.toSorted() };
}

/** A policy of 0 requests remembers nothing in the first place. */
function forgettingNothing(policy: Partial<LockPolicy>): Partial<LockPolicy> {
  const unlimited = { endedLockRetentionMs: Infinity, endedLocksMax: Infinity };
  return { ...policy, ...unlimited, requestsMax: policy.requestsMax === 0 ? 0 : Infinity };
}
