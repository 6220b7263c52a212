// What other services tell us of. Nobody waits for an answer: a refusal that cannot change by
// trying again is logged and is the end of it; the others come back from the queue.
import { systemClock } from '@ticket-locks/lock-engine';
import type { Clock, Id, Outcome, TicketLocks } from '@ticket-locks/lock-engine';

import type { AdapterLog } from './adapter-log.js';
import { returnOrder } from './cancelled-orders.js';
import { CompletedOrders } from './completed-orders.js';
import { OrderNews } from './order-news.js';
import type { OrderKind } from './order-news.js';
import { readEventQuery, readOrder } from './payloads.js';
import type { Order } from './payloads.js';
import { isDefinite } from './refusals.js';

export interface EventHandlerOptions {
  readonly locks: TicketLocks;
  /** Present when an events service counts what is sold: is told of what it may count anew. */
  readonly inventory?: { changed(eventId: Id): void } | undefined;
  /** Is told once what became of an order, when that is durable. */
  readonly onOrder?: ((kind: OrderKind, order: Order) => void) | undefined;
  readonly log: AdapterLog;
  /** Default: that of the system. */
  readonly clock?: Clock | undefined;
}

type EventHandler = (data: unknown) => Promise<Outcome<unknown>>;

const DONE: Outcome<undefined> = { ok: true, value: undefined };

/** Returns the handler of every event that other services emit. */
export function eventHandlers(
  options: EventHandlerOptions,
): Readonly<Record<string, EventHandler>> {
  const { locks, inventory, log } = options;
  const onEvent = handling(readEventQuery, log);
  return {
    ...orderHandlers(options),
    'event-capacity-changed': onEvent(async ({ eventId }) => {
      inventory?.changed(eventId);
      return DONE;
    }),
    'event-cancelled': onEvent((event) => locks.cancelEvent(event)),
  };
}

function orderHandlers(options: EventHandlerOptions): Record<OrderKind, EventHandler> {
  const { locks, inventory, onOrder, log, clock = systemClock() } = options;
  const news = onOrder && new OrderNews(onOrder, log);
  const completed =
    inventory &&
    new CompletedOrders({ locks, changed: (eventId) => inventory.changed(eventId), clock, log });
  const onOrderEvent = (kind: OrderKind, run: (order: Order) => Promise<Outcome<unknown>>) =>
    handling(
      readOrder,
      log,
    )(async (order) => {
      const outcome = await run(order);
      if (outcome.ok || isDefinite(outcome.error)) news?.tell(kind, order);
      return outcome;
    });
  return {
    // Without an events service our own count is the truth, and has the sale already.
    'order-completed': onOrderEvent('order-completed', async (order) =>
      completed === undefined ? DONE : completed.complete(order),
    ),
    // With one the orders service has told it to take the tickets back.
    'order-cancelled': onOrderEvent('order-cancelled', async (order) => {
      if (inventory === undefined) return returnOrder(locks, order);
      inventory.changed(order.eventId);
      return DONE;
    }),
  };
}

/** Makes handlers that read the payload, and that end with what is refused for good. */
function handling<Payload extends object>(
  read: (data: unknown) => Outcome<Payload>,
  log: AdapterLog,
) {
  return (run: (payload: Payload) => Promise<Outcome<unknown>>): EventHandler =>
    async (data) => {
      const payload = read(data);
      if (!payload.ok) return payload;
      const outcome = await run(payload.value);
      if (outcome.ok) return DONE;
      if (!isDefinite(outcome.error)) return outcome;
      log.info({ ...payload.value, code: outcome.error.code }, 'an event changed nothing');
      return DONE;
    };
}
