// A shop in virtual time: buyers, an orders service that confirms, an events service that counts,
// and what is really sold, which none of them knows alone.
import { LocalTicketLocks, LockEngine } from '@ticket-locks/lock-engine';
import type {
  CompletedOrder,
  EventInventory,
  InventorySource,
  LockChange,
  SetInventoryCommand,
} from '@ticket-locks/lock-engine';
import { countingIds, ManualClock } from '@ticket-locks/lock-engine/testing';

import { createHandlers } from '../src/handlers.js';
import { silentLog } from './silent-log.js';

/** One buyer's way through the shop. Delays are in milliseconds, each after the one before. */
export interface Purchase {
  readonly atMs: number;
  readonly user: number;
  readonly quantity: number;
  readonly confirmAfterMs: number;
  readonly reserveAfterMs: number;
  readonly completeAfterMs: number;
  readonly repeats: number;
  readonly namesOrder: boolean;
  readonly namesLock: boolean;
  /** What becomes of it: sold, given back before the events service heard of it, or after. */
  readonly fate: 'sold' | 'failed' | 'cancelled';
}

/** A sale of the events service without a lock; with a negative quantity tickets given back. */
interface SaleElsewhere {
  readonly atMs: number;
  readonly quantity: number;
}

/** How an answer of the events service travels. */
interface Travel {
  readonly thereMs: number;
  readonly backMs: number;
  readonly fails: boolean;
}

export interface ShopScript {
  readonly purchases: readonly Purchase[];
  readonly elsewhere: readonly SaleElsewhere[];
  readonly travels: readonly Travel[];
  /** How old the state may be that the events service answers with. */
  readonly cacheMs: number;
}

/** What happens when an order is told to be completed. */
export type Completion = 'by the handlers' | 'settled at once' | 'with the figures of before';

const EVENT_ID = 1;
const CATEGORY_ID = 2;
const CAPACITY = 30;
const TTL_MS = 5_000;
const REFRESH_MS = 1_000;
/** Longer than any way through the shop. */
const RUN_MS = 30_000;
const QUIET_MS = 20_000;

/** What the events service counts at an instant. */
interface Count {
  readonly atMs: number;
  readonly reserved: number;
  readonly elsewhere: number;
}

/** The events service: it counts what is reserved with it, and answers late, or not at all. */
class SimulatedEvents implements InventorySource {
  readonly isPolled = true;
  isFailing = true;
  /** The sales without a lock that the latest answer has in it. */
  answeredElsewhere = 0;
  readonly #counts: Count[] = [{ atMs: 0, reserved: 0, elsewhere: 0 }];
  readonly #listeners = new Set<(eventId: string | number) => void>();
  #travelCount = 0;

  constructor(
    readonly clock: ManualClock,
    readonly script: ShopScript,
  ) {}

  reserve(quantity: number): void {
    const { reserved, elsewhere } = this.#latest;
    this.#counts.push({ atMs: this.clock.nowMs(), reserved: reserved + quantity, elsewhere });
  }

  sellElsewhere(quantity: number): void {
    const { reserved, elsewhere } = this.#latest;
    const given = Math.max(quantity, -elsewhere);
    const atMs = this.clock.nowMs();
    this.#counts.push({ atMs, reserved: reserved + given, elsewhere: elsewhere + given });
  }

  onChanged(listener: (eventId: string | number) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  changed(eventId: string | number): void {
    for (const listener of this.#listeners) listener(eventId);
  }

  async load(): Promise<EventInventory> {
    const { travels, cacheMs } = this.script;
    const travel = travels[this.#travelCount++ % travels.length]!;
    await this.#wait(travel.thereMs);
    const readAtMs = this.clock.nowMs() - cacheMs;
    const count = this.#counts.findLast(({ atMs }) => atMs <= readAtMs) ?? this.#counts[0]!;
    await this.#wait(travel.backMs);
    if (travel.fails && this.isFailing) throw new Error('no answer');
    this.answeredElsewhere = count.elsewhere;
    const figures = { capacity: CAPACITY, soldElsewhere: count.reserved };
    return { categories: [{ categoryId: CATEGORY_ID, ...figures }] };
  }

  get #latest(): Count {
    return this.#counts.at(-1)!;
  }

  #wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.clock.after(delayMs, resolve);
    });
  }
}

/** What is really promised and sold, as one who sees everything would count it. */
class Truth {
  sold = 0;
  /** As of the answer that was taken over last: nobody here can know more. */
  elsewhere = 0;
  readonly #active = new Map<string, { readonly quantity: number; readonly expiresAtMs: number }>();

  available(nowMs: number): number {
    let locked = 0;
    for (const { quantity, expiresAtMs } of this.#active.values()) {
      if (nowMs < expiresAtMs) locked += quantity;
    }
    return CAPACITY - this.sold - this.elsewhere - locked;
  }

  apply(change: LockChange): void {
    if (change.type === 'locked') this.#active.set(change.lockId, change);
    if (change.type === 'confirmed') this.sold += change.quantity;
    if (change.type === 'released' && change.reason === 'order-failed') {
      this.sold -= change.quantity;
    }
    if (['confirmed', 'released', 'expired'].includes(change.type) && 'lockId' in change) {
      this.#active.delete(change.lockId);
    }
  }
}

/** What was seen of a run. */
export interface ShopReport {
  /** Each instant at which more was shown as available than really was. */
  readonly oversold: readonly string[];
  readonly settledCount: number;
  readonly unsettledCount: number;
  readonly available: number | undefined;
  readonly trueAvailable: number;
}

