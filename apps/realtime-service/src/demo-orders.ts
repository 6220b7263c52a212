import type { Id, TicketLocks } from '@ticket-locks/lock-engine';
import { z } from 'zod';

import { json } from './http-answer.js';
import type { HttpAnswer } from './http-answer.js';
import type { PostRoute } from './http-server.js';
import type { DescribedEvent } from './inventory.js';
import type { DeskAnswer, DeskOrder, OrdersDesk } from './orders-desk.js';

export interface DemoOrdersOptions {
  readonly desk: OrdersDesk;
  readonly locks: Pick<TicketLocks, 'lockById' | 'unsettledLocks'>;
  /** Nothing of another event is touched. */
  readonly events: readonly DescribedEvent[];
}

/** Orders of the demo are known by their names, so that no other order is touched. */
const ORDER_ID = /^demo-[0-9a-f]{16,32}$/;
const LOCKS_MAX = 20;
/** Orders that are given back at once. */
const RETURNS_AT_ONCE = 20;

const order = z.object({
  orderId: z.string().regex(ORDER_ID),
  lockIds: z.array(z.string().min(1).max(128)).min(1).max(LOCKS_MAX),
});
const returning = z.object({ eventId: z.union([z.int().min(0), z.string().min(1).max(64)]) });

/**
 * The demo's orders service: it takes no money. Refusals are answered with status 200, as on the
 * socket, so that a browser does not report what is no fault.
 */
export function demoOrderRoutes(options: DemoOrdersOptions): ReadonlyMap<string, PostRoute> {
  const { desk } = options;
  return new Map([
    ['/demo/orders/begin-payment', about(options, (one) => desk.beginPayment(one))],
    ['/demo/orders/confirm', about(options, (one) => desk.confirm(one))],
    ['/demo/orders/fail', about(options, (one) => desk.release(one))],
    ['/demo/orders/return-all', (body) => returnAll(options, body)],
  ]);
}

function about(
  options: DemoOrdersOptions,
  work: (order: DeskOrder) => Promise<DeskAnswer>,
): PostRoute {
  return async (body) => {
    const read = order.safeParse(body);
    if (!read.success) return invalid(read.error);
    const { orderId, lockIds } = read.data;
    for (const lockId of lockIds) {
      const lock = await options.locks.lockById(lockId);
      const isOurs = lock !== undefined && isOnSale(options, lock.eventId);
      if (!isOurs) return refused(orderId, { code: 'LOCK_NOT_FOUND', lockId });
    }
    const answer = await work(read.data);
    if (!answer.ok) return refused(orderId, answer.error);
    return json(200, { success: true, orderId, ...(answer.late && { late: true }) });
  };
}

/** Gives back what the demo's orders bought in an event, so that one can begin anew. */
async function returnAll(options: DemoOrdersOptions, body: unknown): Promise<HttpAnswer> {
  const read = returning.safeParse(body);
  if (!read.success) return invalid(read.error);
  const { eventId } = read.data;
  const orders = isOnSale(options, eventId) ? await soldOrders(options, eventId) : [];
  let quantity = 0;
  for (let first = 0; first < orders.length; first += RETURNS_AT_ONCE) {
    const some = orders.slice(first, first + RETURNS_AT_ONCE);
    const answers = await Promise.all(some.map((sold) => options.desk.release(sold)));
    for (const [index, answer] of answers.entries()) {
      if (answer.ok) quantity += some[index]?.quantity ?? 0;
    }
  }
  return json(200, { success: true, eventId, quantity });
}

type SoldOrder = DeskOrder & { readonly quantity: number };

async function soldOrders(
  { locks }: DemoOrdersOptions,
  eventId: Id,
): Promise<readonly SoldOrder[]> {
  const orders = new Map<string, SoldOrder>();
  for (const { lockId, orderId, quantity } of await locks.unsettledLocks(eventId)) {
    if (typeof orderId !== 'string' || !ORDER_ID.test(orderId)) continue;
    const known = orders.get(orderId) ?? { orderId, lockIds: [], quantity: 0 };
    const lockIds = [...known.lockIds, lockId];
    orders.set(orderId, { orderId, lockIds, quantity: known.quantity + quantity });
  }
  return [...orders.values()];
}

function isOnSale({ events }: DemoOrdersOptions, eventId: Id): boolean {
  return events.some((event) => event.eventId === eventId);
}

function refused(orderId: string, error: object): HttpAnswer {
  return json(200, { success: false, orderId, message: 'The order is refused', ...error });
}

function invalid({ issues }: z.ZodError): HttpAnswer {
  const field = issues[0]?.path.join('.') ?? '';
  const message = `The request is not valid: ${field}`;
  return json(400, { success: false, code: 'INVALID_REQUEST', field, message });
}
