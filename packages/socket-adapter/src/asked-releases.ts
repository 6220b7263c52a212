import type { Id } from '@ticket-locks/lock-engine';

/** How a client names the lock that it gives back. */
export type LockName =
  | { readonly lockId: string }
  | { readonly eventId: Id; readonly categoryId: Id };

/**
 * Most names that wait for their news: beyond it a client hears once more of what it did itself.
 */
const ASKED_MAX = 64;

/** The locks whose release a socket asked for itself: the answer tells it, so the news need not. */
export class AskedReleases {
  readonly #asked = new Set<string>();

  /** Called before the store is asked: the news may come before the answer. */
  ask(name: LockName): void {
    if (this.#asked.size >= ASKED_MAX) this.#asked.clear();
    this.#asked.add(keyOf(name));
  }

  /**
   * The answer is there. `lockId` is given when the lock is gone: its news may still come, from
   * afar.
   */
  answered(name: LockName, lockId: string | undefined): void {
    const key = keyOf(name);
    const isWaiting = this.#asked.delete(key);
    if (isWaiting && lockId !== undefined) this.#asked.add(lockId);
  }

  /** Whether the news is about a release that was asked for; each is asked for once. */
  take(lock: { readonly lockId: string; readonly eventId: Id; readonly categoryId: Id }): boolean {
    return (
      this.#asked.delete(lock.lockId) || this.#asked.delete(keyOf({ ...lock, lockId: undefined }))
    );
  }
}

function keyOf(name: LockName | { lockId: undefined; eventId: Id; categoryId: Id }): string {
  if ('lockId' in name && name.lockId !== undefined) return name.lockId;
  const { eventId, categoryId } = name as { eventId: Id; categoryId: Id };
  return JSON.stringify([eventId, categoryId]);
}
