import { canonicalId } from '@ticket-locks/lock-engine';
import type {
  BeginPaymentCommand,
  DecideManyCommand,
  Id,
  LockChange,
  SetInventoryCommand,
} from '@ticket-locks/lock-engine';
import type { Redis } from 'ioredis';
import { expect } from 'vitest';

import {
  confirmedOf,
  extendedOf,
  figuresOf,
  grantOf,
  inventoryOf,
  lockOf,
  paymentOf,
  refundOf,
  refusalOf,
  releasedOf,
  unlockedOf,
} from '../src/answer.js';
import { changesOf } from '../src/change-text.js';
import { CommandShape, shapedInventory } from '../src/command-shape.js';
import { eventKey, eventTag } from '../src/event-key.js';
import { mayJoin, textOfCall } from '../src/event-lanes.js';
import * as calls from '../src/function-call.js';
import type { FunctionCall } from '../src/function-call.js';
import type { FunctionLibrary } from '../src/function-library.js';
import { policyText } from '../src/policy-text.js';
import { partOf, replyOf } from '../src/reply.js';
import type { Reply } from '../src/reply.js';
import { textOf } from '../src/wire-text.js';
import { eventOf } from './recording.js';
import type { RecordedCall, Recording } from './recording.js';
import { clockKey } from './redis-server.js';

export interface ReplayOptions {
  readonly redis: Redis;
  readonly library: FunctionLibrary;
  /** Of keys: each replay needs one of its own. */
  readonly prefix: string;
  /** Calls that follow each other at one instant come in one batch. */
  readonly isBatched: boolean;
}

/** A call of a function for a recorded call, and what to expect of it. */
interface Planned {
  readonly eventId: Id;
  readonly call: FunctionCall;
  readonly nowMs: number;
  readonly check?: ((reply: Reply) => void) | undefined;
  /** What became true in the event by this call. */
  readonly changes: readonly LockChange[];
}

const EPOCH = 1;
/** Commands that release locks in an order that is not promised. */
const UNORDERED = new Set(['cancelEvent', 'releaseSession']);
const shape = new CommandShape();

/**
 * Gives the functions the commands of a recording, and expects the same answers, changes and state.
 *
 * What the engine forgets is forgotten alike. Where the recording sweeps late, what is over is told
 * at other moments, so that the changes are compared lock by lock at the end.
 */
export class Replay {
  readonly #recording: Recording;
  readonly #options: ReplayOptions;
  readonly #planned: Planned[] = [];
  readonly #events = new Map<string, Id>();
  readonly #eventOfLock = new Map<string, Id>();
  /** Ended locks and requests by event, the oldest first, to know what is forgotten. */
  readonly #ended: { lockId: string; event: string }[] = [];
  readonly #requests: string[] = [];
  #isPrompt = true;

  constructor(recording: Recording, options: ReplayOptions) {
    this.#recording = recording;
    this.#options = options;
  }

  /** Returns how many commands were compared. */
  async run(): Promise<number> {
    this.#isPrompt = isPrompt(this.#recording);
    let count = 0;
    let isUnordered = false;
    for (const call of this.#recording.calls) {
      const isForgetting = call.result.changes.some((change) => change.type === 'forgotten');
      // What is forgotten depends on the order of ends, which is another when sweeps are late, or
      // when locks were released together in an order that is not promised.
      isUnordered ||= UNORDERED.has(call.name) && call.result.changes.length > 1;
      if (isForgetting && (!this.#isPrompt || isUnordered)) break;
      this.#plan(call);
      this.#follow(call);
      count += 1;
    }
    const isWhole = count === this.#recording.calls.length;
    await this.#play();
    if (isWhole) {
      await this.#compareState().catch((cause: unknown) => {
        throw new Error(`seed ${this.#recording.seed}: another state`, { cause });
      });
    }
    return count;
  }

  #plan(call: RecordedCall): void {
    if (call.name === 'expireDue') return this.#planSweep(call);
    if (call.name === 'forgetEnded') return undefined;
    if (call.name === 'releaseSession') return this.#planSession(call);
    if (call.name === 'setInventory') return this.#planInventory(call);
    const refusal = shape.refusalOf(call.name, call.input);
    if (refusal !== undefined) return expect(call.result).toMatchObject({ error: refusal });
    const eventId = this.#eventMeant(call);
    if (eventId === undefined) return expect(call.result.ok).toBe(false);
    const changes = this.#changesIn(eventId, call);
    const { call: made, read } = this.#made(call, eventId);
    const check = (reply: Reply) => {
      const asked = { eventId, policy: this.#recording.policy };
      const actual =
        reply.code === 'OK'
          ? { ok: true, value: read(reply) }
          : { ok: false, error: refusalOf(reply, asked) };
      expect(actual).toEqual(outcomeOf(call));
    };
    return this.#add({ eventId, call: made, nowMs: call.nowMs, check, changes });
  }

