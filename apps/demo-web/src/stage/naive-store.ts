import type { RushAnswer, RushBuyer, RushFigures, RushStore } from './rush-store.js';

interface NaiveStoreOptions {
  readonly capacity: number;
  readonly random: () => number;
}

interface NaiveRow {
  readonly free: number;
  readonly locked: number;
  readonly sold: number;
}

/** As long as a database on the next machine takes. */
const LATENCY_MS_MAX = 20;

/**
 * How one would write it first: read what is free, compare, write what is left. Wrong on purpose.
 *
 * Between the reading and the writing others read the same number, and all of them are right.
 */
export class NaiveStore implements RushStore {
  readonly #options: NaiveStoreOptions;
  #row: NaiveRow;
  #lockCount = 0;

  constructor(options: NaiveStoreOptions) {
    this.#options = options;
    this.#row = { free: options.capacity, locked: 0, sold: 0 };
  }

  get figures(): RushFigures {
    const { free, locked, sold } = this.#row;
    return { available: Math.max(0, free), locked: Math.max(0, locked), sold };
  }

  async open(): Promise<RushBuyer> {
    const quantities = new Map<string, number>();
    const letGo = async (): Promise<void> => {
      await Promise.all([...quantities.keys()].map((lockId) => giveBack(lockId)));
    };
    const giveBack = async (lockId: string): Promise<void> => {
      const quantity = quantities.get(lockId) ?? 0;
      quantities.delete(lockId);
      const row = await this.#read();
      await this.#write({ ...row, free: row.free + quantity, locked: row.locked - quantity });
    };
    return {
      lock: async (quantity) => {
        const answer = await this.#lock(quantity);
        if (answer.granted) quantities.set(answer.lockId, quantity);
        return answer;
      },
      buy: async (lockId) => {
        const quantity = quantities.get(lockId) ?? 0;
        quantities.delete(lockId);
        const row = await this.#read();
        await this.#write({ ...row, locked: row.locked - quantity, sold: row.sold + quantity });
        return true;
      },
      giveBack,
      drop: async (comesBack) => (comesBack ? undefined : letGo()),
      leave: () => void letGo(),
    };
  }

  close(): void {}

  async #lock(quantity: number): Promise<RushAnswer> {
    const row = await this.#read();
    if (row.free < quantity) return { granted: false, code: 'INSUFFICIENT_TICKETS' };
    await this.#write({ ...row, free: row.free - quantity, locked: row.locked + quantity });
    this.#lockCount += 1;
    return { granted: true, lockId: `naive-${this.#lockCount}`, quantity, endsAtMs: Infinity };
  }

  async #read(): Promise<NaiveRow> {
    const row = this.#row;
    await this.#latency();
    return row;
  }

  async #write(row: NaiveRow): Promise<void> {
    await this.#latency();
    this.#row = row;
  }

  #latency(): Promise<void> {
    return new Promise((resolve) => {
      setTimeout(resolve, this.#options.random() * LATENCY_MS_MAX);
    });
  }
}
