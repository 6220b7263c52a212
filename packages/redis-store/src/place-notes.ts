import type { RedisLink } from './redis-link.js';

/** Where a session is about to have locks. Event and user as in `textOf`. */
export interface PlaceNote {
  readonly sessionId: string;
  /** Whether the session has a socket on this instance. */
  readonly isHere: boolean;
  readonly event: string;
  readonly user: string;
}

export interface PlaceNotesOptions {
  readonly link: RedisLink;
  readonly key: string;
  /** Names this instance among the others. */
  readonly instance: string;
  /** The longest that a lock can last. */
  readonly horizonMs: number;
}

interface Waiting {
  readonly note: PlaceNote;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Notes in one call. */
const TOGETHER_MAX = 64;

/** Notes in Redis where sessions are about to have locks: those of one moment in one call. */
export class PlaceNotes {
  readonly #options: PlaceNotesOptions;
  #waiting: Waiting[] = [];

  constructor(options: PlaceNotesOptions) {
    this.#options = options;
  }

  /** Rejects with `RedisError`. */
  add(note: PlaceNote): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ note, resolve, reject });
      if (this.#waiting.length === TOGETHER_MAX) this.send();
      else if (this.#waiting.length === 1) void this.#sendSoon();
    });
  }

  /** Sends what waits at once, so that it is there before whatever is asked next. */
  send(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    if (waiting.length > 0) void this.#sendTogether(waiting);
  }

  async #sendSoon(): Promise<void> {
    await Promise.resolve();
    this.send();
  }

  async #sendTogether(waiting: readonly Waiting[]): Promise<void> {
    const { link, key, instance, horizonMs } = this.#options;
    const args = waiting.flatMap(({ note: { sessionId, isHere, event, user } }) => [
      sessionId,
      isHere ? 1 : 0,
      event,
      user,
    ]);
    try {
      await link.call('notePlaces', key, [instance, horizonMs, ...args]);
      for (const { resolve } of waiting) resolve();
    } catch (error) {
      for (const { reject } of waiting) reject(error);
    }
  }
}
