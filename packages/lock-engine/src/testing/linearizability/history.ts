import type { Id } from '../../engine/id.js';
import type { Outcome, TicketLocks } from '../../ports/ticket-locks.js';

/** What a client may ask in a recorded history; all of one event, whose locks live long enough. */
export type Operation =
  | {
      readonly kind: 'lock';
      readonly userId: Id;
      readonly categoryId: Id;
      readonly quantity: number;
    }
  | { readonly kind: 'unlock'; readonly lockId: string; readonly quantity?: number }
  | { readonly kind: 'confirm' | 'release'; readonly lockId: string; readonly orderId: Id }
  | { readonly kind: 'availability' };

/**
 * One operation of one client, who waits for each answer. `calledAt` and `returnedAt` are places in
 * one order of all calls and returns.
 */
export interface RecordedOperation {
  readonly client: number;
  readonly operation: Operation;
  readonly calledAt: number;
  /** `Infinity`: no answer came, so it may have happened at any time, or not at all. */
  readonly returnedAt: number;
  /** What was answered, without what depends on the clock; `undefined` when it is not known. */
  readonly answer: string | undefined;
}

/** Records what several clients of one event do at once. */
export class HistoryRecorder {
  readonly history: RecordedOperation[] = [];
  readonly #eventId: Id;
  #clock = 0;

  constructor(eventId: Id) {
    this.#eventId = eventId;
  }

  /** Carries out the operation and records it; returns the lock it granted, if it did. */
  async record(
    client: number,
    locks: TicketLocks,
    operation: Operation,
  ): Promise<string | undefined> {
    const calledAt = (this.#clock += 1);
    let answer: string | undefined;
    try {
      answer = answerOf(await this.#carryOut(locks, operation));
    } catch {
      // A call that rejects may have happened, as one that is answered by OUTCOME_UNKNOWN.
    }
    const returnedAt = answer === undefined ? Infinity : (this.#clock += 1);
    this.history.push({ client, operation, calledAt, returnedAt, answer });
    return operation.kind === 'lock' ? grantedLockId(answer) : undefined;
  }

  #carryOut(locks: TicketLocks, operation: Operation): Promise<Outcome<object>> {
    const eventId = this.#eventId;
    switch (operation.kind) {
      case 'lock': {
        const { userId, categoryId, quantity } = operation;
        const sessionId = `session of ${userId}`;
        return locks.lock({ eventId, categoryId, quantity, userId, sessionId });
      }
      case 'unlock':
        return locks.unlock({ lockId: operation.lockId, quantity: operation.quantity });
      case 'confirm':
        return locks.confirm({ lockId: operation.lockId, orderId: operation.orderId });
      case 'release':
        return locks.release({ lockId: operation.lockId, orderId: operation.orderId });
      case 'availability':
        return locks.availability(eventId);
    }
  }
}

/** The words in which a grant is written down, here and by the sequential event. */
export function grantAnswer(lockId: string, available: number): string {
  return `granted ${lockId}, ${available} left`;
}

/** The words for figures of categories. */
export function figuresAnswer(
  categories: readonly { categoryId: Id; available: number; locked: number; sold: number }[],
): string {
  const figures = categories.map(
    ({ categoryId, available, locked, sold }) => `${categoryId}: ${available}/${locked}/${sold}`,
  );
  return figures.toSorted().join(', ');
}

function grantedLockId(answer: string | undefined): string | undefined {
  return /^granted (\S+), /.exec(answer ?? '')?.[1];
}

interface Facts {
  readonly lockId?: string;
  readonly available?: number;
  readonly remaining?: number;
  readonly quantity?: number;
  readonly status?: string;
  readonly categories?: Parameters<typeof figuresAnswer>[0];
}

function answerOf(outcome: Outcome<object>): string | undefined {
  if (!outcome.ok) {
    const { error } = outcome;
    if (error.code === 'OUTCOME_UNKNOWN') return undefined;
    if (error.code === 'UNAVAILABLE') return 'UNAVAILABLE';
    return error.code === 'INSUFFICIENT_TICKETS' ? shortAnswer(error.available) : error.code;
  }
  const value = outcome.value as Facts;
  if (value.categories !== undefined) return figuresAnswer(value.categories);
  if (value.available !== undefined) return grantAnswer(value.lockId ?? '', value.available);
  if (value.remaining !== undefined) return unlockedAnswer(value.quantity ?? 0, value.remaining);
  return value.status ?? 'ok';
}

/** The words for too few tickets. */
export function shortAnswer(available: number): string {
  return `INSUFFICIENT_TICKETS, ${available} left`;
}

/** The words for tickets that were given back. */
export function unlockedAnswer(quantity: number, remaining: number): string {
  return `gave ${quantity} back, ${remaining} remain`;
}
