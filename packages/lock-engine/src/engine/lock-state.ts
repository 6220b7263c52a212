import { CategoryRecord, completionKey, EventRecord } from './category-record.js';
import { withOrder } from './change-about-lock.js';
import { ExpiryQueue } from './expiry-queue.js';
import type { Id } from './id.js';
import { invariant } from './invariant.js';
import type {
  ConfirmedChange,
  ExtendedChange,
  InventorySetChange,
  LockChange,
  LockedChange,
  PaymentBegunChange,
  QuantityChangedChange,
  RefundRequiredChange,
  ReleasedChange,
  SettledChange,
} from './lock-change.js';
import { LockQueue } from './lock-queue.js';
import { LockRecord, SessionRecord, UserRecord } from './lock-record.js';
import { RequestMemory } from './request-memory.js';

/** Money that an order took for a lock that was over. */
export interface Refund {
  readonly orderId?: Id;
  readonly requiredAtMs: number;
}

/**
 * Everything the engine knows, with its indexes.
 *
 * Architecture invariant: only `apply` writes it (and `restore`, on an empty one). The same changes
 * in the same order give the same state, so recovery is a replay. `apply` trusts that a change was
 * decided on this very state, and asserts what must hold afterwards; it throws `InvariantError`
 * when it does not.
 */
export class LockState {
  readonly events = new Map<Id, EventRecord>();
  readonly locks = new Map<string, LockRecord>();
  readonly users = new Map<Id, UserRecord>();
  readonly sessions = new Map<string, SessionRecord>();
  readonly expiry = new ExpiryQueue();
  /** Locks that are over for good or settled, in the order of their ends. */
  readonly ended = new LockQueue();
  readonly requests = new RequestMemory();
  /** Money to be given back, by the lock it was taken for. */
  readonly refunds = new Map<string, Refund[]>();
  /** `seq` of the newest change. */
  seq = 0;
  /** `atMs` of the newest change. */
  changedAtMs = 0;
  readonly count = {
    active: 0,
    confirmed: 0,
    released: 0,
    expired: 0,
    unsettled: 0,
    users: 0,
    categories: 0,
  };

