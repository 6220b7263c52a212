/** Who locks: in a service, what hangs on the socket. */
export interface Visitor {
  readonly userId: number;
  readonly sessionId: string;
}

/** The only clock of a kernel; the workload moves it. */
export interface BenchmarkClock {
  nowMs: number;
}

export interface KernelOptions {
  readonly clock: BenchmarkClock;
  /**
   * Makes lock ids. Every kernel gets the same source, so that making an id costs them the same.
   */
  readonly newLockId: () => string;
  readonly categoryIds: readonly number[];
  readonly capacity: number;
  /** A lock's life. */
  readonly ttlMs: number;
}

/** What the workloads do with the engine and with the bare structures it is compared with. */
export interface Kernel {
  /** Returns the id of the new lock. */
  lock(visitor: Visitor, categoryId: number, quantity: number): string;
  confirm(lockId: string): boolean;
  unlock(lockId: string): boolean;
  /** Ends at most `limit` locks that are due; returns how many. */
  expireDue(limit: number): number;
  /** Lets go of a confirmed lock. A kernel that forgot it when it was confirmed does nothing. */
  settle(lockId: string): void;
}
