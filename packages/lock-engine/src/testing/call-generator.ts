import type { Id } from '../engine/id.js';
import type { CategoryAvailability, LockStatus, TicketLock } from '../engine/ticket-lock.js';
import type { CommandCall, CommandName, LockCall } from './lock-call.js';
import type { Lockstep } from './lockstep.js';
import type { SeededRandom } from './seeded-random.js';
import {
  CATEGORY_IDS,
  EVENT_IDS,
  MALFORMED,
  ORDER_IDS,
  REQUEST_IDS,
  SESSION_IDS,
  spellingsOf,
  USER_IDS,
} from './small-world.js';

type Fields = Record<string, unknown>;

/** How often each command comes, before a run has its own habits. */
const WEIGHTS: Readonly<Record<CommandName, number>> = {
  setInventory: 9,
  lock: 30,
  lockMany: 8,
  unlock: 7,
  extend: 7,
  beginPayment: 6,
  confirm: 11,
  confirmMany: 6,
  release: 4,
  releaseMany: 2,
  releaseSession: 1.5,
  expireDue: 2,
  settle: 1,
  requireRefund: 1.5,
  cancelEvent: 0.1,
  forgetEnded: 1,
};

/** Earlier calls that may come once more. */
const RECALLED_MAX = 24;

/**
 * Draws calls that meet: few ids, quantities near the limits, moments next to the ends of locks,
 * repeats and nonsense.
 *
 * Every run draws habits first (which commands are frequent, how much is malformed), so that
 * different runs go to different places. What is drawn depends on the numbers and on what can be
 * seen of the engine alone.
 */
export class CallGenerator {
  readonly #random: SeededRandom;
  readonly #lockstep: Lockstep;
  readonly #names: CommandName[] = [];
  readonly #recent: CommandCall[] = [];
  readonly #malformedRate: number;
  readonly #repeatRate: number;
  readonly #requestRate: number;
  readonly #clockRate: number;
  readonly #eventIds: readonly Id[];
  readonly #capacityMax: number;

