import type { NoState } from './event-calls.js';

/** Which memory of Redis is in force, and what is done when it is lost. */
export interface StoreEpoch {
  /** The key of the resume tokens; after `open`. */
  readonly tokenKey: string;
  /** Joins or begins the epoch. Rejects when that is not possible. */
  open(): Promise<void>;
  /** Begins nothing any more. */
  stop(): void;
  /**
   * Looks whether the epoch is still in force, and goes on in another one if it is not. Rejects
   * when that cannot be told.
   */
  check(): Promise<void>;
  /** What to do about an event that is not there as this instance knew it. */
  onNoState(tag: string, found: NoState): Promise<'again' | 'missing'>;
}

/**
 * Whether an event has lost something that was there in this epoch. It may have been seen by this
 * instance, or be kept by a server process that did not write it.
 */
export function isLost({ epoch, seq, isHere, seenSeq }: NoState, known: number): boolean {
  if (epoch > known) return false;
  return epoch === known ? !isHere || seq < seenSeq : seenSeq > 0;
}
