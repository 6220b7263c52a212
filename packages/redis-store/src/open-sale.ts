import type {
  Confirmed,
  DecisionRecord,
  Id,
  LockError,
  SaleDecision,
} from '@ticket-locks/lock-engine';

import { routeOf } from './event-key.js';
import type { Fields } from './reply.js';
import { idOf, idOrNone } from './wire-text.js';

/** A sale whose decision is open, unless it is confirmed in Redis already. */
export interface OpenSale {
  readonly sale: SaleDecision;
  readonly isDecided: boolean;
}

/** A sale as `pin` and `stuckPins` tell it. */
export function openSaleOf(fields: Fields, eventId: Id): OpenSale {
  const lockId = fields.text(0);
  const orderId = idOrNone(fields.text(4));
  const sale: SaleDecision = {
    lockId,
    eventId,
    categoryId: idOf(fields.text(1)),
    userId: idOf(fields.text(2)),
    quantity: fields.number(3),
    epoch: routeOf(lockId)?.epoch ?? 0,
    capacityAtGrant: fields.number(6),
    ...(orderId !== undefined && { orderId }),
    ...(fields.number(5) === 1 && { late: true as const }),
  };
  return { sale, isDecided: fields.number(7) === 1 };
}

/** Whether a confirm by this order is answered by the record. */
export function isSoldTo(record: DecisionRecord | undefined, orderId: Id | undefined): boolean {
  if (record?.outcome !== 'sold') return false;
  return orderId === undefined || orderId === record.orderId;
}

export function confirmedFrom(record: DecisionRecord): Confirmed {
  const { lockId, eventId, categoryId, userId, quantity, orderId, late } = record;
  return {
    status: 'CONFIRMED',
    lockId,
    eventId,
    categoryId,
    userId,
    quantity,
    ...(orderId !== undefined && { orderId }),
    ...(late === true && { late }),
  };
}

/** The refusal of a confirm for which the record is none, of a lock that Redis does not know. */
export function endIn({ lockId, outcome }: DecisionRecord): {
  readonly ok: false;
  readonly error: LockError;
} {
  const ends = {
    sold: 'ORDER_CONFLICT',
    returned: 'LOCK_RELEASED',
    aborted: 'LOCK_EXPIRED',
  } as const;
  return { ok: false, error: { code: ends[outcome], lockId } };
}
