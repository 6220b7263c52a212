import type { InventoryFigures } from '@ticket-locks/lock-engine';

import type { FunctionCall } from './function-call.js';
import { textOf } from './wire-text.js';

/** Tells Redis what is settled in the ledger, with the figures that count it. */
export function settledCall(
  { fetchedAtMs, categories }: Omit<InventoryFigures, 'eventId'>,
  lockIds: readonly string[],
): FunctionCall {
  const fields = categories.flatMap(({ categoryId, capacity, soldElsewhere }) => [
    textOf(categoryId),
    capacity,
    soldElsewhere,
  ]);
  const args = [String(fetchedAtMs), categories.length, ...fields, ...lockIds];
  return { name: 'markSettled', args };
}
