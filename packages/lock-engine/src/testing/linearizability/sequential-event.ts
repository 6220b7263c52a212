import type { Id } from '../../engine/id.js';
import type { Operation } from './history.js';
import { figuresAnswer, grantAnswer, shortAnswer, unlockedAnswer } from './history.js';

interface Category {
  readonly categoryId: Id;
  readonly capacity: number;
  locked: number;
  sold: number;
}

interface Lock {
  readonly category: Category;
  readonly userId: Id;
  readonly quantity: number;
  readonly status: 'ACTIVE' | 'CONFIRMED' | 'RELEASED';
  /** Fixed by its confirm, also when it was returned afterwards. */
  readonly orderId: Id | undefined;
}

/** What an operation answers, and how it is taken back. */
export interface Applied {
  readonly answer: string;
  readonly undo: () => void;
}

/**
 * One event as if there were only one client at a time: what any history must be explained by.
 *
 * Every operation can be taken back, the last one first.
 */
export class SequentialEvent {
  readonly #categories = new Map<Id, Category>();
  readonly #locks = new Map<string, Lock>();
  /** Who has an active lock in which category. */
  readonly #owners = new Set<string>();
  #unknownCount = 0;
  /** Two sums over all locks, of which every lock is a part that can be taken out again. */
  #digest: [number, number] = [0, 0];

  constructor(categories: readonly { readonly categoryId: Id; readonly capacity: number }[]) {
    for (const { categoryId, capacity } of categories) {
      this.#categories.set(categoryId, { categoryId, capacity, locked: 0, sold: 0 });
    }
  }

  /** A text that is another one when later answers may be. */
  digest(): string {
    return this.#digest.join();
  }

  /** Carries out an operation; a lock that it grants is called `lockId`, where that is known. */
  apply(operation: Operation, lockId: string | undefined): Applied {
    switch (operation.kind) {
      case 'availability':
        return unchanged(this.#figures());
      case 'lock':
        return this.#lock(operation, lockId);
      case 'unlock':
        return this.#unlock(operation);
      case 'confirm':
        return this.#confirm(operation);
      case 'release':
        return this.#release(operation);
    }
  }

  #figures(): string {
    const figures = [...this.#categories.values()].map((category) => ({
      ...category,
      available: available(category),
    }));
    return figuresAnswer(figures);
  }

  #lock(operation: Extract<Operation, { kind: 'lock' }>, lockId: string | undefined): Applied {
    const { userId, categoryId, quantity } = operation;
    const category = this.#categories.get(categoryId);
    if (category === undefined) return unchanged('CATEGORY_NOT_FOUND');
    if (this.#owners.has(ownerOf(userId, category))) return unchanged('DUPLICATE_LOCK');
    if (available(category) < quantity) return unchanged(shortAnswer(available(category)));
    const name = lockId ?? `unknown-${(this.#unknownCount += 1)}`;
    const lock: Lock = { category, userId, quantity, status: 'ACTIVE', orderId: undefined };
    return this.#change(name, lock, () => grantAnswer(name, available(category)));
  }

  #unlock({ lockId, quantity }: Extract<Operation, { kind: 'unlock' }>): Applied {
    const lock = this.#locks.get(lockId);
    if (lock === undefined) return unchanged('LOCK_NOT_FOUND');
    if (lock.status === 'RELEASED' && quantity === undefined) {
      return unchanged(unlockedAnswer(0, 0));
    }
    if (lock.status !== 'ACTIVE') return unchanged(`LOCK_${lock.status}`);
    const given = quantity ?? lock.quantity;
    const remaining = lock.quantity - given;
    if (remaining < 0) return unchanged('INVALID_REQUEST');
    const changed: Lock =
      remaining === 0 ? { ...lock, status: 'RELEASED' } : { ...lock, quantity: remaining };
    return this.#change(lockId, changed, () => unlockedAnswer(given, remaining));
  }

  #confirm({ lockId, orderId }: Extract<Operation, { kind: 'confirm' | 'release' }>): Applied {
    const lock = this.#locks.get(lockId);
    if (lock === undefined) return unchanged('LOCK_NOT_FOUND');
    if (lock.status === 'RELEASED') return unchanged('LOCK_RELEASED');
    if (lock.orderId !== undefined && lock.orderId !== orderId) return unchanged('ORDER_CONFLICT');
    return this.#change(lockId, { ...lock, status: 'CONFIRMED', orderId }, () => 'CONFIRMED');
  }

  #release({ lockId, orderId }: Extract<Operation, { kind: 'confirm' | 'release' }>): Applied {
    const lock = this.#locks.get(lockId);
    if (lock === undefined) return unchanged('LOCK_NOT_FOUND');
    const isOthers = lock.status === 'CONFIRMED' && lock.orderId !== orderId;
    if (isOthers) return unchanged('ORDER_CONFLICT');
    return this.#change(lockId, { ...lock, status: 'RELEASED' }, () => 'RELEASED');
  }

  #change(lockId: string, lock: Lock, answer: () => string): Applied {
    const before = this.#locks.get(lockId);
    this.#put(lockId, before, lock);
    return { answer: answer(), undo: () => this.#put(lockId, lock, before) };
  }

  #put(lockId: string, before: Lock | undefined, after: Lock | undefined): void {
    for (const [lock, sign] of [
      [before, -1],
      [after, 1],
    ] as const) {
      if (lock?.status === 'ACTIVE') lock.category.locked += sign * lock.quantity;
      if (lock?.status === 'CONFIRMED') lock.category.sold += sign * lock.quantity;
    }
    if (before?.status === 'ACTIVE') this.#owners.delete(ownerOf(before.userId, before.category));
    if (after?.status === 'ACTIVE') this.#owners.add(ownerOf(after.userId, after.category));
    if (before !== undefined) this.#count(lockId, before);
    if (after !== undefined) this.#count(lockId, after);
    if (after === undefined) this.#locks.delete(lockId);
    else this.#locks.set(lockId, after);
  }

  #count(lockId: string, { status, quantity, orderId }: Lock): void {
    const text = `${lockId} ${status} ${quantity} ${orderId ?? ''}`;
    const [first, second] = this.#digest;
    this.#digest = [first ^ hashOf(text, 0x811c9dc5), second ^ hashOf(text, 0x01000193)];
  }
}

/** After Fowler, Noll and Vo (FNV-1a), 32 bits. */
function hashOf(text: string, seed: number): number {
  let hash = seed;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash;
}

function ownerOf(userId: Id, { categoryId }: Category): string {
  return JSON.stringify([userId, categoryId]);
}

function available({ capacity, locked, sold }: Category): number {
  return Math.max(0, capacity - locked - sold);
}

function unchanged(answer: string): Applied {
  return { answer, undo: () => undefined };
}
