import { LocalTicketLocks } from '@ticket-locks/lock-engine';
import type { LockGrant, LockLedger, LockPolicy } from '@ticket-locks/lock-engine';

export const EVENT_ID = 1;
export const CATEGORY_ID = 2;
const CAPACITY = 50;

/**
 * A real store in memory with one event of one category, and a clock that stands until it is moved.
 */
export interface BoxOffice {
  readonly locks: LocalTicketLocks;
  lock(userId: string, quantity: number): Promise<LockGrant>;
  movePast(expiresAtMs: number): void;
}

export async function openBoxOffice(
  policy: Partial<LockPolicy> = {},
  ledger?: LockLedger,
): Promise<BoxOffice> {
  let nowMs = Date.UTC(2030, 0, 1);
  const categories = [{ categoryId: CATEGORY_ID, capacity: CAPACITY }];
  const locks = new LocalTicketLocks({
    clock: { nowMs: () => nowMs },
    policy,
    ...(ledger !== undefined && { ledger }),
    source: { load: async (eventId) => (eventId === EVENT_ID ? { categories } : undefined) },
  });
  await locks.start();
  return {
    locks,
    async lock(userId, quantity) {
      const session = await locks.openSession({ userId });
      if (!session.ok) throw new Error(session.error.code);
      const { sessionId } = session.value;
      const line = { eventId: EVENT_ID, categoryId: CATEGORY_ID, quantity };
      const grant = await locks.lock({ ...line, userId, sessionId });
      if (!grant.ok) throw new Error(grant.error.code);
      return grant.value;
    },
    movePast(expiresAtMs) {
      nowMs = expiresAtMs;
    },
  };
}
