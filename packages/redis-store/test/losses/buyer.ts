import type { LockGrant, LockPolicy, Outcome } from '@ticket-locks/lock-engine';
import type { SeededRandom } from '@ticket-locks/lock-engine/testing';

import type { Caller, Visit, Wanted } from './caller.js';
import type { Journal } from './journal.js';
import { pause } from './real-time.js';
import { STOCK, STORE_COUNT } from './world.js';

export interface BuyerOptions {
  readonly name: string;
  readonly random: SeededRandom;
  readonly caller: Caller;
  readonly journal: Journal;
  readonly policy: Pick<LockPolicy, 'ttlMs' | 'paymentTtlMs'>;
  /** True from when on nobody begins anything new. */
  readonly isClosing: () => boolean;
  /** True when whoever still has no answer has waited too long. */
  readonly isTooLate: () => boolean;
}

/** A lock of this buyer that may still be his. */
interface Held {
  readonly lockId: string;
  readonly eventId: LockGrant['eventId'];
  readonly categoryId: LockGrant['categoryId'];
  quantity: number;
}

type Ask<Value> = (store: number, isFirst: boolean) => Promise<Outcome<Value>>;

const THINK_MS = 12;
const RETRY_MS = 40;
/** Visits of one user end after so many purchases. */
const PURCHASES = 6;

/**
 * Locks, changes its mind, pays, gives back, at random, with whichever store answers. Whatever it
 * is not told for sure it asks again, until it is.
 */
export class Buyer {
  readonly #options: BuyerOptions;
  readonly #left: Held[] = [];
  /** The locks of the visit. */
  #taken: string[] = [];
  #count = 0;
  #visit: Visit | undefined;

  constructor(options: BuyerOptions) {
    this.#options = options;
  }

  /** Buys until the shop closes, and gives back then what it did not buy. */
  async shop(): Promise<void> {
    const { isClosing, random } = this.#options;
    for (let purchases = 0; !isClosing(); purchases += 1) {
      if (purchases % PURCHASES === 0) this.#visit = undefined;
      await this.#purchase();
      await pause(random.below(THINK_MS));
    }
    for (const { lockId } of this.#left)
      await this.#insist((store) => this.#options.caller.release(store, [lockId], undefined));
  }

  async #purchase(): Promise<void> {
    const { random } = this.#options;
    const visit = await this.#visited();
    if (visit === undefined) return;
    const held = await this.#take(visit);
    const [first] = held;
    if (first === undefined) return;
    if (held.length > 1) return this.#decideMany(held);
    for (let acts = random.below(3); acts > 0; acts -= 1) {
      await this.#change(visit, first);
      await pause(random.below(THINK_MS));
    }
    return this.#finish(visit, first);
  }

  async #visited(): Promise<Visit | undefined> {
    if (this.#visit !== undefined) return this.#visit;
    const { caller, name } = this.#options;
    const userId = `${name}-${this.#next()}`;
    const opened = await this.#insist((store) => caller.openSession(store, userId));
    this.#visit = opened.ok ? opened.value : undefined;
    this.#taken = [];
    return this.#visit;
  }

