/**
 * The other instances of the same service.
 *
 * Messages are JSON, reach every other instance that is there in the order of their sender, and may
 * be lost: what hangs on them is convenience and limits, never a lock.
 */
export interface Peers {
  tell(message: object): void;
  /** Calls back with whatever an instance told, and a name of it that no other one has. */
  onMessage(listener: (from: string, message: unknown) => void): void;
}
