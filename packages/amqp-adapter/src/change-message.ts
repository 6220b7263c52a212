// A change in the words of the wire, in the frame of a NestJS event, so that `@EventPattern` of an
// unmodified service takes it.
import type { LockChange } from '@ticket-locks/lock-engine';
import type { Options } from 'amqplib';

/** Under which key each kind of change is sent; facts of our own book-keeping are not. */
const ROUTING_KEYS = {
  locked: 'lock.locked',
  'quantity-changed': 'lock.quantity-changed',
  extended: 'lock.extended',
  'payment-begun': 'lock.payment-begun',
  confirmed: 'lock.confirmed',
  released: 'lock.released',
  expired: 'lock.expired',
  expiring: 'lock.expiring',
  settled: 'lock.settled',
  'refund-required': 'lock.refund-required',
  'event-cancelled': 'event.cancelled',
  // Its facts come from the events and orders services themselves.
  'inventory-set': undefined,
  'order-completed': undefined,
  'request-remembered': undefined,
  forgotten: undefined,
} satisfies Record<LockChange['type'], string | undefined>;

/** The key of what must not vanish, whether anybody listens or not. */
export const REFUND_REQUIRED = ROUTING_KEYS['refund-required'];

/** One change as it is sent. */
export interface ChangeMessage {
  readonly routingKey: string;
  readonly content: Buffer;
  readonly options: Options.Publish;
}

/** Whether anybody outside is told of the change. */
export function isPublished(change: LockChange): boolean {
  return ROUTING_KEYS[change.type] !== undefined;
}

/** Changes with the same key keep their order on the way; others may overtake each other. */
export function orderKeyOf(change: LockChange): string {
  return 'lockId' in change ? change.lockId : '';
}

/** The message of a change that is published. Pure: reads no clock, performs no I/O. */
export function changeMessage(change: LockChange, id: string): ChangeMessage {
  const routingKey = ROUTING_KEYS[change.type] ?? change.type;
  const data = { id, seq: change.seq, at: isoTime(change.atMs), ...factsOf(change) };
  return {
    routingKey,
    content: Buffer.from(JSON.stringify({ pattern: routingKey, data })),
    options: {
      persistent: true,
      contentType: 'application/json',
      messageId: id,
      type: routingKey,
      timestamp: Math.floor(change.atMs / 1000),
      headers: { seq: change.seq },
    },
  };
}

function factsOf(change: LockChange): object {
  if (!('lockId' in change)) return 'eventId' in change ? { eventId: change.eventId } : {};
  const { lockId, eventId, categoryId, userId, quantity } = change;
  return {
    lockId,
    eventId,
    categoryId,
    userId,
    quantity,
    ...('previousQuantity' in change && { previousQuantity: change.previousQuantity }),
    ...('orderId' in change && { orderId: change.orderId }),
    ...('reason' in change && { reason: change.reason }),
    ...('expiresAtMs' in change && { expiresAt: isoTime(change.expiresAtMs) }),
    ...('late' in change && { late: true }),
  };
}

function isoTime(instantMs: number): string {
  return new Date(instantMs).toISOString();
}
