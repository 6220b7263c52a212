import type { CommandValue } from '../../engine/command.js';
import type { Id } from '../../engine/id.js';
import type { LockError } from '../../engine/lock-error.js';
import type { LockPolicy } from '../../engine/lock-policy.js';
import type {
  CategoryAvailability,
  LockStatus,
  ReleaseReason,
  TicketLock,
} from '../../engine/ticket-lock.js';
import type { Outcome } from '../../ports/ticket-locks.js';

interface ModelSale {
  readonly late: boolean;
  /** The moment of the confirm; see `ModelState.moment`. */
  readonly moment: number;
  readonly soldElsewhereThen: number;
  completedOrderId: Id | undefined;
  /** Figures fetched earlier than this do not settle it. */
  countedFromMs: number;
  settled: boolean;
}

export interface ModelLock {
  readonly lockId: string;
  readonly eventId: Id;
  readonly categoryId: Id;
  readonly userId: Id;
  readonly sessionId: string;
  readonly createdAtMs: number;
  quantity: number;
  status: LockStatus;
  expiresAtMs: number;
  /** The moment in which the present end was set: of equal ends the earlier one comes first. */
  endSet: number;
  extensionCount: number;
  noticed: boolean;
  orderId: Id | undefined;
  sale: ModelSale | undefined;
  reason: ReleaseReason | undefined;
  /** When it was written down that the lock is over, or settled: retention counts from here. */
  endedAtMs: number | undefined;
  /** The number of the command that wrote it down. */
  endedIn: number;
  refunds: ModelRefund[];
}

/** Money that was taken for a lock that was over. */
export interface ModelRefund {
  readonly orderId: Id | undefined;
  readonly requiredAtMs: number;
}

export interface ModelCategory {
  readonly categoryId: Id;
  capacity: number;
  soldElsewhere: number;
  /**
   * Every rise of `soldElsewhere`, the oldest first, with its tickets that have settled a sale.
   */
  rises: { readonly moment: number; readonly tickets: number; used: number }[];
}

export interface ModelEvent {
  readonly eventId: Id;
  cancelled: boolean;
  fetchedAtMs: number;
  readonly categories: ModelCategory[];
}

export interface ModelRequest {
  readonly eventId: Id;
  readonly scope: string;
  readonly requestId: string;
  readonly content: string;
  readonly answer: CommandValue;
  readonly atMs: number;
}

/**
 * Everything the model knows: four plain lists. Whatever can be computed from them is computed from
 * them.
 */
export class ModelState {
  nowMs = 0;
  /** Counts what happens, to say what came first within one instant. */
  moment = 0;
  commandCount = 0;
  readonly events: ModelEvent[] = [];
  locks: ModelLock[] = [];
  requests: ModelRequest[] = [];

  constructor(
    readonly policy: LockPolicy,
    readonly newLockId: () => string,
  ) {}

  event(eventId: Id | undefined): ModelEvent | undefined {
    return this.events.find((event) => event.eventId === eventId);
  }

  category(eventId: Id, categoryId: Id): ModelCategory | undefined {
    const categories = this.event(eventId)?.categories ?? [];
    return categories.find((category) => category.categoryId === categoryId);
  }

  lock(lockId: unknown): ModelLock | undefined {
    return this.locks.find((lock) => lock.lockId === lockId);
  }

  isActive(lock: ModelLock): boolean {
    return lock.status === 'ACTIVE' && this.nowMs < lock.expiresAtMs;
  }

  /** The user's active lock in a category: there is at most one. */
  activeLockOf(userId: Id, eventId: Id, categoryId: Id): ModelLock | undefined {
    return this.locks.find(
      (lock) =>
        this.isActive(lock) &&
        lock.userId === userId &&
        lock.eventId === eventId &&
        lock.categoryId === categoryId,
    );
  }

