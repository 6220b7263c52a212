import type { Id, Outcome, TicketLocks } from '@ticket-locks/lock-engine';

import { isDefinite } from './refusals.js';

interface Confirm {
  readonly orderId?: Id | undefined;
}

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
      if (error.code !== 'LOCK_EXPIRED' && error.code !== 'LOCK_RELEASED') return outcome;
      const { orderId } = command;
      const noted = await locks.requireRefund({ lockId: error.lockId, orderId });
      // Released by the orders service itself, or confirmed meanwhile: there is nothing to note.
      if (noted.ok || isDefinite(noted.error)) return outcome;
      return noted;
    };
}
