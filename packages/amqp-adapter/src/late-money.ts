import type {
  LockErrorCode,
  Outcome,
  RequireRefundCommand,
  TicketLocks,
} from '@ticket-locks/lock-engine';

import { isDefinite } from './refusals.js';

/** What a confirm may say of a lock besides its id. */
type Confirm = Omit<RequireRefundCommand, 'lockId'>;

/** How a lock is over, so that it can be confirmed no more. */
const OVER = new Set<LockErrorCode>(['LOCK_EXPIRED', 'LOCK_RELEASED', 'LOCK_LOST']);

/**
 * Makes confirms note money that came too late: a lock that is over is not confirmed, and what was
 * paid for it has to go back. The note is durable before the refusal is answered.
 */
export function notingRefunds(locks: Pick<TicketLocks, 'requireRefund'>) {
  return <Command extends Confirm, Value>(run: (command: Command) => Promise<Outcome<Value>>) =>
    async (command: Command): Promise<Outcome<Value>> => {
      const outcome = await run(command);
      if (outcome.ok) return outcome;
      const { error } = outcome;
      if (!OVER.has(error.code) || !('lockId' in error) || error.lockId === undefined) {
        return outcome;
      }
      const { orderId, eventId, categoryId, userId, quantity } = command;
      const claims = { eventId, categoryId, userId, quantity };
      const noted = await locks.requireRefund({ lockId: error.lockId, orderId, ...claims });
      // Released by the orders service itself, confirmed meanwhile, or nowhere to note it.
      if (noted.ok || isDefinite(noted.error)) return outcome;
      return noted;
    };
}
