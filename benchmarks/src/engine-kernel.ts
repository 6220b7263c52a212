import { LockEngine } from '@ticket-locks/lock-engine';

import type { Kernel, KernelOptions, Visitor } from './kernel.js';

const EVENT_ID = 1;
/**
 * Few, where the default is a million: a bare kernel forgets at once, and a measure should show
 * what the engine does, not how many ended locks have gathered meanwhile. Forgetting itself is part
 * of what is measured.
 */
const ENDED_LOCKS_MAX = 1000;

/** The engine as its users drive it: a command object in, a result read. */
export class EngineKernel implements Kernel {
  readonly #engine: LockEngine;

  constructor({ clock, newLockId, categoryIds, capacity, ttlMs }: KernelOptions) {
    this.#engine = new LockEngine({
      clock: { nowMs: () => clock.nowMs },
      ids: { lockId: newLockId },
      // No notices before an end: they would be a second change for every lock that expires.
      policy: { ttlMs, endedLocksMax: ENDED_LOCKS_MAX, expiringNoticeMs: 0 },
    });
    const categories = categoryIds.map((categoryId) => ({ categoryId, capacity }));
    this.#engine.setInventory({ eventId: EVENT_ID, categories });
  }

  lock({ userId, sessionId }: Visitor, categoryId: number, quantity: number): string {
    const command = { eventId: EVENT_ID, categoryId, quantity, userId, sessionId };
    const result = this.#engine.lock(command);
    if (!result.ok) throw new RangeError(`category ${categoryId}: ${result.error.code}`);
    return result.value.lockId;
  }

  confirm(lockId: string): boolean {
    return this.#engine.confirm({ lockId }).ok;
  }

  unlock(lockId: string): boolean {
    return this.#engine.unlock({ lockId }).ok;
  }

  expireDue(limit: number): number {
    const result = this.#engine.expireDue({ limit });
    return result.ok ? result.value.expiredCount : 0;
  }

  settle(lockId: string): void {
    this.#engine.settle({ lockId });
  }
}
