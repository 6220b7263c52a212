import type { Outcome, TicketLock, TicketLocks } from '@ticket-locks/lock-engine';

import type { Order } from './payloads.js';

type Locks = Pick<
  TicketLocks,
  'lockById' | 'locksOfUser' | 'release' | 'releaseMany' | 'unsettledLocks'
>;

/**
 * Returns the tickets of a cancelled order: those of the lock that it names, else those of every
 * lock that is tied to it, else those of the oldest sale of the same buyer, category and quantity
 * that is tied to none. A repeat returns nothing more.
 */
export async function returnOrder(locks: Locks, order: Order): Promise<Outcome<unknown>> {
  if (order.lockId !== undefined) return returnNamed(locks, order, order.lockId);
  const sold = await locks.unsettledLocks(order.eventId);
  const active = await locks.locksOfUser(order.userId);
  const tied = [...sold, ...active].filter((lock) => isTied(lock, order));
  if (tied.length > 0) {
    const lockIds = tied.map(({ lockId }) => lockId);
    return locks.releaseMany({ lockIds, orderId: order.orderId });
  }
  const untied = sold.find((lock) => isAlike(lock, order));
  if (untied === undefined) return { ok: true, value: undefined };
  // The id keeps a repeat of this message, which would find the next sale, from returning it too.
  const requestId = JSON.stringify(['order-cancelled', order.orderId, order.categoryId]);
  return locks.release({ lockId: untied.lockId, requestId });
}

async function returnNamed(
  locks: Locks,
  { orderId, eventId, categoryId, userId, quantity }: Order,
  lockId: string,
): Promise<Outcome<unknown>> {
  const claims = { lockId, eventId, categoryId, userId, quantity };
  const lock = await locks.lockById(lockId);
  return locks.release(lock?.orderId === undefined ? claims : { ...claims, orderId });
}

function isTied(lock: TicketLock, { orderId, eventId, userId }: Order): boolean {
  return lock.orderId === orderId && lock.eventId === eventId && lock.userId === userId;
}

function isAlike(lock: TicketLock, { categoryId, userId, quantity }: Order): boolean {
  const isSame = lock.categoryId === categoryId && lock.quantity === quantity;
  return isSame && lock.userId === userId && lock.orderId === undefined;
}
