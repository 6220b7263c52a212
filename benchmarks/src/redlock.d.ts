/** The part of redlock that is measured; the package has no types of its own. */
declare module 'redlock' {
  import type { Redis } from 'ioredis';

  class Redlock {
    /** `retryCount` -1 tries for ever. */
    constructor(clients: readonly Redis[], options: { readonly retryCount: number });
    /** Resolves when the resource is locked, for `ttlMs` at most. */
    lock(resource: string, ttlMs: number): Promise<{ unlock(): Promise<void> }>;
  }

  export = Redlock;
}
