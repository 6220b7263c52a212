// What the engine's work costs at the least: the same structures without its rules. No input is
// checked, no repeat is noticed, no limit is kept, nothing is reported, and a lock that ended is
// forgotten.
import type { Kernel, KernelOptions, Visitor } from './kernel.js';

interface Category {
  readonly capacity: number;
  locked: number;
  sold: number;
}

interface PlainLock {
  readonly category: Category;
  readonly visitor: Visitor;
  readonly quantity: number;
  readonly expiresAtMs: number;
}

/**
 * A `Map` of locks by id and counters. Nobody can list a user's locks, end a session's or find what
 * is due.
 */
export class PlainKernel implements Kernel {
  readonly #options: KernelOptions;
  readonly #categories: ReadonlyMap<number, Category>;
  readonly #locks = new Map<string, PlainLock>();

  constructor(options: KernelOptions) {
    this.#options = options;
    this.#categories = categoriesOf(options);
  }

  lock(visitor: Visitor, categoryId: number, quantity: number): string {
    const category = grantedCategory(this.#categories, categoryId, quantity);
    const lockId = this.#options.newLockId();
    const expiresAtMs = this.#options.clock.nowMs + this.#options.ttlMs;
    this.#locks.set(lockId, { category, visitor, quantity, expiresAtMs });
    category.locked += quantity;
    return lockId;
  }

  confirm(lockId: string): boolean {
    const lock = this.#take(lockId);
    if (lock !== undefined) lock.category.sold += lock.quantity;
    return lock !== undefined;
  }

  unlock(lockId: string): boolean {
    return this.#take(lockId) !== undefined;
  }

  expireDue(): number {
    return 0;
  }

  settle(): void {}

  #take(lockId: string): PlainLock | undefined {
    const lock = this.#locks.get(lockId);
    if (lock === undefined) return undefined;
    this.#locks.delete(lockId);
    lock.category.locked -= lock.quantity;
    return lock;
  }
}

/** The locks of one user or session, linked through themselves. */
class Owner<Key> {
  first: BareLock | undefined = undefined;
  constructor(readonly key: Key) {}
}

/** One lock of the bare kernel, with the links of its indexes. */
export class BareLock {
  /** In the order of the ends. */
  earlier: BareLock | undefined = undefined;
  later: BareLock | undefined = undefined;
  prevOfUser: BareLock | undefined = undefined;
  nextOfUser: BareLock | undefined = undefined;
  prevOfSession: BareLock | undefined = undefined;
  nextOfSession: BareLock | undefined = undefined;

  constructor(
    readonly lockId: string,
    readonly category: Category,
    readonly user: Owner<number>,
    readonly session: Owner<string>,
    readonly quantity: number,
    readonly expiresAtMs: number,
  ) {}
}

/**
 * The indexes that the engine has: locks by id, by user, by session, and in the order of their
 * ends.
 */
export class BareKernel implements Kernel {
  readonly #options: KernelOptions;
  readonly #categories: ReadonlyMap<number, Category>;
  readonly #users = new Map<number, Owner<number>>();
  readonly #sessions = new Map<string, Owner<string>>();
  readonly #locks = new Map<string, BareLock>();
  #first: BareLock | undefined = undefined;
  #last: BareLock | undefined = undefined;

  constructor(options: KernelOptions) {
    this.#options = options;
    this.#categories = categoriesOf(options);
  }

  lock(visitor: Visitor, categoryId: number, quantity: number): string {
    const category = grantedCategory(this.#categories, categoryId, quantity);
    const lock = new BareLock(
      this.newLockId(),
      category,
      ownerIn(this.#users, visitor.userId),
      ownerIn(this.#sessions, visitor.sessionId),
      quantity,
      this.#options.clock.nowMs + this.#options.ttlMs,
    );
    this.add(lock);
    this.#link(lock);
    category.locked += quantity;
    return lock.lockId;
  }

  confirm(lockId: string): boolean {
    const lock = this.find(lockId);
    if (lock === undefined) return false;
    this.#drop(lock);
    lock.category.sold += lock.quantity;
    return true;
  }

  unlock(lockId: string): boolean {
    const lock = this.find(lockId);
    if (lock === undefined) return false;
    this.#drop(lock);
    return true;
  }

  expireDue(limit: number): number {
    const { nowMs } = this.#options.clock;
    let count = 0;
    while (count < limit && this.#first !== undefined && this.#first.expiresAtMs <= nowMs) {
      this.#drop(this.#first);
      count += 1;
    }
    return count;
  }

  settle(): void {}

  protected newLockId(): string {
    return this.#options.newLockId();
  }

  protected find(lockId: string): BareLock | undefined {
    return this.#locks.get(lockId);
  }

  protected add(lock: BareLock): void {
    this.#locks.set(lock.lockId, lock);
  }

  protected remove(lock: BareLock): void {
    this.#locks.delete(lock.lockId);
  }

  #link(lock: BareLock): void {
    const { user, session } = lock;
    lock.nextOfUser = user.first;
    if (user.first !== undefined) user.first.prevOfUser = lock;
    user.first = lock;
    lock.nextOfSession = session.first;
    if (session.first !== undefined) session.first.prevOfSession = lock;
    session.first = lock;
    lock.earlier = this.#last;
    if (this.#last === undefined) this.#first = lock;
    else this.#last.later = lock;
    this.#last = lock;
  }

  #drop(lock: BareLock): void {
    const { user, session, earlier, later } = lock;
    if (earlier === undefined) this.#first = later;
    else earlier.later = later;
    if (later === undefined) this.#last = earlier;
    else later.earlier = earlier;
    if (lock.prevOfUser === undefined) user.first = lock.nextOfUser;
    else lock.prevOfUser.nextOfUser = lock.nextOfUser;
    if (lock.nextOfUser !== undefined) lock.nextOfUser.prevOfUser = lock.prevOfUser;
    if (lock.prevOfSession === undefined) session.first = lock.nextOfSession;
    else lock.prevOfSession.nextOfSession = lock.nextOfSession;
    if (lock.nextOfSession !== undefined) lock.nextOfSession.prevOfSession = lock.prevOfSession;
    if (user.first === undefined) this.#users.delete(user.key);
    if (session.first === undefined) this.#sessions.delete(session.key);
    this.remove(lock);
    lock.category.locked -= lock.quantity;
  }
}

function categoriesOf({ categoryIds, capacity }: KernelOptions): ReadonlyMap<number, Category> {
  return new Map(categoryIds.map((categoryId) => [categoryId, { capacity, locked: 0, sold: 0 }]));
}

function grantedCategory(
  categories: ReadonlyMap<number, Category>,
  categoryId: number,
  quantity: number,
): Category {
  const category = categories.get(categoryId);
  if (category === undefined || category.capacity - category.sold - category.locked < quantity) {
    throw new RangeError(`category ${categoryId} has no ${quantity} tickets`);
  }
  return category;
}

function ownerIn<Key>(owners: Map<Key, Owner<Key>>, key: Key): Owner<Key> {
  let owner = owners.get(key);
  if (owner === undefined) {
    owner = new Owner(key);
    owners.set(key, owner);
  }
  return owner;
}
