import type { CategoryRecord } from './category-record.js';
import type { ExpiryRun } from './expiry-queue.js';
import type { Id } from './id.js';
import type { LockStatus, ReleaseReason, TicketLock } from './ticket-lock.js';

/** What confirming adds to a lock. */
export interface Sale {
  readonly confirmedAtMs: number;
  readonly late: boolean;
  /** The category's `soldElsewhere` when the lock was confirmed. */
  readonly soldElsewhereBefore: number;
  /** Where the axis of rises stood when the lock was confirmed. */
  readonly risenBefore: number;
  /**
   * The order that came back as completed; it settles the lock as soon as the source shows the
   * rise.
   */
  completedOrderId: Id | undefined;
  /** Only figures whose fetch began at this instant or later may settle it. */
  countedFromMs: number;
  settled: boolean;
}

/**
 * One lock inside the engine. Only `LockState.apply` writes it.
 *
 * ACTIVE: linked into the expiry queue, its user and its session. CONFIRMED and unsettled: in its
 * category's `unsettled`. Any other: in the queue of ended locks, through the same links as the
 * expiry queue.
 */
export class LockRecord {
  // What is read of all locks of a user when he locks another one stands together in memory.
  readonly category: CategoryRecord;
  status: LockStatus = 'ACTIVE';
  #expiresAfterMs: number;
  quantity: number;
  nextOfUser: LockRecord | undefined = undefined;
  prevOfUser: LockRecord | undefined = undefined;
  nextOfSession: LockRecord | undefined = undefined;
  prevOfSession: LockRecord | undefined = undefined;
  next: LockRecord | undefined = undefined;
  prev: LockRecord | undefined = undefined;
  run: ExpiryRun | undefined = undefined;
  /** `seq` of the change that set the present end: breaks ties between equal ends. */
  placedSeq = 0;
  /** Whether `expiring` was reported, or is not to be. */
  noticed = false;

  readonly lockId: string;
  user: UserRecord;
  readonly session: SessionRecord;
  #createdAfterMs: number;
  extensionCount = 0;
  /**
   * Fixed by `beginPayment` or by the first confirm. An ACTIVE lock with an order is in payment.
   */
  orderId: Id | undefined = undefined;
  sale: Sale | undefined = undefined;
  reason: ReleaseReason | undefined = undefined;
  #endedAfterMs: number | undefined = undefined;

  constructor(
    lockId: string,
    category: CategoryRecord,
    user: UserRecord,
    session: SessionRecord,
    quantity: number,
    createdAtMs: number,
    expiresAtMs: number,
  ) {
    this.lockId = lockId;
    this.category = category;
    this.user = user;
    this.session = session;
    this.quantity = quantity;
    this.#createdAfterMs = createdAtMs - category.epochMs;
    this.#expiresAfterMs = expiresAtMs - category.epochMs;
  }

  get createdAtMs(): number {
    return this.category.epochMs + this.#createdAfterMs;
  }

  get expiresAtMs(): number {
    return this.category.epochMs + this.#expiresAfterMs;
  }

  set expiresAtMs(instantMs: number) {
    this.#expiresAfterMs = instantMs - this.category.epochMs;
  }

  get endedAtMs(): number | undefined {
    const afterMs = this.#endedAfterMs;
    return afterMs === undefined ? undefined : this.category.epochMs + afterMs;
  }

  set endedAtMs(instantMs: number | undefined) {
    this.#endedAfterMs = instantMs === undefined ? undefined : instantMs - this.category.epochMs;
  }

  get inPayment(): boolean {
    return this.status === 'ACTIVE' && this.orderId !== undefined;
  }

  /** Sold here, and not yet counted by the source of truth. */
  get isUnsettled(): boolean {
    return this.status === 'CONFIRMED' && this.sale?.settled === false;
  }

