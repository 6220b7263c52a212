import type { CategoryRecord } from './category-record.js';
import type { CommandResult, CommandValue } from './command.js';
import type { Id } from './id.js';
import type { LockChange, LockChangeHeader } from './lock-change.js';
import type { LockError } from './lock-error.js';
import type { LockPolicy } from './lock-policy.js';
import type { LockRecord } from './lock-record.js';
import { viewOf } from './lock-record.js';
import type { LockState } from './lock-state.js';
import type { RememberedRequest } from './request-memory.js';
import type { TicketLock } from './ticket-lock.js';

type Refusal = Extract<CommandResult<never>, { ok: false }>;
type Draft<Change> = Change extends LockChange ? Omit<Change, 'seq' | 'atMs'> : never;

/** A request id in the space in which it is unique, with what was asked. */
export interface RequestKey {
  readonly scope: string;
  readonly requestId: string | undefined;
  readonly content: string;
}

/**
 * One command at work: the instant it was given, the state it decides on, and the facts it has made
 * true so far.
 */
export class Step {
  readonly changes: LockChange[] = [];

  constructor(
    readonly state: LockState,
    readonly policy: LockPolicy,
    readonly newLockId: () => string,
    readonly nowMs: number,
  ) {}

  ok<Value>(value: Value): CommandResult<Value> {
    return { ok: true, value, changes: this.changes };
  }

  refuse(error: LockError): Refusal {
    return { ok: false, error, changes: this.changes };
  }

  invalid(field: string): Refusal {
    return this.refuse({ code: 'INVALID_REQUEST', field });
  }

  /** Makes a fact true: the only way in which a command changes anything. */
  record(draft: Draft<LockChange>): void {
    // Safe: a draft lacks exactly the two fields that are added here.
    const change = { seq: this.state.seq + 1, atMs: this.nowMs, ...draft } as LockChange;
    this.state.apply(change);
    this.changes.push(change);
  }

  view(lock: LockRecord): TicketLock {
    return viewOf(lock, this.nowMs, this.policy.extensionsMax);
  }

  expire(lock: LockRecord): void {
    this.record({
      type: 'expired',
      ...about(lock),
      expiresAtMs: lock.expiresAtMs,
      ...(lock.orderId !== undefined && { orderId: lock.orderId }),
    });
  }

  /**
   * Expires what is over until the category has `quantity` tickets free or nothing is over any
   * more.
   */
  expireUntilFree(category: CategoryRecord, quantity: number): void {
    while (category.available < quantity) {
      const lock = this.state.expiry.peek();
      if (lock === undefined || !lock.isDue(this.nowMs)) return;
      this.expire(lock);
    }
  }

  /** Tickets that are free now, those of locks that are over but not swept included. */
  availableIn(category: CategoryRecord): number {
    return category.view(this.state.dueIn(category, this.nowMs)).available;
  }

  /** What was remembered of this request, or the refusal when its id was used for another one. */
  recall(key: RequestKey, eventId: Id): RememberedRequest | Refusal | undefined {
    if (key.requestId === undefined) return undefined;
    const remembered = this.state.requests.find(key.scope, eventId, key.requestId);
    if (remembered === undefined || remembered.content === key.content) return remembered;
    return this.refuse({ code: 'REQUEST_CONFLICT', requestId: key.requestId });
  }

  /** Remembers the outcome of a request that changed something. */
  remember(key: RequestKey, eventId: Id, answer: CommandValue): void {
    const { scope, requestId, content } = key;
    if (requestId === undefined || this.policy.requestsMax === 0) return;
    if (this.state.requests.find(scope, eventId, requestId) !== undefined) return;
    this.record({ type: 'request-remembered', eventId, scope, requestId, content, answer });
  }

  /**
   * The refusal that says how the lock ended, or `undefined` while it is active. A lock that is due
   * is expired first.
   */
  endOf(lock: LockRecord): Refusal | undefined {
    if (lock.isDue(this.nowMs)) this.expire(lock);
    if (lock.status === 'ACTIVE') return undefined;
    return this.refuse({ code: END_CODE[lock.status], lockId: lock.lockId });
  }
}

const END_CODE = {
  CONFIRMED: 'LOCK_CONFIRMED',
  RELEASED: 'LOCK_RELEASED',
  EXPIRED: 'LOCK_EXPIRED',
} as const;

/** What every change about the lock carries. */
export function about(lock: LockRecord): Omit<LockChangeHeader, 'seq' | 'atMs'> {
  return {
    lockId: lock.lockId,
    eventId: lock.category.event.eventId,
    categoryId: lock.category.categoryId,
    userId: lock.user.userId,
    quantity: lock.quantity,
  };
}

/** Tells a refusal from what was remembered. */
export function isRefusal(recalled: RememberedRequest | Refusal): recalled is Refusal {
  return 'ok' in recalled;
}