  #made(
    { name, input, result }: RecordedCall,
    eventId: Id,
  ): { call: FunctionCall; read: (reply: Reply) => unknown } {
    const { policy } = this.#recording;
    const asked = { eventId, policy };
    const made = result.changes.filter((change) => change.type === 'locked');
    let nextId = 0;
    const newLockId = () => made[nextId++]?.lockId ?? `unused-${nextId}`;
    // Safe: the shape was checked.
    const command = input as never;
    switch (name) {
      case 'lock':
        return {
          call: calls.lockCall(command, newLockId),
          read: ({ rest, nowMs }) => grantOf(rest.fields(0), nowMs, eventId),
        };
      case 'lockMany': {
        const ids = lockManyIds(result, made);
        return {
          call: calls.lockManyCall(command, () => ids.shift() ?? 'unused'),
          read: ({ rest, nowMs }) => {
            const locks = rest.lists().map((fields) => grantOf(fields, nowMs, eventId));
            return { lockId: locks[0]?.lockId, eventId, locks };
          },
        };
      }
      case 'unlock':
        return { call: calls.unlockCall(command), read: (reply) => unlockedOf(reply, asked) };
      case 'extend':
        return { call: calls.extendCall(command), read: (reply) => extendedOf(reply, asked) };
      case 'beginPayment': {
        const orderId = canonicalId((command as BeginPaymentCommand).orderId) ?? '';
        const call = calls.beginPaymentCall(command, policy.paymentTtlMs);
        return { call, read: (reply) => paymentOf(reply, orderId) };
      }
      case 'confirm':
        return {
          call: calls.decisionCall('confirm', command),
          read: ({ rest }) => confirmedOf(rest.fields(0), eventId),
        };
      case 'confirmMany':
        return {
          call: calls.decisionCall('confirmMany', command),
          read: ({ rest }) => many(rest.lists().map((fields) => confirmedOf(fields, eventId))),
        };
      case 'release':
        return {
          call: calls.decisionCall('release', command),
          read: ({ rest }) => releasedOf(rest.fields(0), eventId),
        };
      case 'releaseMany':
        return {
          call: calls.decisionCall('releaseMany', command),
          read: ({ rest }) => many(rest.lists().map((fields) => releasedOf(fields, eventId))),
        };
      case 'settle': {
        const { lockId } = command as { lockId: string };
        const value = { lockId, status: 'CONFIRMED', settled: true };
        return { call: { name, args: [lockId] }, read: () => value };
      }
      case 'requireRefund':
        return {
          call: calls.requireRefundCall(command),
          read: ({ rest }) => refundOf(rest, eventId),
        };
      case 'cancelEvent': {
        const order = (lockIds: readonly string[]) => lockIds.toSorted();
        const value = outcomeOf({ result }).value as { lockIds?: string[] } | undefined;
        value?.lockIds?.sort();
        return {
          call: { name, args: [] },
          read: ({ rest }) => ({ eventId, lockIds: order(rest.fields(1).texts()) }),
        };
      }
      case 'setInventory':
      case 'releaseSession':
      case 'expireDue':
      case 'forgetEnded':
        throw new Error(`${name} is planned elsewhere`);
    }
  }

  #planInventory(call: RecordedCall): void {
    const command = call.input as SetInventoryCommand;
    const inventory = shapedInventory(command);
    if ('code' in inventory) return expect(call.result).toMatchObject({ error: inventory });
    const eventId = canonicalId(command.eventId) ?? '';
    const event = textOf(eventId);
    const isFetch = command.categories !== undefined || command.completed === undefined;
    if (!this.#events.has(event)) {
      if (!isFetch) return undefined;
      this.#events.set(event, eventId);
      const create = { name: 'createEvent', args: [event] };
      this.#add({ eventId, call: create, nowMs: call.nowMs, changes: [] });
    }
    const check = (reply: Reply) => {
      const value = inventoryOf(reply, eventId, inventory);
      expect({ ok: true, value }).toEqual(outcomeOf(call));
    };
    const changes = this.#changesIn(eventId, call);
    const made = calls.setInventoryCall(command, inventory);
    return this.#add({ eventId, call: made, nowMs: call.nowMs, check, changes });
  }

  /** The engine sweeps over all events; here each is swept as far as it was there. */
  #planSweep(call: RecordedCall): void {
    for (const eventId of this.#events.values()) {
      const changes = this.#changesIn(eventId, call);
      const counts = ['expired', 'expiring'].map(
        (type) => changes.filter((change) => change.type === type).length,
      );
      if (counts.every((count) => count === 0)) continue;
      this.#add({ eventId, call: { name: 'sweep', args: counts }, nowMs: call.nowMs, changes });
    }
  }

  /** A session's locks may be of several users and events. */
  #planSession(call: RecordedCall): void {
    if (!call.result.ok) return;
    const { sessionId } = call.input as { sessionId: string };
    const released = call.result.changes.filter((change) => change.type === 'released');
    const users = new Set(released.map(({ eventId, userId }) => JSON.stringify([eventId, userId])));
    for (const pair of users) {
      const [eventId, userId] = JSON.parse(pair) as [Id, Id];
      const made = calls.releaseSessionCall(userId, sessionId);
      const changes = this.#changesIn(eventId, call).filter(
        (change) => 'userId' in change && change.userId === userId,
      );
      this.#add({ eventId, call: made, nowMs: call.nowMs, changes });
    }
  }

  #eventMeant({ name, input }: RecordedCall): Id | undefined {
    const fields = input as { eventId?: Id; lockId?: string; lockIds?: string[] };
    const isByEvent = ['lock', 'lockMany', 'cancelEvent'].includes(name);
    if (isByEvent || (name === 'unlock' && fields.lockId === undefined)) {
      return this.#events.get(textOf(canonicalId(fields.eventId) ?? ''));
    }
    if (name !== 'confirmMany' && name !== 'releaseMany') {
      return this.#eventOfLock.get(fields.lockId ?? '');
    }
    const { lockIds } = input as DecideManyCommand;
    const events = new Set(lockIds.flatMap((lockId) => this.#eventOfLock.get(lockId) ?? []));
    // Locks of several events are told apart before a function is called.
    return events.size === 1 ? [...events][0] : undefined;
  }

  #changesIn(eventId: Id, { result }: RecordedCall): LockChange[] {
    const event = textOf(eventId);
    return result.changes.filter(
      (change) => eventOf(change) === event && change.type !== 'request-remembered',
    );
  }

  /** Keeps up with what the engine made true, and forgets what it forgot. */
  #follow(call: RecordedCall): void {
    for (const change of call.result.changes) {
      if (change.type === 'locked') this.#eventOfLock.set(change.lockId, change.eventId);
      if (change.type === 'request-remembered') this.#requests.push(textOf(change.eventId));
      if (change.type === 'forgotten') this.#forget(change, call.nowMs);
      if (change.type === 'confirmed' && change.late === true) {
        const at = this.#ended.findIndex(({ lockId }) => lockId === change.lockId);
        this.#ended.splice(at, 1);
      }
      if (change.type === 'expired' || change.type === 'released' || change.type === 'settled') {
        this.#ended.push({ lockId: change.lockId, event: textOf(change.eventId) });
      }
    }
  }

  #forget(
    { lockCount, requestCount }: { readonly lockCount: number; readonly requestCount: number },
    nowMs: number,
  ): void {
    const locks = this.#ended.splice(0, lockCount);
    const requests = this.#requests.splice(0, requestCount);
    for (const [event, eventId] of this.#events) {
      const counts = [
        locks.filter((lock) => lock.event === event).length,
        requests.filter((request) => request === event).length,
      ];
      if (counts.every((count) => count === 0)) continue;
      const check = (reply: Reply) =>
        expect([reply.rest.number(0), reply.rest.number(1)]).toEqual(counts);
      this.#add({ eventId, call: { name: 'forget', args: counts }, nowMs, check, changes: [] });
    }
  }

  #add(planned: Planned): void {
    this.#planned.push(planned);
  }

  async #play(): Promise<void> {
    const groups = this.#options.isBatched
      ? grouped(this.#planned)
      : this.#planned.map((one) => [one]);
    const replies = await this.#askTogether(groups);
    const told: LockChange[] = [];
    const seqs = new Map<Id, number>();
    for (const [index, group] of groups.entries()) {
      const [first] = group;
      const [reply] = replies[index] ?? [];
      if (first === undefined || reply === undefined) throw new Error('every call has a reply');
      try {
        for (const [at, planned] of group.entries()) planned.check?.(replies[index]?.[at] ?? reply);
        const changes = reply.changes === '' ? [] : changesOf(reply.changes).changes;
        for (const change of changes) {
          const seq = (seqs.get(first.eventId) ?? 0) + 1;
          expect(change.seq).toBe(seq);
          seqs.set(first.eventId, seq);
        }
        told.push(...changes);
        if (this.#isPrompt) compareChanges(changes, group);
      } catch (cause) {
        const asked = group.map(({ call }) => `${call.name} ${call.args.join(' ')}`);
        throw new Error(`seed ${this.#recording.seed}: ${asked.join('; ')}`, { cause });
      }
    }
    if (!this.#isPrompt) this.#compareHistories(told);
  }

  /** What was told of each lock, but for when the end was noticed. */
  #compareHistories(told: readonly LockChange[]): void {
    const wanted = this.#planned.flatMap(({ changes }) => changes);
    const both = [told, wanted].map((changes) =>
      changes.filter(({ type }) => type !== 'expiring' && type !== 'expired').map(unnumbered),
    );
    if (this.#planned.some(({ call }) => UNORDERED.has(call.name))) {
      return expect(sortedText(both[0] ?? [])).toEqual(sortedText(both[1] ?? []));
    }
    return expect(both[0], `seed ${this.#recording.seed}`).toEqual(both[1]);
  }

  async #compareState(): Promise<void> {
    const { engine, policy, nowMs } = this.#recording;
    for (const eventId of this.#events.values()) {
      const asked = { eventId, policy };
      const ids = [...this.#eventOfLock].filter(([, id]) => id === eventId).map(([id]) => id);
      const ask = (name: string, ...args: (string | number)[]): Planned => ({
        eventId,
        call: { name, args },
        nowMs,
        changes: [],
      });
      const [known, figures, refunds] = await this.#ask([
        ask('locks', ...ids),
        ask('availability'),
        ask('refunds', 0),
      ]);
      const views = known?.rest.lists().map((fields) => lockOf(fields, nowMs, asked));
      const wanted = ids.flatMap((id) => engine.lockById(id) ?? []);
      // A late sweep notices an end when it comes, and that is what was recorded.
      expect(views).toEqual(wanted);
      const counted = figures?.rest.lists(1).map((fields) => figuresOf(fields, eventId));
      expect(counted?.map(unversioned)).toEqual(engine.availability(eventId)?.map(unversioned));
      const owed = refunds?.rest.lists(1).map((fields) => refundOf(fields, eventId)) ?? [];
      const wantedRefunds = engine.refundsRequired().filter((one) => one.eventId === eventId);
      expect(sortedText(owed)).toEqual(sortedText(wantedRefunds));
      await this.#compareLists(eventId);
    }
    const hasDue = (engine.nextExpiryAtMs() ?? Infinity) <= nowMs;
    if (this.#isPrompt && !hasDue) await this.#compareStats();
  }

  async #compareLists(eventId: Id): Promise<void> {
    const { engine, policy, nowMs } = this.#recording;
    const categories = engine.availability(eventId) ?? [];
    const pages = await this.#ask(
      categories.map(({ categoryId }) => ({
        eventId,
        call: { name: 'unsettled', args: [textOf(categoryId), 0, 1000] },
        nowMs,
        changes: [],
      })),
    );
    const unsettled = pages.flatMap(({ rest }) =>
      rest.lists(1).map((fields) => lockOf(fields, nowMs, { eventId, policy })),
    );
    expect(unsettled).toEqual(engine.unsettledLocks(eventId));
  }

  async #compareStats(): Promise<void> {
    const { engine, nowMs } = this.#recording;
    const events = [...this.#events.values()];
    const replies = await this.#ask(
      events.map((eventId) => ({ eventId, call: { name: 'stats', args: [] }, nowMs, changes: [] })),
    );
    const sums = replies.reduce(
      (sum, { rest }) => sum.map((count, index) => count + rest.number(index)),
      Array.from({ length: 8 }, () => 0),
    );
    const { locksByStatus, unsettledLocks, categoriesWithLocks, rememberedRequests } =
      engine.stats();
    const { active, confirmed, released, expired } = locksByStatus;
    // Users are counted in each event.
    sums.splice(5, 1);
    expect(sums).toEqual([
      active,
      confirmed,
      released,
      expired,
      unsettledLocks,
      categoriesWithLocks,
      rememberedRequests,
    ]);
  }

  async #ask(planned: readonly Planned[]): Promise<Reply[]> {
    return (await this.#askTogether(planned.map((one) => [one]))).flat();
  }

  /** Each group of more than one call is one batch. */
  async #askTogether(groups: readonly (readonly Planned[])[]): Promise<Reply[][]> {
    const { redis, library, prefix } = this.#options;
    const head = [EPOCH, 0, policyText(this.#recording.policy)];
    const pipeline = redis.pipeline();
    for (const group of groups) {
      const { eventId, call, nowMs } = group[0] as Planned;
      const parts = group.flatMap(({ call: one }) => [one.args.length, textOfCall(one)]);
      const isAlone = group.length === 1;
      const name = `${library.name}_${isAlone ? call.name : 'batch'}`;
      pipeline.set(clockKey(prefix), nowMs);
      const key = eventKey(prefix, eventTag(eventId));
      pipeline.fcall(name, 1, key, ...head, ...(isAlone ? call.args : parts));
    }
    const results = (await pipeline.exec()) ?? [];
    return groups.map((group, index) => {
      const [error, raw] = results[index * 2 + 1] ?? [];
      if (error !== null) {
        const what = `seed ${this.#recording.seed}: ${JSON.stringify(group[0]?.call)}`;
        throw new Error(what, { cause: error });
      }
      const whole = replyOf(raw);
      if (group.length === 1) return [whole];
      return whole.rest.texts().map((text, at) => partOf(whole, text, at));
    });
  }
}

