/**
 * Faults of whole services that an engine cannot have, but that lie in wait wherever one is wired
 * up.
 */
export const SERVICE_FAULTS = [
  'awaits between check and write',
  'believes the user id of the query',
  'acknowledges a message before it is handled',
  'writes back what it read before an await',
] as const;

export type ServiceFault = (typeof SERVICE_FAULTS)[number];

/** Lets others go first: resolves whenever the scheduler of the test says so. */
export type Pause = (label: string) => Promise<unknown>;

export interface Connection {
  /** The subject of the verified token. */
  readonly tokenUserId: string;
  /** What the client claims in the query. */
  readonly queryUserId: string;
}

/**
 * The smallest service of its kind: counts locks, listens to a queue, and reserves at the source of
 * truth, each with an `await` in the middle as real ones have. Without a fault it is right; with
 * one it fails as such services did.
 */
export class NaiveService {
  readonly owners: string[] = [];
  readonly handled: number[] = [];
  readonly queue: number[];
  reserved = 0;
  readonly #capacity: number;
  readonly #fault: ServiceFault | undefined;
  readonly #pause: Pause;

  constructor(options: {
    readonly capacity: number;
    readonly messages: readonly number[];
    readonly fault: ServiceFault | undefined;
    readonly pause: Pause;
  }) {
    this.#capacity = options.capacity;
    this.queue = [...options.messages];
    this.#fault = options.fault;
    this.#pause = options.pause;
  }

  async lock(connection: Connection): Promise<boolean> {
    const late = this.#fault === 'awaits between check and write';
    if (!late) await this.#pause('source');
    const isFree = this.owners.length < this.#capacity;
    if (late) await this.#pause('source');
    if (!isFree) return false;
    const isTrusting = this.#fault === 'believes the user id of the query';
    this.owners.push(isTrusting ? connection.queryUserId : connection.tokenUserId);
    return true;
  }

  /**
   * Handles the first message; `crash` ends the process after the work began and before it is done.
   */
  async consume(crash: boolean): Promise<void> {
    const [message] = this.queue;
    if (message === undefined) return;
    const early = this.#fault === 'acknowledges a message before it is handled';
    if (early) this.queue.shift();
    await this.#pause('handler');
    if (crash) return;
    this.handled.push(message);
    if (!early) this.queue.splice(this.queue.indexOf(message), 1);
  }

  async reserve(): Promise<boolean> {
    if (this.reserved >= this.#capacity) return false;
    if (this.#fault !== 'writes back what it read before an await') {
      this.reserved += 1;
      await this.#pause('write');
      return true;
    }
    const read = this.reserved;
    await this.#pause('write');
    this.reserved = read + 1;
    return true;
  }
}
