import type { NoState } from './event-calls.js';

/** Which memory of Redis is in force, and what is done when it is lost. */
export interface StoreEpoch {
  /** The key of the resume tokens; after `open`. */
  readonly tokenKey: string;
  /** Joins or begins the epoch. Rejects when that is not possible. */
  open(): Promise<void>;
  /** What to do about an event that is not there as this instance knew it. */
  onNoState(tag: string, found: NoState): Promise<'again' | 'missing'>;
}