  constructor(random: SeededRandom, lockstep: Lockstep) {
    this.#random = random;
    this.#lockstep = lockstep;
    for (const [name, weight] of Object.entries(WEIGHTS)) {
      const count = Math.round(weight * 10 * random.pick([0, 0.3, 1, 1, 1, 3]));
      for (let index = 0; index < count; index += 1) this.#names.push(name as CommandName);
    }
    if (this.#names.length === 0) this.#names.push('lock');
    this.#malformedRate = random.pick([0, 0.02, 0.05, 0.3]);
    this.#repeatRate = random.pick([0, 0.05, 0.15]);
    this.#requestRate = random.pick([0, 0.3, 0.8]);
    this.#clockRate = random.pick([0.02, 0.06, 0.15]);
    this.#eventIds = EVENT_IDS.slice(0, random.pick([1, 2, 2, 3]));
    this.#capacityMax = random.pick([4, 12, 40]);
  }

  next(): LockCall {
    const random = this.#random;
    const callCount = this.#lockstep.calls.length;
    if (callCount < this.#eventIds.length) return this.#stock(this.#eventIds[callCount] ?? 1);
    if (random.chance(this.#clockRate)) return this.#move();
    if (random.chance(0.01)) return { kind: 'restart' };
    const call = random.chance(this.#repeatRate) ? this.#repeat() : this.#command();
    this.#recent.push(call);
    if (this.#recent.length > RECALLED_MAX) this.#recent.shift();
    return call;
  }

  /** The first figures of an event, so that there is something to lock. */
  #stock(eventId: Id): CommandCall {
    const categories = CATEGORY_IDS.map((categoryId) => ({
      categoryId,
      capacity: this.#random.between(2, this.#capacityMax),
    }));
    return { kind: 'command', name: 'setInventory', input: { eventId, categories } };
  }

  #command(): CommandCall {
    const name = this.#random.pick(this.#names);
    const input = this.#inputOf(name);
    const isSpoilt = this.#random.chance(this.#malformedRate);
    return { kind: 'command', name, input: isSpoilt ? this.#spoilt(input) : input };
  }

  /** An earlier call verbatim, or its request id with other content. */
  #repeat(): CommandCall {
    const earlier = this.#recent.length > 0 ? this.#random.pick(this.#recent) : this.#command();
    if (this.#random.chance(0.7)) return earlier;
    const { requestId } = (earlier.input ?? {}) as Fields;
    const call = this.#command();
    const isPlain = typeof call.input === 'object' && call.input !== null;
    return isPlain ? { ...call, input: { ...call.input, requestId } } : call;
  }

  #inputOf(name: CommandName): unknown {
    const random = this.#random;
    switch (name) {
      case 'setInventory':
        return this.#inventory();
      case 'lock':
        return {
          eventId: this.#eventId(),
          categoryId: this.#id(CATEGORY_IDS),
          quantity: this.#quantity(),
          ...this.#buyer(),
        };
      case 'lockMany':
        return { eventId: this.#eventId(), items: this.#items(), ...this.#buyer() };
      case 'unlock':
        return this.#unlock();
      case 'extend': {
        const lockId = this.#lockId('ACTIVE');
        return { lockId, ...this.#userOf(lockId), ...this.#request() };
      }
      case 'beginPayment': {
        const ttlMs = random.pick([1, 9, 200, 5000]);
        return { ...this.#decision(0.05, 'ACTIVE'), ...(random.chance(0.4) && { ttlMs }) };
      }
      case 'confirm':
      case 'requireRefund':
        return this.#decision(0.3, 'ACTIVE', 'EXPIRED');
      case 'release':
        return this.#decision(0.3, 'ACTIVE', 'CONFIRMED');
      case 'confirmMany':
      case 'releaseMany':
        return this.#decisionOfMany();
      case 'releaseSession':
        return { sessionId: random.pick(SESSION_IDS) };
      case 'expireDue':
        return random.chance(0.5) ? undefined : { limit: random.pick([1, 2, 5, Infinity]) };
      case 'settle':
        return { lockId: this.#lockId('CONFIRMED') };
      case 'cancelEvent':
        return { eventId: this.#eventId() };
      case 'forgetEnded':
        return undefined;
    }
  }

  /** A little, to the end of a lock or another edge of its life and around it, or far. */
  #move(): LockCall {
    const random = this.#random;
    const { clock, options } = this.#lockstep;
    const { ttlMs = 1 } = options.policy;
    if (random.chance(0.04)) return { kind: 'drift', ms: -random.pick([0, 1, 3, 5000]) };
    const wanted = random.chance(0.5)
      ? random.pick([0, 0.5, 1, 1, 2, 3, ttlMs / 5, ttlMs / 2])
      : this.#edgeMs() + random.pick([-1, 0, 0, 1]) - clock.nowMs();
    const isForward = wanted >= 0 && wanted < 1e9;
    const ms = random.chance(0.02) ? 3_600_000 : isForward ? wanted : 1;
    return { kind: 'advance', ms, ...(random.chance(0.3) && { limit: random.between(1, 3) }) };
  }

  /** An instant at which something changes. */
  #edgeMs(): number {
    const random = this.#random;
    const { sight, options } = this.#lockstep;
    const { policy } = options;
    const { lateConfirmWindowMs = 0, endedLockRetentionMs = 0, expiringNoticeMs = 0 } = policy;
    const active = sight.locks.filter((lock) => lock.status === 'ACTIVE');
    if (active.length > 0 && random.chance(0.85)) {
      const { expiresAtMs } = random.pick(active);
      return random.chance(0.8) ? expiresAtMs : expiresAtMs - expiringNoticeMs;
    }
    if (sight.locks.length === 0) return 0;
    const { expiresAtMs, endedAtMs = 0 } = random.pick(sight.locks);
    const isLate = random.chance(0.7);
    return isLate ? expiresAtMs + lateConfirmWindowMs : endedAtMs + endedLockRetentionMs;
  }

  #inventory(): Fields {
    const random = this.#random;
    const eventId = this.#eventId();
    const count = random.pick([1, 1, 2, 3]);
    const categories = this.#several(CATEGORY_IDS, count).map((categoryId) => {
      const known = this.#lockstep.sight.categories.find(
        (category) => category.eventId === eventId && category.categoryId === categoryId,
      );
      const moved = Math.max(0, (known?.soldElsewhere ?? 0) + random.pick([0, 1, 1, 2, 3, -1, -2]));
      return {
        categoryId,
        capacity: this.#capacity(known),
        ...(random.chance(0.6) && { soldElsewhere: random.chance(0.01) ? 2 ** 40 : moved }),
      };
    });
    const nowMs = this.#lockstep.clock.nowMs();
    const fetchedAtMs = Math.max(0, nowMs - random.pick([0, 0, 1, 2, 50, 1000, nowMs, -1]));
    return {
      eventId,
      ...(random.chance(0.9) && { categories }),
      ...(random.chance(0.4) && { fetchedAtMs }),
      ...(random.chance(0.6) && { completed: this.#completed() }),
    };
  }

  /** As before, next to what is promised, or anything. */
  #capacity(known: CategoryAvailability | undefined): number {
    const random = this.#random;
    if (known === undefined) return random.between(1, this.#capacityMax);
    const promised = known.sold + known.locked;
    const { capacity } = known;
    const around = random.pick([capacity, promised, promised]) + random.between(-1, 3);
    const anything = random.chance(0.1) ? 2 ** 53 - 1 : random.between(1, this.#capacityMax);
    return random.pick([capacity, capacity, Math.max(0, around), Math.max(0, around), anything]);
  }

  #completed(): Fields[] {
    const random = this.#random;
    const sold = this.#lockstep.sight.locks.filter(isUnsettled);
    const orders: Fields[] = [];
    for (let count = random.pick([0, 1, 1, 2]); count > 0; count -= 1) {
      const lock: Partial<TicketLock> = sold.length > 0 ? random.pick(sold) : {};
      const isExact = random.chance(0.85);
      orders.push({
        orderId: lock.orderId ?? this.#id(ORDER_IDS),
        categoryId: lock.categoryId ?? this.#id(CATEGORY_IDS),
        quantity: isExact ? (lock.quantity ?? 1) : this.#quantity(),
        userId: isExact && lock.userId !== undefined ? lock.userId : this.#id(USER_IDS),
        ...(random.chance(0.4) && { lockId: isExact ? lock.lockId : this.#lockId() }),
      });
    }
    return orders;
  }

  #unlock(): Fields {
    const random = this.#random;
    const quantity = random.chance(0.5) ? { quantity: this.#quantity() } : {};
    if (random.chance(0.5)) {
      const lockId = this.#lockId('ACTIVE');
      return { lockId, ...this.#userOf(lockId), ...quantity, ...this.#request() };
    }
    const { locks } = this.#lockstep.sight;
    const active = locks.filter(({ status }) => status === 'ACTIVE');
    const lock: Partial<TicketLock> = active.length > 0 ? random.pick(active) : {};
    const isExact = random.chance(0.7);
    return {
      eventId: isExact && lock.eventId !== undefined ? lock.eventId : this.#eventId(),
      categoryId:
        isExact && lock.categoryId !== undefined ? lock.categoryId : this.#id(CATEGORY_IDS),
      userId: isExact && lock.userId !== undefined ? lock.userId : this.#id(USER_IDS),
      ...quantity,
      ...this.#request(),
    };
  }

  #decision(otherOrderRate: number, ...statuses: readonly LockStatus[]): Fields {
    const random = this.#random;
    const lockId = this.#lockId(...statuses);
    const lock = this.#lockstep.sight.locks.find((other) => other.lockId === lockId);
    const isOther = random.chance(otherOrderRate) || lock?.orderId === undefined;
    const orderId = isOther ? this.#id(ORDER_IDS) : lock.orderId;
    const isTrue = random.chance(0.8);
    const claims: Fields = {};
    if (lock !== undefined && random.chance(0.3)) {
      if (random.chance(0.5)) claims['userId'] = isTrue ? lock.userId : this.#id(USER_IDS);
      if (random.chance(0.5)) claims['eventId'] = isTrue ? lock.eventId : this.#eventId();
      if (random.chance(0.5)) claims['categoryId'] = isTrue ? lock.categoryId : 'box';
      if (random.chance(0.5)) claims['quantity'] = isTrue ? lock.quantity : this.#quantity();
    }
    const isNamed = otherOrderRate < 0.1 ? random.chance(0.97) : random.chance(0.65);
    return { lockId, ...(isNamed && { orderId }), ...claims, ...this.#request() };
  }

  #decisionOfMany(): Fields {
    const random = this.#random;
    const { locks } = this.#lockstep.sight;
    const { lateConfirmWindowMs = 0 } = this.#lockstep.options.policy;
    const lateAfterMs = this.#lockstep.clock.nowMs() - lateConfirmWindowMs;
    const lapsed = locks.filter(
      (lock) => lock.status === 'EXPIRED' && lock.expiresAtMs > lateAfterMs,
    );
    const isTogether = lapsed.length > 1 && random.chance(0.7);
    const pool = isTogether ? lapsed : locks;
    const like = pool.length > 0 ? random.pick(pool) : undefined;
    const open = locks.filter(
      (lock) =>
        lock.eventId === like?.eventId &&
        (isTogether
          ? lock.status === like.status && lock.categoryId === like.categoryId
          : lock.status !== 'RELEASED'),
    );
    const chosen = this.#several(open.slice(-8), random.between(1, 3));
    const wanted = chosen.map((lock) => lock.lockId);
    if (wanted.length === 0 || random.chance(0.1)) wanted.push(this.#lockId());
    const first = this.#lockstep.sight.locks.find((lock) => lock.lockId === wanted[0]);
    const orderId = random.chance(0.6) ? first?.orderId : this.#id(ORDER_IDS);
    return { lockIds: wanted, ...(orderId !== undefined && { orderId }), ...this.#request() };
  }

  #items(): Fields[] {
    const ids = this.#several(CATEGORY_IDS, this.#random.between(1, 3));
    return ids.map((categoryId) => ({ categoryId, quantity: this.#quantity() }));
  }

  #buyer(): Fields {
    const random = this.#random;
    return {
      userId: this.#id(USER_IDS),
      sessionId: random.pick(SESSION_IDS),
      ...(random.chance(0.3) && { onExisting: random.pick(['set', 'add']) }),
      ...this.#request(),
    };
  }

  #userOf(lockId: string): Fields {
    const random = this.#random;
    if (random.chance(0.3)) return {};
    const lock = this.#lockstep.sight.locks.find((other) => other.lockId === lockId);
    const userId = random.chance(0.8) && lock !== undefined ? lock.userId : this.#id(USER_IDS);
    return { userId };
  }

  #request(): Fields {
    const random = this.#random;
    return random.chance(this.#requestRate) ? { requestId: random.pick(REQUEST_IDS) } : {};
  }

  /** Mostly that of a lock with which the command can do something. */
  #lockId(...statuses: readonly LockStatus[]): string {
    const random = this.#random;
    const { lockIds, sight } = this.#lockstep;
    const open = sight.locks.filter((lock) => statuses.includes(lock.status) && !lock.settled);
    if (open.length > 0 && random.chance(0.7)) return random.pick(open).lockId;
    if (sight.locks.length > 0 && random.chance(0.8)) return random.pick(sight.locks).lockId;
    return random.pick(['lock-999', 'nope', '7', ...lockIds.slice(-3)]);
  }

  #eventId(): unknown {
    const random = this.#random;
    return random.chance(0.03) ? random.pick([2, 'unknown', '01']) : this.#id(this.#eventIds);
  }

  #id(ids: readonly Id[]): unknown {
    const id = this.#random.pick(ids);
    return this.#random.chance(0.2) ? this.#random.pick(spellingsOf(id)) : id;
  }

  /** Mostly a few tickets, now and then more than anybody has. */
  #quantity(): number {
    return this.#random.pick([1, 1, 1, 1, 1, 2, 2, 2, 3, 4, 12]);
  }

  #several<Value>(values: readonly Value[], count: number): Value[] {
    const left = [...values];
    const chosen: Value[] = [];
    while (chosen.length < count && left.length > 0) {
      chosen.push(...left.splice(this.#random.below(left.length), 1));
    }
    return chosen;
  }

  /** The input with something wrong in it, maybe deep inside. */
  #spoilt(input: unknown): unknown {
    const random = this.#random;
    if (typeof input !== 'object' || input === null || random.chance(0.05)) {
      return random.pick(MALFORMED);
    }
    if (Array.isArray(input)) {
      const items = input as unknown[];
      const at = random.below(items.length + 1);
      const twice = items.length > 0 && random.chance(0.2) ? items[0] : this.#spoilt(items[at]);
      return [...items.slice(0, at), twice, ...items.slice(at + 1)];
    }
    const names = Object.keys(input);
    const name = names.length > 0 ? random.pick(names) : 'requestId';
    const field = (input as Fields)[name];
    const isList = Array.isArray(field) && random.chance(0.7);
    const value = isList ? this.#spoilt(field) : random.pick(MALFORMED);
    return { ...input, [name]: value };
  }
}

function isUnsettled(lock: TicketLock): boolean {
  return lock.status === 'CONFIRMED' && lock.settled !== true;
}
