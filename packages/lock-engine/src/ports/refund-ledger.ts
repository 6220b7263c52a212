import type { RefundRequired } from '../engine/command.js';

/**
 * The durable list of money that came too late, for stores that may lose their memory.
 *
 * It decides nothing. A rejected call may have been carried out: repeat it. What is noted stays.
 */
export interface RefundLedger {
  /** Notes it, once for each lock and order. Answers what stands: the earlier note, or this one. */
  noteRefund(refund: RefundRequired): Promise<RefundRequired>;
  /** The oldest first, without those of a lock that was sold to the same order after all. */
  refundsRequired(): Promise<readonly RefundRequired[]>;
}
