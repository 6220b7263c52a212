import type { DecisionRecord, Id, SaleDecision } from '@ticket-locks/lock-engine';

import { keyOf } from '../record/snapshot-rows.js';

/** A row of `decisions`; `bigint` comes as text, ids are JSON. */
export interface DecisionRow {
  readonly lock_id: string;
  readonly event: string;
  readonly category: string;
  readonly quantity: string;
  readonly user_id: string;
  readonly order_id: string | null;
  readonly epoch: string;
  readonly capacity_at_grant: string;
  readonly late: boolean;
  readonly outcome: DecisionRecord['outcome'];
  readonly settled: boolean;
  readonly decided_at_ms: string;
}

export function idOf(text: string): Id {
  return JSON.parse(text) as Id;
}

export function recordOf(row: DecisionRow): DecisionRecord {
  return {
    lockId: row.lock_id,
    eventId: idOf(row.event),
    categoryId: idOf(row.category),
    quantity: Number(row.quantity),
    userId: idOf(row.user_id),
    ...(row.order_id !== null && { orderId: idOf(row.order_id) }),
    epoch: Number(row.epoch),
    capacityAtGrant: Number(row.capacity_at_grant),
    ...(row.late && { late: true as const }),
    outcome: row.outcome,
    decidedAtMs: Number(row.decided_at_ms),
    settled: row.settled,
  };
}

/** The values of a decision, in the order in which the statements take them. */
export function valuesOf(sale: SaleDecision): unknown[] {
  return [
    sale.lockId,
    keyOf(sale.eventId),
    keyOf(sale.categoryId),
    sale.quantity,
    keyOf(sale.userId),
    sale.orderId === undefined ? null : keyOf(sale.orderId),
    sale.epoch,
    sale.capacityAtGrant,
    sale.late === true,
  ];
}
