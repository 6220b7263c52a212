import type { Id } from '../engine/id.js';
import type { EventInventory, InventorySource } from '../ports/inventory-source.js';

/** The figures of one category: its capacity, and what the source counts as sold. */
export type Figures = EventInventory['categories'][number];

/** A source of truth whose figures, failures and delays a test decides. */
export class ManualInventory implements InventorySource {
  /** Whether the store has to ask again and again; a test decides before it starts one. */
  isPolled = false;
  readonly #events = new Map<Id, readonly Figures[]>();
  readonly #loadCounts = new Map<Id, number>();
  readonly #listeners = new Set<(eventId: Id) => void>();
  #loadingCount = 0;
  #loadingCountMax = 0;
  #error: Error | undefined;
  #gate: { readonly opened: Promise<void>; readonly open: () => void } | undefined;

  /** Sets an event's figures and tells nobody. */
  set(eventId: Id, ...figures: Figures[]): this {
    this.#events.set(eventId, figures);
    return this;
  }

  /** Forgets the event: there is no such thing. */
  remove(eventId: Id): void {
    this.#events.delete(eventId);
  }

  /** Tells listeners that the event's figures may have changed. */
  changed(eventId: Id): void {
    for (const listener of this.#listeners) listener(eventId);
  }

  /** From now on the truth is not to be had. */
  fail(error = new Error('the source of truth is gone')): void {
    this.#error = error;
  }

  /** From now on it is again. */
  recover(): void {
    this.#error = undefined;
  }

  /** Holds answers back until `letGo`. */
  hold(): void {
    let open: () => void = () => undefined;
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    this.#gate = { opened, open };
  }

  letGo(): void {
    this.#gate?.open();
    this.#gate = undefined;
  }

  /** How often the event was asked for. */
  loadCount(eventId: Id): number {
    return this.#loadCounts.get(eventId) ?? 0;
  }

  /** The most calls that were under way at a time. */
  get loadingCountMax(): number {
    return this.#loadingCountMax;
  }

  get listenerCount(): number {
    return this.#listeners.size;
  }

  async load(eventId: Id): Promise<EventInventory | undefined> {
    this.#loadCounts.set(eventId, this.loadCount(eventId) + 1);
    this.#loadingCount += 1;
    this.#loadingCountMax = Math.max(this.#loadingCountMax, this.#loadingCount);
    const categories = this.#events.get(eventId);
    await this.#gate?.opened;
    this.#loadingCount -= 1;
    if (this.#error !== undefined) throw this.#error;
    return categories && { categories };
  }

  onChanged(listener: (eventId: Id) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
