import type { Id, LockChange, ReleaseReason } from '@ticket-locks/lock-engine';

/** A change as the demo's operator reads it. */
export interface ShownChange {
  /** Counts the changes of this process from 1. */
  readonly number: number;
  readonly type: LockChange['type'];
  /** ISO 8601. */
  readonly at: string;
  readonly eventId?: Id;
  readonly categoryId?: Id;
  readonly userId?: Id;
  readonly lockId?: string;
  readonly quantity?: number;
  readonly previousQuantity?: number;
  readonly orderId?: Id;
  readonly reason?: ReleaseReason;
  readonly late?: true;
}

const CHANGES_MAX = 200;
/** What the store keeps for itself, and nobody did. */
const SILENT = new Set<LockChange['type']>(['forgotten', 'inventory-set', 'request-remembered']);

/** The newest changes, at most 200 of them. */
export class DemoChanges {
  readonly #shown: ShownChange[] = [];
  #number = 0;

  onChange(change: LockChange): void {
    if (SILENT.has(change.type)) return;
    this.#number += 1;
    this.#shown.push(shownChange(this.#number, change));
    if (this.#shown.length > 2 * CHANGES_MAX) this.#shown.splice(0, CHANGES_MAX);
  }

  /** How many there were. */
  get count(): number {
    return this.#number;
  }

  /** Those with a higher number, the newest first. */
  after(number: number): readonly ShownChange[] {
    const newest = this.#shown.slice(-CHANGES_MAX);
    return newest.filter((change) => change.number > number).toReversed();
  }
}

function shownChange(number: number, { type, atMs, ...facts }: LockChange): ShownChange {
  const shown: Record<string, unknown> = { number, type, at: new Date(atMs).toISOString() };
  const names = ['eventId', 'categoryId', 'userId', 'lockId', 'quantity', 'orderId', 'reason'];
  for (const name of [...names, 'previousQuantity', 'late']) {
    const value = (facts as Record<string, unknown>)[name];
    if (value !== undefined) shown[name] = value;
  }
  return shown as unknown as ShownChange;
}