/** Calls of one event at one instant that follow each other and may come together. */
function grouped(planned: readonly Planned[]): Planned[][] {
  const groups: Planned[][] = [];
  for (const one of planned) {
    const group = groups.at(-1);
    const [first] = group ?? [];
    const isSame = first?.eventId === one.eventId && first.nowMs === one.nowMs;
    const isTogether = first !== undefined && mayJoin(first.call) && mayJoin(one.call);
    if (group !== undefined && isSame && isTogether) group.push(one);
    else groups.push([one]);
  }
  return groups;
}

function compareChanges(changes: readonly LockChange[], group: readonly Planned[]): void {
  const inOrder = group.some(({ call }) => UNORDERED.has(call.name)) ? sortedText : unsorted;
  const wanted = group.flatMap((planned) => planned.changes);
  expect(inOrder(changes.map(unnumbered))).toEqual(inOrder(wanted.map(unnumbered)));
}

/** Whether every command found nothing that was over: every move of the clock was swept after. */
function isPrompt({ calls: made }: Recording): boolean {
  return made.every(({ name, hadDue }) => name === 'expireDue' || !hadDue);
}

function lockManyIds(
  result: RecordedCall['result'],
  made: readonly { readonly lockId: string }[],
): string[] {
  const news = new Set(made.map(({ lockId }) => lockId));
  const { locks = [] } = (result.ok ? result.value : {}) as { locks?: { lockId: string }[] };
  return locks.map(({ lockId }) => (news.has(lockId) ? lockId : 'unused'));
}

function many(locks: readonly { readonly lockId: string }[]): unknown {
  return { lockId: locks[0]?.lockId, locks };
}

function outcomeOf({ result }: Pick<RecordedCall, 'result'>): {
  ok: boolean;
  value?: unknown;
  error?: unknown;
} {
  return result.ok ? { ok: true, value: result.value } : { ok: false, error: result.error };
}

function unnumbered({ seq, ...change }: LockChange): unknown {
  void seq;
  return change;
}

function unversioned({ version, ...figures }: { readonly version: number }): unknown {
  void version;
  return figures;
}

function unsorted(values: readonly unknown[]): readonly unknown[] {
  return values;
}

function sortedText(values: readonly unknown[]): readonly unknown[] {
  return values.map((value) => JSON.stringify(sortedFields(value))).toSorted();
}

function sortedFields(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedFields);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).map(([name, field]) => [name, sortedFields(field)] as const);
  return fields.toSorted(([a], [b]) => (a < b ? -1 : 1));
}
