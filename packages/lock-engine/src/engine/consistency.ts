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
    const { category, quantity, status } = lock;
    invariant(Number.isSafeInteger(quantity) && quantity > 0, 'lock % holds tickets', lock.lockId);
    count[COUNT_OF[status]] += 1;
    if (status === 'ACTIVE') locked.set(category, (locked.get(category) ?? 0) + quantity);
    if (!lock.isUnsettled) continue;
    count.unsettled += 1;
    confirmed.set(category, (confirmed.get(category) ?? 0) + quantity);
  }
  let listed = 0;
  for (const event of state.events.values()) {
    for (const category of event.categories.values()) {
      const where = `category ${category.categoryId} of event ${event.eventId}`;
      invariant(
        category.locked === (locked.get(category) ?? 0),
        'locked of % is the sum of its active locks',
        where,
      );
      invariant(
        category.confirmed === (confirmed.get(category) ?? 0),
        'confirmed of % is the sum of its unsettled locks',
        where,
      );
      invariant(category.soldElsewhere >= 0, 'soldElsewhere of % is not negative', where);
      if (category.locked > 0) count.categories += 1;
      for (const lock of category.unsettled) {
        const isListed = lock.category === category && lock.isUnsettled;
        invariant(isListed, 'lock % is unsettled where it is listed', lock.lockId);
        listed += 1;
      }
    }
  }
  invariant(listed === count.unsettled, 'every unsettled lock is listed');
  for (const user of state.users.values()) {
    invariant(!user.isIdle, 'user % has something to his name', user.userId);
    if (user.firstLock !== undefined) count.users += 1;
  }
  for (const lockId of state.refunds.keys()) {
    invariant(state.locks.has(lockId), 'lock %, to be refunded, is remembered', lockId);
  }
  const ended = count.released + count.expired + count.confirmed - count.unsettled;
  invariant(state.ended.size === ended, 'every ended lock is in the queue of ended locks');
  for (const [name, expected] of Object.entries(count)) {
    const actual = new Map(Object.entries(state.count)).get(name);
    invariant(actual === expected, 'the count of % is right', name);
  }
}

const COUNT_OF = {
  ACTIVE: 'active',
  CONFIRMED: 'confirmed',
  RELEASED: 'released',
  EXPIRED: 'expired',
} as const;
