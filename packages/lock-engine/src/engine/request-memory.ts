import type { CommandValue } from './command.js';
import type { Id } from './id.js';
import { invariant } from './invariant.js';

/** An outcome that changed something, kept so that the same request gets the same answer. */
export interface RememberedRequest {
  readonly eventId: Id;
  readonly scope: string;
  readonly requestId: string;
  readonly content: string;
  readonly answer: CommandValue;
  readonly atMs: number;
}

/** Requests by scope, event and id, oldest first. */
export class RequestMemory {
  readonly #byKey = new Map<string, RememberedRequest>();
  /**
   * One iterator for the whole life: asking a Map anew for its first entry walks over all deleted
   * ones.
   */
  readonly #oldestFirst = this.#byKey.values();

  get size(): number {
    return this.#byKey.size;
  }

  find(scope: string, eventId: Id, requestId: string): RememberedRequest | undefined {
    return this.#byKey.get(keyOf(scope, eventId, requestId));
  }

  remember(request: RememberedRequest): void {
    this.#byKey.set(keyOf(request.scope, request.eventId, request.requestId), request);
  }

  /** Of a part of the memory, as a ledger folds it, the oldest may not be here. */
  forgetOldest(): void {
    if (this.size === 0) return;
    const oldest = this.#oldestFirst.next().value;
    invariant(oldest !== undefined, 'what was remembered is visited once');
    const { scope, eventId, requestId } = oldest;
    this.#byKey.delete(keyOf(scope, eventId, requestId));
  }

  values(): IterableIterator<RememberedRequest> {
    return this.#byKey.values();
  }
}

function keyOf(scope: string, eventId: Id, requestId: string): string {
  return JSON.stringify([eventId, scope, requestId]);
}
