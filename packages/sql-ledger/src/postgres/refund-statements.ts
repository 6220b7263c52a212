import type { Id, RefundRequired } from '@ticket-locks/lock-engine';

import { keyOf } from '../record/snapshot-rows.js';
import { idOf } from './decision-row.js';

export const REFUNDS_TABLE = `
  -- RefundLedger: money that came too late. Ids are JSON texts; '' is no order.
  CREATE TABLE refunds (
    lock_id text COLLATE "C" NOT NULL,
    order_id text NOT NULL,
    position bigint GENERATED ALWAYS AS IDENTITY,
    event text NOT NULL,
    category text,
    user_id text,
    quantity bigint,
    required_at_ms bigint NOT NULL,
    PRIMARY KEY (lock_id, order_id)
  );
  `;

const RECORD = 'lock_id, order_id, event, category, user_id, quantity, required_at_ms';

/** Answers no row when there is one already. */
export const NOTE_REFUND = `
  INSERT INTO refunds (${RECORD}) VALUES ($1, $2, $3, $4, $5, $6, $7)
  ON CONFLICT (lock_id, order_id) DO NOTHING RETURNING ${RECORD}`;

export const FIND_REFUND = `SELECT ${RECORD} FROM refunds WHERE lock_id = $1 AND order_id = $2`;

export const REFUNDS = `
  SELECT ${RECORD} FROM refunds
  WHERE NOT EXISTS (
    SELECT 1 FROM decisions
    WHERE decisions.lock_id = refunds.lock_id AND decisions.outcome <> 'aborted'
      AND coalesce(decisions.order_id, '') = refunds.order_id
  )
  ORDER BY required_at_ms, position`;

export interface RefundRow {
  readonly lock_id: string;
  readonly order_id: string;
  readonly event: string;
  readonly category: string | null;
  readonly user_id: string | null;
  readonly quantity: string | null;
  readonly required_at_ms: string;
}

export function refundOf(row: RefundRow): RefundRequired {
  return {
    lockId: row.lock_id,
    eventId: idOf(row.event),
    ...(row.category !== null && { categoryId: idOf(row.category) }),
    ...(row.user_id !== null && { userId: idOf(row.user_id) }),
    ...(row.quantity !== null && { quantity: Number(row.quantity) }),
    ...(row.order_id !== '' && { orderId: idOf(row.order_id) }),
    requiredAtMs: Number(row.required_at_ms),
  };
}

/** The values of a note, in the order in which the statements take them. */
export function refundValues(refund: RefundRequired): unknown[] {
  const { lockId, eventId, categoryId, userId, quantity, orderId, requiredAtMs } = refund;
  return [
    lockId,
    orderId === undefined ? '' : keyOf(orderId),
    keyOf(eventId),
    keyOrNull(categoryId),
    keyOrNull(userId),
    quantity ?? null,
    Math.floor(requiredAtMs),
  ];
}

function keyOrNull(id: Id | undefined): string | null {
  return id === undefined ? null : keyOf(id);
}
