import type { Id } from '../../engine/id.js';
import type { RecordedOperation } from './history.js';
import { SequentialEvent } from './sequential-event.js';

export interface LinearizabilityOptions {
  readonly categories: readonly { readonly categoryId: Id; readonly capacity: number }[];
  readonly history: readonly RecordedOperation[];
  /** Default 1,000,000. States to look at before giving up. */
  readonly stateMax?: number;
}

/**
 * Whether one order explains a history. `false` says how many operations could be explained, and
 * which ones could not come next.
 */
export type Linearizability =
  | { readonly ok: true }
  | { readonly ok: false; readonly explained: number; readonly stuckAt: readonly string[] };

/**
 * Looks for an order of the operations in which a single client at a time would have got the same
 * answers, and in which every operation that returned before another was called comes before it.
 *
 * After Wing and Gong, "Testing and verifying concurrent objects" (1993), with Lowe's memory of
 * states seen (2017). Throws `RangeError` when there are more states than `stateMax`.
 */
export function checkLinearizable({
  categories,
  history,
  stateMax = 1_000_000,
}: LinearizabilityOptions): Linearizability {
  return new Search(categories, history, stateMax).run();
}

/** An operation that was put into the order, and how to take it out again. */
interface Placed {
  readonly client: number;
  readonly undo: () => void;
  /** Clients whose next operation was not tried after the same beginning. */
  readonly untried: number[];
}

class Search {
  readonly #event: SequentialEvent;
  readonly #stateMax: number;
  /** The operations of each client, in their order. */
  readonly #clients: RecordedOperation[][] = [];
  /** How many of each client are in the order. */
  readonly #placedOf: number[] = [];
  readonly #seen = new Set<string>();
  readonly #returnedCount: number;
  #explained = 0;
  #stuckAt: string[] = [];

  constructor(
    categories: LinearizabilityOptions['categories'],
    history: readonly RecordedOperation[],
    stateMax: number,
  ) {
    this.#event = new SequentialEvent(categories);
    this.#stateMax = stateMax;
    const ofClient = new Map<number, RecordedOperation[]>();
    for (const operation of history.toSorted((a, b) => a.calledAt - b.calledAt)) {
      // What nobody waits for any more may happen after all that its client did later.
      if (operation.returnedAt === Infinity) this.#clients.push([operation]);
      else ofClient.set(operation.client, [...(ofClient.get(operation.client) ?? []), operation]);
    }
    this.#clients.push(...ofClient.values());
    this.#placedOf = this.#clients.map(() => 0);
    this.#returnedCount = history.filter(({ returnedAt }) => returnedAt < Infinity).length;
  }

  run(): Linearizability {
    const order: Placed[] = [];
    let returned = 0;
    let untried = this.#candidates();
    while (returned < this.#returnedCount) {
      const client = untried.pop();
      if (client === undefined) {
        this.#note(returned);
        const last = order.pop();
        if (last === undefined) {
          return { ok: false, explained: this.#explained, stuckAt: this.#stuckAt };
        }
        last.undo();
        this.#step(last.client, -1);
        if (this.#nextOf(last.client).returnedAt < Infinity) returned -= 1;
        untried = last.untried;
        continue;
      }
      const operation = this.#nextOf(client);
      const undo = this.#place(operation);
      if (undo === undefined) continue;
      this.#step(client, 1);
      if (this.#isSeen()) {
        this.#step(client, -1);
        undo();
        continue;
      }
      order.push({ client, undo, untried });
      if (operation.returnedAt < Infinity) returned += 1;
      untried = this.#candidates();
    }
    return { ok: true };
  }

  /** Carries the operation out; nothing is changed when its answer would have been another. */
  #place({ operation, answer }: RecordedOperation): (() => void) | undefined {
    const lockId = /^granted (\S+), /.exec(answer ?? '')?.[1];
    const applied = this.#event.apply(operation, lockId);
    // Nothing was done, and nothing is said of the event.
    if (answer === 'UNAVAILABLE') {
      applied.undo();
      return () => undefined;
    }
    if (answer === undefined || answer === applied.answer) return applied.undo;
    applied.undo();
    return undefined;
  }

  /** Clients whose next operation was called before any other returned. */
  #candidates(): number[] {
    const next = this.#clients.map((operations, client) => operations[this.#placed(client)]);
    const firstReturn = Math.min(...next.map((operation) => operation?.returnedAt ?? Infinity));
    const clients: number[] = [];
    for (const [client, operation] of next.entries()) {
      if (operation !== undefined && operation.calledAt < firstReturn) clients.push(client);
    }
    // The one that returned first is tried first: it is at the end.
    const returnOf = (client: number) => next[client]?.returnedAt ?? Infinity;
    return clients.toSorted((a, b) => returnOf(b) - returnOf(a));
  }

  #isSeen(): boolean {
    const state = `${this.#placedOf.join()}|${this.#event.digest()}`;
    if (this.#seen.has(state)) return true;
    if (this.#seen.size >= this.#stateMax) {
      throw new RangeError(`more than ${this.#stateMax} states to look at`);
    }
    this.#seen.add(state);
    return false;
  }

  /** Remembers where the longest explanation ended. */
  #note(returned: number): void {
    if (returned < this.#explained) return;
    this.#explained = returned;
    this.#stuckAt = this.#candidates().map((client) => {
      const { operation, answer } = this.#nextOf(client);
      return `${JSON.stringify(operation)} answered ${answer ?? 'nothing'}`;
    });
  }

  #nextOf(client: number): RecordedOperation {
    const operation = this.#clients[client]?.[this.#placed(client)];
    if (operation === undefined) throw new RangeError(`client ${client} has no operation left`);
    return operation;
  }

  #placed(client: number): number {
    return this.#placedOf[client] ?? 0;
  }

  #step(client: number, difference: 1 | -1): void {
    this.#placedOf[client] = this.#placed(client) + difference;
  }
}
