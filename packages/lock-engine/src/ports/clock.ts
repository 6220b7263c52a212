/**
 * The present instant in milliseconds since 1970. May be fractional. May go back: who depends on it
 * keeps the latest.
 */
export interface Clock {
  nowMs(): number;
}

/** Runs something later. Never throws; a callback that throws is the owner's bug. */
export interface Timers {
  /**
   * Calls back once, no sooner than `delayMs` milliseconds from now. Returns what takes the call
   * back.
   */
  after(delayMs: number, callback: () => void): () => void;
}

/** Makes ids. Unique, opaque and not to be guessed: at least 128 random bits each. Never throws. */
export interface IdSource {
  lockId(): string;
  sessionId(): string;
}

/**
 * A keyed hash of a text, for tokens that need no memory. Never throws. Leaves comparing in
 * constant time to the caller.
 */
export type Mac = (key: string, text: string) => string;
