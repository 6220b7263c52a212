import { randomFillSync } from 'node:crypto';

import { BareKernel } from './bare-kernel.js';
import type { BareLock } from './bare-kernel.js';

/** 24 bits of a slot number, four characters, and 128 random bits. */
const SLOT_BYTES = 3;
const ID_BYTES = SLOT_BYTES + 16;
const SLOT_CHARACTERS = 4;
const POOL_IDS = 256;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const VALUE_OF = Array.from({ length: 128 }, (_, code) =>
  ALPHABET.indexOf(String.fromCharCode(code)),
);

/**
 * The bare kernel without a `Map` by id: an id begins with the number of the slot its lock is in,
 * so it is found without hashing, without an entry and without the pause of a growing table.
 * `docs/decisions/0001-engine-data-structures.md` weighs what that would save.
 */
export class SlotKernel extends BareKernel {
  readonly #locks: (BareLock | undefined)[] = [];
  readonly #freeSlots: number[] = [];
  readonly #pool = Buffer.alloc(POOL_IDS * ID_BYTES);
  #usedBytes = POOL_IDS * ID_BYTES;

  protected override newLockId(): string {
    if (this.#usedBytes === this.#pool.length) {
      randomFillSync(this.#pool);
      this.#usedBytes = 0;
    }
    const slot = this.#freeSlots.pop() ?? this.#locks.push(undefined) - 1;
    this.#pool.writeUIntBE(slot, this.#usedBytes, SLOT_BYTES);
    const start = this.#usedBytes;
    this.#usedBytes += ID_BYTES;
    return this.#pool.toString('base64url', start, start + ID_BYTES);
  }

  protected override find(lockId: string): BareLock | undefined {
    const lock = this.#locks[slotOf(lockId)];
    return lock?.lockId === lockId ? lock : undefined;
  }

  protected override add(lock: BareLock): void {
    this.#locks[slotOf(lock.lockId)] = lock;
  }

  protected override remove(lock: BareLock): void {
    const slot = slotOf(lock.lockId);
    this.#locks[slot] = undefined;
    this.#freeSlots.push(slot);
  }
}

function slotOf(lockId: string): number {
  let slot = 0;
  for (let index = 0; index < SLOT_CHARACTERS; index += 1) {
    slot = slot * 64 + (VALUE_OF[lockId.charCodeAt(index)] ?? 0);
  }
  return slot;
}
