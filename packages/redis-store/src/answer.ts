import type {
  CategoryAvailability,
  Confirmed,
  Extended,
  Id,
  InventorySet,
  LimitName,
  LockError,
  LockGrant,
  LockPolicy,
  LockStatus,
  PaymentBegun,
  RefundRequired,
  Released,
  ReleaseReason,
  TicketLock,
  Unlocked,
} from '@ticket-locks/lock-engine';

import type { ShapedInventory } from './command-shape.js';
import type { Fields, Reply } from './reply.js';
import { idOf, idOrNone } from './wire-text.js';

/** What an answer says that is not in the reply. */
export interface Asked {
  readonly eventId: Id;
  readonly policy: LockPolicy;
}

/*
 * Replies of the functions as values and refusals of the port. Pure: reads no clock, performs no
 * I/O.
 */

export function grantOf(fields: Fields, nowMs: number, eventId: Id): LockGrant {
  const expiresAtMs = fields.number(3);
  return {
    lockId: fields.text(0),
    eventId,
    categoryId: idOf(fields.text(1)),
    quantity: fields.number(2),
    expiresAtMs,
    expiresInMs: Math.max(0, expiresAtMs - nowMs),
    available: fields.number(4),
  };
}

export function unlockedOf({ rest }: Reply, { eventId }: Asked): Unlocked {
  return {
    lockId: rest.text(0),
    eventId,
    categoryId: idOf(rest.text(1)),
    quantity: rest.number(2),
    remaining: rest.number(3),
  };
}

export function extendedOf({ rest, nowMs }: Reply, { policy }: Asked): Extended {
  const expiresAtMs = rest.number(1);
  return {
    lockId: rest.text(0),
    expiresAtMs,
    expiresInMs: Math.max(0, expiresAtMs - nowMs),
    extensionsLeft: Math.max(0, policy.extensionsMax - rest.number(2)),
  };
}

export function paymentOf({ rest, nowMs }: Reply, orderId: Id): PaymentBegun {
  const expiresAtMs = rest.number(1);
  return { lockId: rest.text(0), orderId, expiresAtMs, expiresInMs: expiresAtMs - nowMs };
}

export function confirmedOf(fields: Fields, eventId: Id): Confirmed {
  const orderId = idOrNone(fields.text(4));
  return {
    status: 'CONFIRMED',
    ...decidedOf(fields, eventId),
    ...(orderId !== undefined && { orderId }),
    ...(fields.number(5) === 1 && { late: true as const }),
  };
}

export function releasedOf(fields: Fields, eventId: Id): Released {
  return { status: fields.text(4) as Released['status'], ...decidedOf(fields, eventId) };
}

function decidedOf(fields: Fields, eventId: Id) {
  return {
    lockId: fields.text(0),
    eventId,
    categoryId: idOf(fields.text(1)),
    userId: idOf(fields.text(2)),
    quantity: fields.number(3),
  };
}

export function inventoryOf(
  { rest }: Reply,
  eventId: Id,
  { orders }: ShapedInventory,
): InventorySet {
  const unmatched = rest.fields(2).texts();
  return {
    eventId,
    applied: rest.number(0) === 1,
    settledLockIds: rest.fields(1).texts(),
    unmatched: unmatched.flatMap((place) => orders[Number(place)] ?? []),
  };
}

export function refundOf(fields: Fields, eventId: Id): RefundRequired {
  const orderId = idOrNone(fields.text(4));
  const requiredAtMs = fields.number(5);
  return {
    ...decidedOf(fields, eventId),
    requiredAtMs,
    ...(orderId !== undefined && { orderId }),
  };
}