  /** One category, now and then two at once. */
  async #take(visit: Visit): Promise<Held[]> {
    const { random } = this.#options;
    const event = random.pick(STOCK);
    const chosen = random.chance(0.2) ? event.categories : [random.pick(event.categories)];
    const items = chosen.map(([categoryId]) => ({ categoryId, quantity: random.between(1, 3) }));
    return this.#lock(visit, { eventId: event.eventId, items, requestId: this.#next() });
  }

  async #lock(visit: Visit, wanted: Wanted): Promise<Held[]> {
    const { caller, random } = this.#options;
    const isAtHome = random.chance(0.7);
    const locked = await this.#insist((store, isFirst) => {
      const place = isFirst && isAtHome ? visit.owner : store;
      return caller.lock(place, wanted, { visit, isFirst });
    });
    if (!locked.ok) return [];
    this.#taken.push(...locked.value.map(({ lockId }) => lockId));
    return locked.value.map(({ lockId, eventId, categoryId, quantity }) => ({
      lockId,
      eventId,
      categoryId,
      quantity,
    }));
  }

  /** Something that leaves the lock active. */
  async #change(visit: Visit, held: Held): Promise<void> {
    const { caller, random } = this.#options;
    const { lockId, eventId, categoryId } = held;
    const requestId = this.#next();
    const turn = random.below(3);
    if (turn === 0) {
      await this.#insist((store) => caller.extend(store, lockId, requestId));
    } else if (turn === 1) {
      const items = [{ categoryId, quantity: 1 }];
      const [grown] = await this.#lock(visit, { eventId, items, requestId, onExisting: 'add' });
      if (grown?.lockId === lockId) held.quantity = grown.quantity;
      // The lock was over: this is another one.
      else if (grown !== undefined) this.#left.push(grown);
    } else if (held.quantity > 1) {
      const left = held.quantity - 1;
      const what = { visit, given: 1, left, requestId };
      const unlocked = await this.#insist((store) => caller.unlock(store, lockId, what));
      if (unlocked.ok) held.quantity = left;
    }
  }

  async #finish(visit: Visit, held: Held): Promise<void> {
    const { caller, random } = this.#options;
    const { lockId } = held;
    const turn = random.below(100);
    if (turn < 45) return this.#buy(held);
    if (turn < 60) return this.#race(visit, held);
    if (turn < 70) return this.#unlock(visit, lockId);
    if (turn < 77) {
      await this.#insist((store) => caller.release(store, [lockId], undefined));
      return undefined;
    }
    if (turn < 83) {
      this.#visit = undefined;
      this.#left.push(held);
      return caller.leave(visit, this.#taken);
    }
    return this.#linger(held);
  }

  async #buy({ lockId }: Held): Promise<void> {
    const { caller, random, policy } = this.#options;
    const orderId = this.#next();
    if (random.chance(0.3)) {
      const ttlMs = random.between(1, policy.paymentTtlMs);
      await this.#insist((store) => caller.beginPayment(store, { lockId, orderId, ttlMs }));
    }
    await this.#confirm([lockId], orderId);
  }

  /** All or none of them, and sometimes back again. */
  async #decideMany(held: readonly Held[]): Promise<void> {
    const { caller, random } = this.#options;
    const lockIds = held.map(({ lockId }) => lockId);
    if (random.chance(0.7)) return this.#confirm(lockIds, this.#next());
    await this.#insist((store) => caller.release(store, lockIds, undefined));
    return undefined;
  }

  /** A confirm; often the order fails afterwards, so that there is always something to buy. */
  async #confirm(lockIds: readonly string[], orderId: string): Promise<void> {
    const { caller, random } = this.#options;
    const confirm: Ask<unknown> = (store) => caller.confirm(store, lockIds, orderId);
    const confirmed = await this.#insist(confirm);
    if (!confirmed.ok) return this.#giveUp(lockIds);
    await pause(random.below(THINK_MS));
    if (random.chance(0.3)) await this.#insist(confirm);
    if (random.chance(0.3)) return undefined;
    await this.#insist((store) => caller.release(store, lockIds, orderId));
    if (random.chance(0.3)) await this.#insist(confirm);
    return undefined;
  }

  /** What could not be confirmed may still be locked. */
  async #giveUp(lockIds: readonly string[]): Promise<void> {
    const { caller } = this.#options;
    for (const lockId of lockIds)
      await this.#insist((store) => caller.release(store, [lockId], undefined));
  }

  /** Two who want different things of the lock at once, each until he knows. */
  async #race(visit: Visit, held: Held): Promise<void> {
    const { caller, random } = this.#options;
    const { lockId } = held;
    const orders = [this.#next(), this.#next()];
    const one = async () => {
      const orderId = random.pick(orders);
      await this.#insist((store) => caller.confirm(store, [lockId], orderId));
    };
    const other = random.chance(0.4) ? one : () => this.#unlock(visit, lockId);
    await Promise.all([one(), other()]);
    for (const orderId of orders)
      await this.#insist((store) => caller.release(store, [lockId], orderId));
    this.#left.push(held);
  }

  async #unlock(visit: Visit, lockId: string): Promise<void> {
    const { caller } = this.#options;
    const requestId = this.#next();
    await this.#insist((store) => caller.unlock(store, lockId, { visit, left: 0, requestId }));
  }

  /** Leaves the lock to its end, or pays for it when it may be over. */
  async #linger(held: Held): Promise<void> {
    const { random, policy } = this.#options;
    if (random.chance(0.5)) return void this.#left.push(held);
    await pause(random.below(Math.min(policy.ttlMs * 2, 600)));
    return this.#buy(held);
  }

  /**
   * Asks until the answer is known. Who hears that nothing was changed may give up, unless an
   * earlier answer left it open.
   */
  async #insist<Value>(ask: Ask<Value>): Promise<Outcome<Value>> {
    const { random, isTooLate, journal, name } = this.#options;
    let isOpen = false;
    for (let turn = 0; ; turn += 1) {
      const outcome = await ask(random.below(STORE_COUNT), turn === 0);
      if (outcome.ok) return outcome;
      const { code } = outcome.error;
      if (code === 'OUTCOME_UNKNOWN') isOpen = true;
      else if (code !== 'UNAVAILABLE') return outcome;
      else if (!isOpen && random.chance(0.2)) return outcome;
      if (isTooLate()) {
        journal.problems.push({ rule: 'stuck', detail: `${name} still hears ${code} in the end` });
        return outcome;
      }
      await pause(5 + random.below(RETRY_MS));
    }
  }

  #next(): string {
    this.#count += 1;
    return `${this.#options.name}.${this.#count}`;
  }
}
