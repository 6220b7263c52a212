import { canonicalId } from '@ticket-locks/lock-engine';
import type {
  DecisionLedger,
  Id,
  InventoryFigures,
  InventorySet,
  Outcome,
  SetInventoryCommand,
} from '@ticket-locks/lock-engine';

import { inventoryOf } from './answer.js';
import type { ShapedInventory } from './command-shape.js';
import type { Asked, EventCalls } from './event-calls.js';
import { eventTag } from './event-key.js';
import type { EventQueries } from './event-queries.js';
import { setInventoryCall } from './function-call.js';
import { settledCall } from './settled-call.js';

export interface StockRoomOptions {
  readonly events: EventCalls;
  readonly queries: EventQueries;
  readonly ledger: DecisionLedger | undefined;
  /** Makes an event known to Redis. */
  readonly create: (eventId: Id) => Promise<void>;
  /** The time of Redis. */
  readonly nowMs: () => number;
}

/**
 * Brings figures to Redis, and to the ledger where there is one.
 *
 * What is free in Redis must be free in the ledger, at every instant between the two, and a sale
 * must settle once. So Redis first takes over what makes tickets scarcer, and chooses the sales
 * that settle, which it goes on counting. The ledger takes over the figures and settles these sales
 * in one transaction. Then Redis does the same in one call. Whoever dies on the way leaves tickets
 * counted twice, and the next figures bring it to its end.
 */
export class StockRoom {
  readonly #options: StockRoomOptions;

  constructor(options: StockRoomOptions) {
    this.#options = options;
  }

  /** Fails with `UNAVAILABLE` or `OUTCOME_UNKNOWN`. */
  async setInventory(
    command: SetInventoryCommand,
    inventory: ShapedInventory,
  ): Promise<Outcome<InventorySet>> {
    const { ledger, nowMs } = this.#options;
    const eventId = canonicalId(command.eventId) ?? command.eventId;
    const isFetched = command.categories !== undefined || command.completed === undefined;
    const fetchedAtMs = command.fetchedAtMs ?? (ledger && isFetched ? nowMs() : undefined);
    const figures =
      ledger !== undefined && isFetched
        ? await this.#figuresOf(eventId, inventory, fetchedAtMs ?? nowMs())
        : undefined;
    try {
      const call = setInventoryCall({ ...command, fetchedAtMs }, inventory);
      const asked = await this.#asked(eventId, call, isFetched, figures);
      if (!asked.ok) {
        const unmatched = inventory.orders;
        const none = { eventId, applied: false, settledLockIds: [], unmatched };
        if (asked.error === undefined && !isFetched) return { ok: true, value: none };
        return { ok: false, error: asked.error ?? { code: 'UNAVAILABLE' } };
      }
      const value = inventoryOf(asked.reply, eventId, inventory);
      if (figures !== undefined && value.applied) await this.#settle(figures, asked);
      return { ok: true, value };
    } catch {
      // The ledger did not answer: the next figures go on where these have stopped.
      return { ok: false, error: { code: 'UNAVAILABLE' } };
    }
  }

  /** An operator's word that a sale is settled, for the ledger. Rejects when it was not written. */
  async settle(lockId: string): Promise<void> {
    const { ledger } = this.#options;
    const record = await ledger?.find(lockId);
    if (ledger === undefined || record?.outcome !== 'sold' || record.settled) return;
    const { eventId } = record;
    const categories = await ledger.figures(eventId);
    const fetchedAtMs = Math.max(-1, ...categories.map((one) => one.fetchedAtMs));
    await ledger.settle({ eventId, fetchedAtMs, categories }, [lockId]);
  }

  /** Asks Redis; an event that is not there is brought first. Rejects when the ledger does. */
  async #asked(
    eventId: Id,
    call: ReturnType<typeof setInventoryCall>,
    isFetched: boolean,
    figures: InventoryFigures | undefined,
  ): Promise<Asked> {
    const { events, ledger, create } = this.#options;
    const tag = eventTag(eventId);
    const asked = await events.ask(tag, call, 'changing');
    if (asked.ok || asked.error !== undefined || !isFetched) return asked;
    if (figures !== undefined) await ledger?.settle(figures, []);
    await create(eventId);
    return events.ask(tag, call, 'changing');
  }

  async #settle(figures: InventoryFigures, asked: Extract<Asked, { ok: true }>): Promise<void> {
    const { events, ledger } = this.#options;
    const { rest } = asked.reply;
    const [pending, isHeldBack] = [rest.fields(3).texts(), rest.number(4) === 1];
    // False when newer figures are known: whoever brought these goes on with them.
    const isNewest = await ledger?.settle(figures, pending);
    if (isNewest !== true || (pending.length === 0 && !isHeldBack)) return;
    await events.ask(eventTag(figures.eventId), settledCall(figures, pending), 'changing');
  }

  async #figuresOf(
    eventId: Id,
    { figures }: ShapedInventory,
    fetchedAtMs: number,
  ): Promise<InventoryFigures> {
    const isOpen = figures.some(({ soldElsewhere }) => soldElsewhere === undefined);
    const known = isOpen ? await this.#options.queries.figures(eventId).catch(() => []) : [];
    const soldIn = new Map(known?.map((one) => [one.categoryId, one.soldElsewhere]));
    const categories = figures.map(({ categoryId, capacity, soldElsewhere }) => ({
      categoryId,
      capacity,
      soldElsewhere: soldElsewhere ?? soldIn.get(categoryId) ?? 0,
    }));
    return { eventId, fetchedAtMs, categories };
  }
}