  /** `known` is the lock that the change is about, from whoever has it at hand. */
  apply(change: LockChange, known?: LockRecord): void {
    invariant(change.seq === this.seq + 1, 'change % follows %', change.seq, this.seq);
    invariant(change.atMs >= this.changedAtMs, 'change % does not go back in time', change.seq);
    this.seq = change.seq;
    this.changedAtMs = change.atMs;
    switch (change.type) {
      case 'locked':
        return this.#locked(change);
      case 'quantity-changed':
        return this.#quantityChanged(change, known ?? this.lock(change.lockId));
      case 'extended':
        return this.#extended(change, known ?? this.lock(change.lockId));
      case 'payment-begun':
        return this.#paymentBegun(change, known ?? this.lock(change.lockId));
      case 'confirmed':
        return this.#confirmed(change, known ?? this.lock(change.lockId));
      case 'released':
        return this.#released(change, known ?? this.lock(change.lockId));
      case 'expired':
        return this.#end(known ?? this.lock(change.lockId), 'EXPIRED', change.atMs);
      case 'expiring':
        (known ?? this.lock(change.lockId)).noticed = true;
        return;
      case 'settled':
        return this.#settled(change, known ?? this.lock(change.lockId));
      case 'order-completed':
        // A fetch that began in this very millisecond may have been the earlier.
        return this.#complete(
          known ?? this.lock(change.lockId),
          change.orderId,
          Math.floor(change.atMs) + 1,
        );
      case 'refund-required':
        return this.#refundRequired(change, known ?? this.lock(change.lockId));
      case 'inventory-set':
        return this.#inventorySet(change);
      case 'event-cancelled':
        this.event(change.eventId).cancelled = true;
        return;
      case 'request-remembered':
        return this.requests.remember(change);
      case 'forgotten':
        return this.#forgotten(change.lockCount, change.requestCount);
    }
  }

  /** Returns what must be there; a missing one is a bug. */
  lock(lockId: string): LockRecord {
    const lock = this.locks.get(lockId);
    invariant(lock !== undefined, 'lock % exists', lockId);
    return lock;
  }

  event(eventId: Id): EventRecord {
    const event = this.events.get(eventId);
    invariant(event !== undefined, 'event % exists', eventId);
    return event;
  }

  /** Tickets of the category under locks that are over at `nowMs` but not swept. */
  dueIn(category: CategoryRecord, nowMs: number): number {
    return this.expiry.ticketsDue(category, nowMs);
  }

  /** Puts an active lock into every index; its category's counters are the caller's. */
  link(lock: LockRecord): void {
    if (lock.user.firstLock === undefined) this.count.users += 1;
    const { size } = this.locks;
    this.locks.set(lock.lockId, lock);
    invariant(this.locks.size > size, 'lock id % is new', lock.lockId);
    lock.user.link(lock);
    lock.session.link(lock);
    this.expiry.insert(lock);
    this.count.active += 1;
  }

  user(userId: Id): UserRecord {
    const known = this.users.get(userId);
    if (known !== undefined) return known;
    const user = new UserRecord(userId);
    this.users.set(userId, user);
    return user;
  }

  session(sessionId: string): SessionRecord {
    const known = this.sessions.get(sessionId);
    if (known !== undefined) return known;
    const session = new SessionRecord(sessionId);
    this.sessions.set(sessionId, session);
    return session;
  }

  /** Moves tickets of the category into or out of locks. */
  addLocked(category: CategoryRecord, quantity: number): void {
    const before = category.locked;
    category.locked += quantity;
    category.version += 1;
    if (before === 0 && category.locked > 0) this.count.categories += 1;
    if (before > 0 && category.locked === 0) this.count.categories -= 1;
    invariant(category.locked >= 0, 'locked of category % is not negative', category.categoryId);
  }

  /** Forgets the lock's session and user when nothing is to their name any more. */
  dropIdle(lock: LockRecord): void {
    const { session, user } = lock;
    if (session.firstLock === undefined && this.sessions.get(session.sessionId) === session) {
      this.sessions.delete(session.sessionId);
    }
    if (user.isIdle && this.users.get(user.userId) === user) this.users.delete(user.userId);
  }

  #locked(change: LockedChange): void {
    const category = this.event(change.eventId).categories.get(change.categoryId);
    invariant(category !== undefined, 'category % exists', change.categoryId);
    const lock = new LockRecord(
      change.lockId,
      category,
      this.user(change.userId),
      this.session(change.sessionId),
      change.quantity,
      change.atMs,
      change.expiresAtMs,
    );
    lock.placedSeq = change.seq;
    this.link(lock);
    this.addLocked(category, change.quantity);
    assertNoOversell(category);
  }

  #quantityChanged(change: QuantityChangedChange, lock: LockRecord): void {
    const delta = change.quantity - lock.quantity;
    invariant(
      lock.status === 'ACTIVE' && change.quantity > 0,
      'only an active lock changes its quantity',
    );
    lock.quantity = change.quantity;
    this.addLocked(lock.category, delta);
    if (delta > 0) assertNoOversell(lock.category);
  }

  #extended(change: ExtendedChange, lock: LockRecord): void {
    lock.extensionCount += 1;
    this.#moveEnd(lock, change);
  }

  #paymentBegun(change: PaymentBegunChange, lock: LockRecord): void {
    invariant(lock.orderId === undefined, 'a payment is begun once');
    lock.orderId = change.orderId;
    this.#moveEnd(lock, change);
  }

  #moveEnd(lock: LockRecord, change: ExtendedChange | PaymentBegunChange): void {
    invariant(lock.status === 'ACTIVE', 'only an active lock moves its end');
    invariant(change.expiresAtMs >= lock.expiresAtMs, 'an end is never moved nearer');
    this.expiry.remove(lock);
    lock.expiresAtMs = change.expiresAtMs;
    lock.placedSeq = change.seq;
    lock.noticed = false;
    this.expiry.insert(lock);
  }

  #confirmed(change: ConfirmedChange, lock: LockRecord): void {
    const { category } = lock;
    const late = lock.status === 'EXPIRED';
    invariant(late === (change.late === true), 'only an expired lock is confirmed late');
    // The user of a lock that is over may have been forgotten, and be here anew.
    if (late) lock.user = this.user(lock.user.userId);
    lock.user.buy(category.event.eventId, lock.quantity);
    if (late) {
      this.ended.remove(lock);
      this.count.expired -= 1;
      lock.endedAtMs = undefined;
      category.version += 1;
      this.#keepMoney(lock, change.orderId ?? lock.orderId);
    } else {
      this.#unlink(lock);
    }
    lock.status = 'CONFIRMED';
    this.count.confirmed += 1;
    if (change.orderId !== undefined) lock.orderId = change.orderId;
    lock.sale = {
      confirmedAtMs: change.atMs,
      late,
      soldElsewhereBefore: category.soldElsewhere,
      risenBefore: category.rises.mark(),
      completedOrderId: undefined,
      countedFromMs: 0,
      settled: false,
    };
    category.confirmed += lock.quantity;
    category.unsettled.append(lock);
    this.count.unsettled += 1;
    if (late) assertNoOversell(category);
  }

  #released(change: ReleasedChange, lock: LockRecord): void {
    if (lock.status === 'CONFIRMED') {
      invariant(lock.sale?.settled === false, 'only an unsettled sale is returned');
      this.#removeUnsettled(lock);
      this.#forgetPurchase(lock);
      lock.category.version += 1;
      this.count.confirmed -= 1;
      this.#append(lock, 'RELEASED', change.atMs);
    } else {
      this.#end(lock, 'RELEASED', change.atMs);
    }
    lock.reason = change.reason;
  }

  #settled(change: SettledChange, lock: LockRecord): void {
    const { sale, category } = lock;
    invariant(sale !== undefined && !sale.settled, 'a sale is settled once');
    this.#removeUnsettled(lock);
    sale.settled = true;
    category.version += 1;
    category.rises.use(sale.risenBefore, lock.quantity);
    lock.endedAtMs = change.atMs;
    this.ended.append(lock);
  }

  #inventorySet(change: InventorySetChange): void {
    const event = this.events.get(change.eventId) ?? new EventRecord(change.eventId);
    this.events.set(change.eventId, event);
    event.fetchedAtMs = change.fetchedAtMs;
    for (const figures of change.categories) {
      const known = event.categories.get(figures.categoryId);
      const category =
        known ?? new CategoryRecord(event, figures.categoryId, Math.floor(change.atMs * 1000));
      event.categories.set(figures.categoryId, category);
      const rise = figures.soldElsewhere - category.soldElsewhere;
      if (known !== undefined && rise > 0) category.rises.add(rise);
      category.capacity = figures.capacity;
      category.soldElsewhere = figures.soldElsewhere;
      category.version += 1;
    }
    for (const { lockId, orderId } of change.completed) {
      this.#complete(this.lock(lockId), orderId, change.fetchedAtMs);
    }
    for (const category of event.categories.values()) {
      const oldest = category.unsettled.first;
      category.rises.forgetBefore(oldest?.sale?.risenBefore ?? category.rises.risen);
    }
  }

  #complete(lock: LockRecord, orderId: Id, countedFromMs: number): void {
    const { sale, category } = lock;
    invariant(sale?.completedOrderId === undefined, 'a sale is completed once');
    invariant(sale !== undefined, 'only a sale is completed');
    sale.completedOrderId = orderId;
    sale.countedFromMs = countedFromMs;
    category.event.completed.add(completionKey(orderId, category.categoryId));
  }

  #refundRequired({ atMs, orderId }: RefundRequiredChange, { lockId }: LockRecord): void {
    const known = this.refunds.get(lockId) ?? [];
    this.refunds.set(lockId, [...known, withOrder({ requiredAtMs: atMs }, orderId)]);
  }

  /** The lock is the order's after all: its money is not given back. */
  #keepMoney({ lockId }: LockRecord, orderId: Id | undefined): void {
    const isOthers = (refund: Refund) => ![undefined, orderId].includes(refund.orderId);
    const left = this.refunds.get(lockId)?.filter(isOthers) ?? [];
    if (left.length > 0) this.refunds.set(lockId, left);
    else this.refunds.delete(lockId);
  }

  #forgotten(lockCount: number, requestCount: number): void {
    for (let count = 0; count < lockCount; count += 1) {
      const lock = this.ended.first;
      invariant(lock !== undefined, 'an ended lock is left to forget');
      this.ended.remove(lock);
      this.locks.delete(lock.lockId);
      this.refunds.delete(lock.lockId);
      this.count[STATUS_COUNT[lock.status]] -= 1;
      if (lock.status === 'CONFIRMED') this.#forgetPurchase(lock);
      const orderId = lock.sale?.completedOrderId;
      if (orderId === undefined) continue;
      lock.category.event.completed.delete(completionKey(orderId, lock.category.categoryId));
    }
    for (let count = 0; count < requestCount; count += 1) this.requests.forgetOldest();
  }

  #end(lock: LockRecord, status: 'RELEASED' | 'EXPIRED', nowMs: number): void {
    this.#unlink(lock);
    this.#append(lock, status, nowMs);
  }

  #append(lock: LockRecord, status: 'RELEASED' | 'EXPIRED', nowMs: number): void {
    lock.status = status;
    lock.endedAtMs = nowMs;
    this.count[STATUS_COUNT[status]] += 1;
    this.ended.append(lock);
  }

  /** Takes an active lock out of every index but the one by id, and its tickets out of `locked`. */
  #unlink(lock: LockRecord): void {
    invariant(lock.status === 'ACTIVE', 'lock % is active', lock.lockId);
    this.expiry.remove(lock);
    lock.user.unlink(lock);
    lock.session.unlink(lock);
    if (lock.user.firstLock === undefined) this.count.users -= 1;
    this.dropIdle(lock);
    this.count.active -= 1;
    this.addLocked(lock.category, -lock.quantity);
  }

  #removeUnsettled(lock: LockRecord): void {
    const { category } = lock;
    category.confirmed -= lock.quantity;
    category.unsettled.remove(lock);
    this.count.unsettled -= 1;
    invariant(
      category.confirmed >= 0,
      'confirmed of category % is not negative',
      category.categoryId,
    );
  }

  #forgetPurchase(lock: LockRecord): void {
    lock.user.buy(lock.category.event.eventId, -lock.quantity);
    this.dropIdle(lock);
  }
}

const STATUS_COUNT = {
  ACTIVE: 'active',
  CONFIRMED: 'confirmed',
  RELEASED: 'released',
  EXPIRED: 'expired',
} as const;

function assertNoOversell(category: CategoryRecord): void {
  invariant(
    !category.isOverfull,
    'category % never grants more than its capacity',
    category.categoryId,
  );
}
