import type { Id } from '@ticket-locks/socket-adapter/protocol';

import { askOrders, fetchToken, newOrderId } from '../demo-api.js';
import { LockClient } from '../lock-client.js';
import type { LockClientState } from '../lock-client.js';
import type { RushAnswer, RushBuyer, RushFigures, RushStore } from './rush-store.js';

interface RealStoreOptions {
  readonly eventId: Id;
  readonly categoryId: Id;
  /** The category as somebody sees it who watches the event. */
  readonly figures: () => RushFigures | undefined;
}

/** How long somebody waits at the door, and for his line to come back. */
const PATIENCE_MS = 20_000;

/** The service: each buyer has a socket, a token and a session of his own. */
export class RealStore implements RushStore {
  readonly #options: RealStoreOptions;
  readonly #buyers = new Set<RealBuyer>();

  constructor(options: RealStoreOptions) {
    this.#options = options;
  }

  get figures(): RushFigures | undefined {
    return this.#options.figures();
  }

  async open(name: string): Promise<RushBuyer | undefined> {
    const { eventId, categoryId } = this.#options;
    const buyer = new RealBuyer({ name, eventId, categoryId });
    this.#buyers.add(buyer);
    if (await buyer.comeIn()) return buyer;
    buyer.leave();
    return undefined;
  }

  close(): void {
    for (const buyer of this.#buyers) buyer.leave();
    this.#buyers.clear();
  }
}

interface RealBuyerOptions {
  readonly name: string;
  readonly eventId: Id;
  readonly categoryId: Id;
}

class RealBuyer implements RushBuyer {
  readonly #categoryId: Id;
  readonly #client: LockClient;
  #waiting: ((state: LockClientState) => void) | undefined;

  constructor({ name, eventId, categoryId }: RealBuyerOptions) {
    this.#categoryId = categoryId;
    const storage = new Map<string, string>();
    this.#client = new LockClient({
      eventId,
      getToken: () => fetchToken(name),
      storage: {
        getItem: (key) => storage.get(key) ?? null,
        setItem: (key, value) => void storage.set(key, value),
      },
      storageKey: 'session',
      watchesAvailability: false,
      onChange: (state) => this.#waiting?.(state),
    });
  }

  async comeIn(): Promise<boolean> {
    const settled = this.#until(({ connection }) => ['online', 'refused'].includes(connection));
    this.#client.connect();
    await settled;
    return this.#client.state.connection === 'online';
  }

  async lock(quantity: number): Promise<RushAnswer> {
    const sentAtMs = performance.now();
    const answer = await this.#client.lock(this.#categoryId, quantity);
    if (!answer.success) return { granted: false, code: answer.code };
    const { lockId, expiresInMs } = answer;
    // Counted from the sending, it ends no later than it does at the service.
    return { granted: true, lockId, quantity: answer.quantity, endsAtMs: sentAtMs + expiresInMs };
  }

  async buy(lockId: string): Promise<boolean> {
    const order = { orderId: newOrderId(), lockIds: [lockId] };
    const begun = await askOrders('begin-payment', order);
    if (!begun.success) return false;
    return (await askOrders('confirm', order)).success;
  }

  async giveBack(lockId: string): Promise<void> {
    await this.#client.unlock(lockId);
  }

  async drop(comesBack: boolean): Promise<void> {
    const back = this.#until(({ connection }) => connection === 'online');
    this.#client.interrupt({ comesBack });
    if (comesBack) await back;
  }

  leave(): void {
    this.#client.close();
  }

  /** Resolves with the state that is waited for, or when patience ends. */
  #until(isReached: (state: LockClientState) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, PATIENCE_MS);
      this.#waiting = (state) => {
        if (!isReached(state)) return;
        clearTimeout(timer);
        this.#waiting = undefined;
        resolve();
      };
    });
  }
}
