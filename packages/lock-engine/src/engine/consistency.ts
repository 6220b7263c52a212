import type { CategoryRecord } from './category-record.js';
import { invariant } from './invariant.js';
import type { LockState } from './lock-state.js';

/**
 * Recomputes every counter and index from the locks and throws `InvariantError` when one differs.
 */
export function assertConsistent(state: LockState): void {
  const locked = new Map<CategoryRecord, number>();
  const confirmed = new Map<CategoryRecord, number>();
  const count = {
    active: 0,
    confirmed: 0,
    released: 0,
    expired: 0,
    unsettled: 0,
    users: 0,
    categories: 0,
  };
  for (const lock of state.locks.values()) {
    const { category, quantity, status, sale } = lock;
    invariant(Number.isSafeInteger(quantity) && quantity > 0, `lock ${lock.lockId} holds tickets`);
    count[COUNT_OF[status]] += 1;
    if (status === 'ACTIVE') locked.set(category, (locked.get(category) ?? 0) + quantity);
    const isUnsettled = status === 'CONFIRMED' && sale?.settled === false;
    invariant(
      category.unsettled.has(lock) === isUnsettled,
      `lock ${lock.lockId} is listed as unsettled or not`,
    );
    if (!isUnsettled) continue;
    count.unsettled += 1;
    confirmed.set(category, (confirmed.get(category) ?? 0) + quantity);
  }
  for (const event of state.events.values()) {
    for (const category of event.categories.values()) {
      const where = `category ${category.categoryId} of event ${event.eventId}`;
      invariant(
        category.locked === (locked.get(category) ?? 0),
        `locked of ${where} is the sum of its active locks`,
      );
      invariant(
        category.confirmed === (confirmed.get(category) ?? 0),
        `confirmed of ${where} is the sum of its unsettled locks`,
      );
      invariant(category.soldElsewhere >= 0, `soldElsewhere of ${where} is not negative`);
      if (category.locked > 0) count.categories += 1;
    }
  }
  for (const user of state.users.values()) {
    invariant(!user.isIdle, `user ${user.userId} has something to his name`);
    if (user.firstLock !== undefined) count.users += 1;
  }
  const ended = count.released + count.expired + count.confirmed - count.unsettled;
  invariant(state.ended.size === ended, 'every ended lock is in the queue of ended locks');
  for (const [name, expected] of Object.entries(count)) {
    const actual = new Map(Object.entries(state.count)).get(name);
    invariant(actual === expected, `the count of ${name} is right`);
  }
}

const COUNT_OF = {
  ACTIVE: 'active',
  CONFIRMED: 'confirmed',
  RELEASED: 'released',
  EXPIRED: 'expired',
} as const;