export function lockOf(fields: Fields, nowMs: number, { eventId, policy }: Asked): TicketLock {
  const status = fields.text(1) as LockStatus;
  const expiresAtMs = fields.number(7);
  const orderId = idOrNone(fields.text(9));
  const recordedAtMs = fields.optionalNumber(12);
  const endedAtMs = status === 'EXPIRED' ? expiresAtMs : recordedAtMs;
  const reason = fields.text(13);
  return {
    lockId: fields.text(0),
    eventId,
    categoryId: idOf(fields.text(2)),
    quantity: fields.number(5),
    userId: idOf(fields.text(3)),
    sessionId: fields.text(4),
    status,
    createdAtMs: fields.number(6),
    expiresAtMs,
    expiresInMs: status === 'ACTIVE' ? Math.max(0, expiresAtMs - nowMs) : 0,
    extensionsLeft: Math.max(0, policy.extensionsMax - fields.number(8)),
    ...(orderId !== undefined && { orderId }),
    ...(fields.number(10) === 1 && { late: true as const }),
    ...(fields.number(11) === 1 && { settled: true as const }),
    ...(endedAtMs !== undefined && { endedAtMs }),
    ...(reason !== '' && { reason: reason as ReleaseReason }),
  };
}

export function figuresOf(fields: Fields, eventId: Id): CategoryAvailability {
  const [capacity, soldElsewhere] = [fields.number(1), fields.number(2)];
  const [confirmed, locked] = [fields.number(3), fields.number(4)];
  const sold = soldElsewhere + confirmed;
  const free = capacity - sold - locked;
  return {
    eventId,
    categoryId: idOf(fields.text(0)),
    capacity,
    available: Math.max(0, free),
    locked,
    sold,
    deficit: Math.max(0, -free),
    confirmed,
    soldElsewhere,
    version: fields.number(5),
  };
}

/** The refusal in a reply whose code is not `OK`. */
export function refusalOf(reply: Reply, asked: Asked): LockError {
  const { code, rest } = reply;
  const { eventId, policy } = asked;
  const lockId = rest.text(0);
  switch (code) {
    case 'INVALID_REQUEST':
      return { code: 'INVALID_REQUEST', field: rest.text(0), locked: rest.number(1) };
    case 'REQUEST_CONFLICT':
      return { code: 'REQUEST_CONFLICT', requestId: rest.text(0) };
    case 'EVENT_NOT_FOUND':
      return { code: 'EVENT_NOT_FOUND', eventId };
    case 'CATEGORY_NOT_FOUND':
      return { code: 'CATEGORY_NOT_FOUND', eventId, categoryId: idOf(rest.text(0)) };
    case 'LOCK_NOT_FOUND':
      return lockId === '' ? { code: 'LOCK_NOT_FOUND' } : { code: 'LOCK_NOT_FOUND', lockId };
    case 'LOCK_MISMATCH':
      return { code: 'LOCK_MISMATCH', lockId, field: rest.text(1) };
    case 'LOCK_EXPIRED': {
      const available = rest.optionalNumber(1);
      return { code: 'LOCK_EXPIRED', lockId, ...(available !== undefined && { available }) };
    }
    case 'DUPLICATE_LOCK': {
      const lock = lockOf(rest.fields(1), reply.nowMs, asked);
      return { code: 'DUPLICATE_LOCK', lockId, lock };
    }
    case 'LIMIT_EXCEEDED': {
      const limit = rest.text(0) as LimitName;
      return { code: 'LIMIT_EXCEEDED', limit, max: policy[limit] };
    }
    case 'INSUFFICIENT_TICKETS':
      return shortOf(rest.fields(0));
    case 'ORDER_CONFLICT':
    case 'LOCK_CONFIRMED':
    case 'LOCK_RELEASED':
    case 'LOCK_LOST':
      return { code, lockId };
    default:
      throw new TypeError(`a function replied with ${code}, which nobody knows`);
  }
}

function shortOf(fields: Fields): LockError {
  const lines = [];
  for (let at = 0; at < fields.count; at += 3) {
    const [requested, available] = [fields.number(at + 1), fields.number(at + 2)];
    lines.push({ categoryId: idOf(fields.text(at)), requested, available });
  }
  const { requested = 0, available = 0 } = lines[0] ?? {};
  return { code: 'INSUFFICIENT_TICKETS', available, requested, lines };
}