  /** Expired, if not yet swept. */
  isDue(nowMs: number): boolean {
    return this.status === 'ACTIVE' && nowMs >= this.expiresAtMs;
  }
}

/** A user with something to his name: active locks (newest first) or tickets confirmed here. */
export class UserRecord {
  firstLock: LockRecord | undefined = undefined;
  #bought: Map<Id, number> | undefined = undefined;

  constructor(readonly userId: Id) {}

  get isIdle(): boolean {
    return this.firstLock === undefined && this.#bought === undefined;
  }

  link(lock: LockRecord): void {
    lock.nextOfUser = this.firstLock;
    if (this.firstLock !== undefined) this.firstLock.prevOfUser = lock;
    this.firstLock = lock;
  }

  unlink(lock: LockRecord): void {
    const { prevOfUser, nextOfUser } = lock;
    if (prevOfUser === undefined) this.firstLock = nextOfUser;
    else prevOfUser.nextOfUser = nextOfUser;
    if (nextOfUser !== undefined) nextOfUser.prevOfUser = prevOfUser;
    lock.prevOfUser = undefined;
    lock.nextOfUser = undefined;
  }

  /** The user's active lock in the category. */
  lockIn(category: CategoryRecord): LockRecord | undefined {
    let lock = this.firstLock;
    while (lock !== undefined && lock.category !== category) lock = lock.nextOfUser;
    return lock;
  }

  /** Tickets of the event that are confirmed for the user and remembered. */
  boughtIn(eventId: Id): number {
    return this.#bought?.get(eventId) ?? 0;
  }

  buy(eventId: Id, quantity: number): void {
    const bought = this.boughtIn(eventId) + quantity;
    this.#bought ??= new Map();
    if (bought > 0) this.#bought.set(eventId, bought);
    else this.#bought.delete(eventId);
    if (this.#bought.size === 0) this.#bought = undefined;
  }
}

/** The active locks that one session made, newest first. */
export class SessionRecord {
  firstLock: LockRecord | undefined = undefined;

  constructor(readonly sessionId: string) {}

  link(lock: LockRecord): void {
    lock.nextOfSession = this.firstLock;
    if (this.firstLock !== undefined) this.firstLock.prevOfSession = lock;
    this.firstLock = lock;
  }

  unlink(lock: LockRecord): void {
    const { prevOfSession, nextOfSession } = lock;
    if (prevOfSession === undefined) this.firstLock = nextOfSession;
    else prevOfSession.nextOfSession = nextOfSession;
    if (nextOfSession !== undefined) nextOfSession.prevOfSession = prevOfSession;
    lock.prevOfSession = undefined;
    lock.nextOfSession = undefined;
  }
}

/** The lock as outsiders see it at `nowMs`. Pure: reads no clock, performs no I/O. */
export function viewOf(lock: LockRecord, nowMs: number, extensionsMax: number): TicketLock {
  const { sale, category } = lock;
  const status = lock.isDue(nowMs) ? 'EXPIRED' : lock.status;
  const endedAtMs = status === 'EXPIRED' ? lock.expiresAtMs : lock.endedAtMs;
  return {
    lockId: lock.lockId,
    eventId: category.event.eventId,
    categoryId: category.categoryId,
    quantity: lock.quantity,
    userId: lock.user.userId,
    sessionId: lock.session.sessionId,
    status,
    createdAtMs: lock.createdAtMs,
    expiresAtMs: lock.expiresAtMs,
    expiresInMs: status === 'ACTIVE' ? Math.max(0, lock.expiresAtMs - nowMs) : 0,
    extensionsLeft: Math.max(0, extensionsMax - lock.extensionCount),
    ...(lock.orderId !== undefined && { orderId: lock.orderId }),
    ...(sale?.late === true && { late: true as const }),
    ...(sale?.settled === true && { settled: true as const }),
    ...(endedAtMs !== undefined && { endedAtMs }),
    ...(lock.reason !== undefined && { reason: lock.reason }),
  };
}
