import type { DecisionRecord, Id, SaleDecision } from '@ticket-locks/lock-engine';

import { keyOf } from '../record/snapshot-rows.js';

/** A row of `decisions`; `bigint` comes as text, or as a number in JSON, ids are JSON. */
export interface DecisionRow {
  readonly lock_id: string;
  readonly event: string;
  readonly category: string;
  readonly quantity: string | number;
  readonly user_id: string;
  readonly order_id: string | null;
  readonly epoch: string | number;
  readonly capacity_at_grant: string | number;
  readonly late: boolean;
  readonly outcome: DecisionRecord['outcome'];
  readonly settled: boolean;
  readonly decided_at_ms: string | number;
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

/** Sales as rows of `decisions`, for `DECIDE`. */
export function rowsOf(sales: readonly SaleDecision[]): string {
  return JSON.stringify(
    sales.map((sale) => ({
      lock_id: sale.lockId,
      event: keyOf(sale.eventId),
      category: keyOf(sale.categoryId),
      quantity: sale.quantity,
      user_id: keyOf(sale.userId),
      order_id: sale.orderId === undefined ? null : keyOf(sale.orderId),
      epoch: sale.epoch,
      capacity_at_grant: sale.capacityAtGrant,
      late: sale.late === true,
    })),
  );
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
