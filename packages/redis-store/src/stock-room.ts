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
import type { EventCalls } from './event-calls.js';
import { eventTag } from './event-key.js';
import type { EventQueries } from './event-queries.js';
import { setInventoryCall } from './function-call.js';

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
 * Brings figures to Redis, and to the ledger where there is one: there first, so that what is
 * locked on them can be sold, and again when they settle something.
 */
export class StockRoom {
  readonly #options: StockRoomOptions;
  /** Settled in Redis and not yet in the ledger, by event. */
  readonly #unwritten = new Map<string, Set<string>>();

  constructor(options: StockRoomOptions) {
    this.#options = options;
  }

  /** Fails with `UNAVAILABLE` or `OUTCOME_UNKNOWN`. */
  async setInventory(
    command: SetInventoryCommand,
    inventory: ShapedInventory,
  ): Promise<Outcome<InventorySet>> {
    const { events, ledger, create, nowMs } = this.#options;
    const eventId = canonicalId(command.eventId) ?? command.eventId;
    const tag = eventTag(eventId);
    const isFetched = command.categories !== undefined || command.completed === undefined;
    const fetchedAtMs = command.fetchedAtMs ?? (ledger && isFetched ? nowMs() : undefined);
    let figures: InventoryFigures | undefined;
    if (ledger !== undefined && isFetched) {
      figures = await this.#figuresOf(eventId, inventory, fetchedAtMs ?? nowMs());
      try {
        await ledger.settle(figures, this.#unwrittenOf(tag));
        this.#unwritten.delete(tag);
      } catch {
        return { ok: false, error: { code: 'UNAVAILABLE' } };
      }
    }
    const call = setInventoryCall({ ...command, fetchedAtMs }, inventory);
    let asked = await events.ask(tag, call, 'changing');
    if (!asked.ok && asked.error === undefined && isFetched) {
      await create(eventId);
      asked = await events.ask(tag, call, 'changing');
    }
    if (!asked.ok) {
      const unmatched = inventory.orders;
      const none = { eventId, applied: false, settledLockIds: [], unmatched };
      if (asked.error === undefined && !isFetched) return { ok: true, value: none };
      return { ok: false, error: asked.error ?? { code: 'UNAVAILABLE' } };
    }
    const value = inventoryOf(asked.reply, eventId, inventory);
    if (figures !== undefined) await this.#write(tag, figures, value.settledLockIds);
    return { ok: true, value };
  }

  /** An operator's word that a sale is settled, for the ledger. Rejects when it was not written. */
  async settle(eventId: Id, lockId: string): Promise<void> {
    const { ledger } = this.#options;
    const categories = (await ledger?.figures(eventId)) ?? [];
    const fetchedAtMs = Math.max(-1, ...categories.map((one) => one.fetchedAtMs));
    await ledger?.settle({ eventId, fetchedAtMs, categories }, [lockId]);
  }

  /** What is settled in Redis and could not be written is written with the next figures. */
  async #write(tag: string, figures: InventoryFigures, lockIds: readonly string[]): Promise<void> {
    if (lockIds.length === 0) return;
    this.#unwritten.set(tag, new Set([...this.#unwrittenOf(tag), ...lockIds]));
    try {
      await this.#options.ledger?.settle(figures, this.#unwrittenOf(tag));
      this.#unwritten.delete(tag);
    } catch {
      // The sales count there a while longer: too little is offered, never too much.
    }
  }

  #unwrittenOf(tag: string): string[] {
    return [...(this.#unwritten.get(tag) ?? [])];
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