/** Runs a script from the first purchase to a long quiet, and samples at every change. */
export async function runShop(script: ShopScript, completion: Completion): Promise<ShopReport> {
  const shop = new Shop(script, completion);
  return shop.run();
}

class Shop {
  readonly #clock = new ManualClock(1_000_000);
  readonly #script: ShopScript;
  readonly #completion: Completion;
  readonly #events: SimulatedEvents;
  readonly #locks: LocalTicketLocks;
  readonly #handlers: ReturnType<typeof createHandlers>;
  readonly #truth = new Truth();
  /** Follows the changes, and can be asked at every one of them. */
  readonly #mirror = new LockEngine({ clock: this.#clock, ids: countingIds() });
  readonly #oversold: string[] = [];
  #settledCount = 0;

  constructor(script: ShopScript, completion: Completion) {
    this.#script = script;
    this.#completion = completion;
    this.#events = new SimulatedEvents(this.#clock, script);
    this.#locks = new LocalTicketLocks({
      source: this.#events,
      policy: { ttlMs: TTL_MS, expiringNoticeMs: 0 },
      inventoryRefreshMs: REFRESH_MS,
      clock: this.#clock,
      timers: this.#clock,
      ids: countingIds(),
    });
    this.#locks.on('change', (change) => this.#onChange(change));
    this.#handlers = createHandlers({
      locks: this.#locks,
      stats: async () => ({}),
      inventory: this.#events,
      log: silentLog,
      clock: this.#clock,
    });
  }

  async run(): Promise<ShopReport> {
    await this.#locks.start();
    const { purchases, elsewhere } = this.#script;
    for (const [index, purchase] of purchases.entries()) {
      this.#clock.after(purchase.atMs, () => void this.#buy(purchase, `order ${index}`));
    }
    for (const { atMs, quantity } of elsewhere) {
      this.#clock.after(atMs, () => this.#events.sellElsewhere(quantity));
    }
    await this.#clock.advanceAsync(RUN_MS);
    this.#events.isFailing = false;
    await this.#clock.advanceAsync(QUIET_MS);
    this.#sample('at the end');
    const unsettled = await this.#locks.unsettledLocks(EVENT_ID);
    await this.#locks.stop();
    return {
      oversold: this.#oversold,
      settledCount: this.#settledCount,
      unsettledCount: unsettled.length,
      available: this.#available,
      trueAvailable: this.#truth.available(this.#clock.nowMs()),
    };
  }

  async #buy(purchase: Purchase, orderId: string): Promise<void> {
    const { quantity, fate } = purchase;
    const userId = `user ${purchase.user}`;
    const line = { eventId: EVENT_ID, categoryId: CATEGORY_ID, quantity, userId };
    const grant = await this.#locks.lock({ ...line, sessionId: `session of ${userId}` });
    if (!grant.ok) return;
    const { lockId } = grant.value;
    await this.#wait(purchase.confirmAfterMs);
    const named = purchase.namesOrder ? { orderId } : {};
    const confirmed = await this.#send('confirm-ticket-lock', { lockId, userId, ...named });
    if (!confirmed.ok) return;
    await this.#wait(purchase.reserveAfterMs);
    if (fate === 'failed') {
      await this.#send('release-ticket-lock', { lockId, ...named });
      return;
    }
    this.#events.reserve(quantity);
    await this.#wait(purchase.completeAfterMs);
    const order = { orderId, ...line, ...(purchase.namesLock && { lockId }) };
    for (let sent = 0; sent <= purchase.repeats; sent += 1) {
      await this.#complete(order, lockId);
      await this.#wait(purchase.completeAfterMs);
    }
    if (fate !== 'cancelled') return;
    this.#events.reserve(-quantity);
    this.#truth.sold -= quantity;
    await this.#send('order-cancelled', order);
  }

  async #complete(order: CompletedOrder, lockId: string): Promise<void> {
    if (this.#completion === 'by the handlers') await this.#send('order-completed', order);
    else if (this.#completion === 'settled at once') await this.#locks.settle({ lockId });
    else await this.#locks.setInventory(this.#withKnownFigures(order));
  }

  #withKnownFigures(order: CompletedOrder): SetInventoryCommand {
    const categories = this.#mirror.availability(EVENT_ID) ?? [];
    return { eventId: EVENT_ID, categories, completed: [order] };
  }

  async #send(pattern: string, data: unknown) {
    const handler = this.#handlers.get(pattern);
    if (handler === undefined) throw new Error(`nobody handles ${pattern}`);
    return handler(data);
  }

  #onChange(change: LockChange): void {
    this.#mirror.apply(change);
    if (change.type === 'inventory-set') this.#truth.elsewhere = this.#events.answeredElsewhere;
    if (change.type === 'settled') this.#settledCount += 1;
    this.#truth.apply(change);
    this.#sample(change.type);
  }

  #sample(when: string): void {
    const shown = this.#available ?? 0;
    const truth = this.#truth.available(this.#clock.nowMs());
    if (shown <= Math.max(0, truth)) return;
    this.#oversold.push(`${when} at ${this.#clock.nowMs()}: ${shown} shown, ${truth} there`);
  }

  get #available(): number | undefined {
    return this.#mirror.categoryAvailability(EVENT_ID, CATEGORY_ID)?.available;
  }

  #wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#clock.after(delayMs, resolve);
    });
  }
}
