import type { CategoryRecord } from './category-record.js';
import { expiredChange } from './change-about-lock.js';
import type { CommandResult, CommandValue } from './command.js';
import type { Id } from './id.js';
import type { LockChange } from './lock-change.js';
import type { LockError } from './lock-error.js';
import type { LockPolicy } from './lock-policy.js';
import type { LockRecord } from './lock-record.js';
import { viewOf } from './lock-record.js';
import type { LockState } from './lock-state.js';
import type { RememberedRequest } from './request-memory.js';
import type { TicketLock } from './ticket-lock.js';

type Refusal = Extract<CommandResult<never>, { ok: false }>;

/** A request id in the space in which it is unique, with what was asked. */
export interface RequestKey {
  readonly scope: string;
  readonly requestId: string;
  readonly content: string;
}

/**
 * One command at work: the instant it was given, the state it decides on, and the facts it has made
 * true so far.
 */
export class Step {
  #changes: LockChange[] | undefined = undefined;

  constructor(
    readonly state: LockState,
    readonly policy: LockPolicy,
    readonly newLockId: () => string,
    readonly nowMs: number,
  ) {}

  /** Mostly one or none: the array is made when it is needed, and no larger than it needs to be. */
  get changes(): LockChange[] {
    return (this.#changes ??= []);
  }

  /** `seq` of the change that is recorded next. */
  get nextSeq(): number {
    return this.state.seq + 1;
  }

  ok<Value>(value: Value): CommandResult<Value> {
    return { ok: true, value, changes: this.changes };
  }

  refuse(error: LockError): Refusal {
    return { ok: false, error, changes: this.changes };
  }

  invalid(field: string): Refusal {
    return this.refuse({ code: 'INVALID_REQUEST', field });
  }

  /**
   * Makes a fact true: the only way in which a command changes anything. `lock` is the one it is
   * about, so that it need not be looked up again.
   */
  record(change: LockChange, lock?: LockRecord): void {
    this.state.apply(change, lock);
    if (this.#changes === undefined) this.#changes = [change];
    else this.#changes.push(change);
  }

  view(lock: LockRecord): TicketLock {
    return viewOf(lock, this.nowMs, this.policy.extensionsMax);
  }

  expire(lock: LockRecord): void {
    this.record(expiredChange(this, lock), lock);
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
    return category.availableWith(this.state.expiry.ticketsDue(category, this.nowMs));
  }

  /** What was remembered of this request, or the refusal when its id was used for another one. */
  recall(key: RequestKey, eventId: Id): RememberedRequest | Refusal | undefined {
    const remembered = this.state.requests.find(key.scope, eventId, key.requestId);
    if (remembered === undefined || remembered.content === key.content) return remembered;
    return this.refuse({ code: 'REQUEST_CONFLICT', requestId: key.requestId });
  }

  /** Remembers the outcome of a request that changed something. */
  remember(key: RequestKey, eventId: Id, answer: CommandValue): void {
    const { scope, requestId, content } = key;
    if (this.policy.requestsMax === 0) return;
    if (this.state.requests.find(scope, eventId, requestId) !== undefined) return;
    this.record({
      seq: this.nextSeq,
      atMs: this.nowMs,
      type: 'request-remembered',
      eventId,
      scope,
      requestId,
      content,
      answer,
    });
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

/** Tells a refusal from what was remembered. */
export function isRefusal(recalled: RememberedRequest | Refusal): recalled is Refusal {
  return 'ok' in recalled;
}