  /** The category's figures, added up from its locks. */
  figures(eventId: Id, { categoryId, capacity, soldElsewhere }: ModelCategory) {
    let locked = 0;
    let confirmed = 0;
    for (const lock of this.locks) {
      if (lock.eventId !== eventId || lock.categoryId !== categoryId) continue;
      if (this.isActive(lock)) locked += lock.quantity;
      if (isUnsettled(lock)) confirmed += lock.quantity;
    }
    const sold = soldElsewhere + confirmed;
    const free = capacity - sold - locked;
    return {
      eventId,
      categoryId,
      capacity,
      available: Math.max(0, free),
      locked,
      sold,
      deficit: Math.max(0, -free),
      confirmed,
      soldElsewhere,
    } satisfies Omit<CategoryAvailability, 'version'>;
  }

  available(eventId: Id, categoryId: Id): number {
    const category = this.category(eventId, categoryId);
    return category === undefined ? 0 : this.figures(eventId, category).available;
  }

  /** Writes down that a lock is over. */
  end(lock: ModelLock, status: 'RELEASED' | 'EXPIRED', reason?: ReleaseReason): void {
    lock.status = status;
    lock.reason = reason;
    this.markEnded(lock);
  }

  markEnded(lock: ModelLock): void {
    lock.endedAtMs = this.nowMs;
    lock.endedIn = this.commandCount;
  }

  /** The lock as outsiders see it. */
  view(lock: ModelLock): TicketLock {
    const isActive = this.isActive(lock);
    const status = lock.status === 'ACTIVE' && !isActive ? 'EXPIRED' : lock.status;
    const endedAtMs = status === 'EXPIRED' ? lock.expiresAtMs : lock.endedAtMs;
    const view: Writable<TicketLock> = {
      lockId: lock.lockId,
      eventId: lock.eventId,
      categoryId: lock.categoryId,
      quantity: lock.quantity,
      userId: lock.userId,
      sessionId: lock.sessionId,
      status,
      createdAtMs: lock.createdAtMs,
      expiresAtMs: lock.expiresAtMs,
      expiresInMs: isActive ? lock.expiresAtMs - this.nowMs : 0,
      extensionsLeft: Math.max(0, this.policy.extensionsMax - lock.extensionCount),
    };
    if (lock.orderId !== undefined) view.orderId = lock.orderId;
    if (lock.sale?.late === true) view.late = true;
    if (lock.sale?.settled === true) view.settled = true;
    if (endedAtMs !== undefined) view.endedAtMs = endedAtMs;
    if (lock.reason !== undefined) view.reason = lock.reason;
    return view;
  }
}

type Writable<Value> = { -readonly [Name in keyof Value]: Value[Name] };

/** Confirmed here, and not yet counted by the source of truth. */
export function isUnsettled(lock: ModelLock): boolean {
  return lock.status === 'CONFIRMED' && lock.sale?.settled === false;
}

/** Over for good, or settled: what may be forgotten. */
export function isEnded(lock: ModelLock): boolean {
  return lock.status !== 'ACTIVE' && !isUnsettled(lock);
}

/** By end; of equal ends the one that was set first. */
export function byEnd(a: ModelLock, b: ModelLock): number {
  return a.expiresAtMs - b.expiresAtMs || a.endSet - b.endSet;
}

export function accept<Value>(value: Value): Outcome<Value> {
  return { ok: true, value };
}

export function refuse(error: LockError): { readonly ok: false; readonly error: LockError } {
  return { ok: false, error };
}

export function malformed(field: string): { readonly ok: false; readonly error: LockError } {
  return refuse({ code: 'INVALID_REQUEST', field });
}

/** The refusal that says how a lock ended, or `undefined` while it is active. */
export function endOf({ lockId, status }: ModelLock): ReturnType<typeof refuse> | undefined {
  if (status === 'CONFIRMED') return refuse({ code: 'LOCK_CONFIRMED', lockId });
  if (status === 'RELEASED') return refuse({ code: 'LOCK_RELEASED', lockId });
  if (status === 'EXPIRED') return refuse({ code: 'LOCK_EXPIRED', lockId });
  return undefined;
}
