import { LockEngine } from '@ticket-locks/lock-engine';
import type { CompletedOrder, LockError, SetInventoryCommand } from '@ticket-locks/lock-engine';

/** The commands whose input is checked before anything is asked of Redis. */
export type ShapedCommand =
  | 'lock'
  | 'lockMany'
  | 'unlock'
  | 'extend'
  | 'beginPayment'
  | 'confirm'
  | 'confirmMany'
  | 'release'
  | 'releaseMany'
  | 'cancelEvent'
  | 'settle'
  | 'requireRefund';

const NEVER = { clock: { nowMs: () => 0 }, ids: { lockId: () => '' } };

/**
 * The rules of what a command must look like, which are the engine's: an engine without events
 * refuses what is malformed by its field, and everything else because it knows nothing.
 */
export class CommandShape {
  readonly #engine = new LockEngine(NEVER);

  /** The refusal of a malformed command, or `undefined`. Afterwards its types are trusted. */
  refusalOf(name: ShapedCommand, command: unknown): LockError | undefined {
    const result = this.#engine[name](command as never);
    return !result.ok && result.error.code === 'INVALID_REQUEST' ? result.error : undefined;
  }
}

/** Figures with canonical ids. Without `soldElsewhere` what is known stays. */
interface ShapedFigures {
  readonly categoryId: number | string;
  readonly capacity: number;
  readonly soldElsewhere: number | undefined;
}

export interface ShapedInventory {
  readonly figures: readonly ShapedFigures[];
  readonly orders: readonly CompletedOrder[];
}

/** The parts of `setInventory` in canonical form, or the refusal of what is malformed. */
export function shapedInventory(command: SetInventoryCommand): ShapedInventory | LockError {
  const noted = new LockEngine(NEVER).setInventory(command);
  if (!noted.ok) return noted.error;
  const [change] = noted.changes;
  const canonical = change?.type === 'inventory-set' ? change.categories : [];
  const figures = canonical.map(({ categoryId, capacity, soldElsewhere }, index) => {
    const isGiven = command.categories?.[index]?.soldElsewhere !== undefined;
    return { categoryId, capacity, soldElsewhere: isGiven ? soldElsewhere : undefined };
  });
  return { figures, orders: noted.value.unmatched };
}
