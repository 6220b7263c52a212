import type { CommandValue } from './command.js';
import type { Id } from './id.js';

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
  #oldest: RememberedRequest | undefined = undefined;

  get size(): number {
    return this.#byKey.size;
  }

  find(scope: string, eventId: Id, requestId: string): RememberedRequest | undefined {
    return this.#byKey.get(keyOf(scope, eventId, requestId));
  }

  remember(request: RememberedRequest): void {
    this.#byKey.set(keyOf(request.scope, request.eventId, request.requestId), request);
  }

  /** The oldest request, or `undefined` when there is none. */
  peekOldest(): RememberedRequest | undefined {
    if (this.#oldest === undefined && this.size > 0) this.#oldest = this.#oldestFirst.next().value;
    return this.#oldest;
  }

  forgetOldest(): void {
    const oldest = this.peekOldest();
    if (oldest === undefined) return;
    this.#byKey.delete(keyOf(oldest.scope, oldest.eventId, oldest.requestId));
    this.#oldest = undefined;
  }

  values(): IterableIterator<RememberedRequest> {
    return this.#byKey.values();
  }
}

function keyOf(scope: string, eventId: Id, requestId: string): string {
  return JSON.stringify([eventId, scope, requestId]);
}
