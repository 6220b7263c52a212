import type { RefundRequired } from '../engine/command.js';
import type { DecisionRecord } from '../ports/decision-ledger.js';
import type { RefundLedger } from '../ports/refund-ledger.js';

/** The list of money that came too late, in memory. */
export function memoryRefunds(records: ReadonlyMap<string, DecisionRecord>): RefundLedger {
  const notes: RefundRequired[] = [];
  return {
    noteRefund: async (refund) => {
      const isSame = ({ lockId, orderId }: RefundRequired) =>
        lockId === refund.lockId && orderId === refund.orderId;
      const standing = notes.find(isSame);
      if (standing === undefined) notes.push(refund);
      return standing ?? refund;
    },
    refundsRequired: async () => {
      const isOpen = ({ lockId, orderId }: RefundRequired) => {
        const record = records.get(lockId);
        const wasSold = record !== undefined && record.outcome !== 'aborted';
        return !wasSold || record.orderId !== orderId;
      };
      return notes.filter(isOpen).toSorted((a, b) => a.requiredAtMs - b.requiredAtMs);
    },
  };
}
