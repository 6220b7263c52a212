import { canonicalId } from '../engine/id.js';
import type { CategoryAvailability } from '../engine/ticket-lock.js';
import type { EventInventory } from '../ports/inventory-source.js';

type Figures = EventInventory['categories'][number];

/**
 * What the source says, and that nothing more is sold of the categories which it does not list any
 * more. Pure: reads no clock, performs no I/O.
 */
export function withUnlisted(
  { categories }: EventInventory,
  known: readonly CategoryAvailability[],
): EventInventory {
  const listed = new Set(categories.map(({ categoryId }) => canonicalId(categoryId)));
  const unlisted = known.filter(({ categoryId }) => !listed.has(categoryId));
  return { categories: [...categories, ...unlisted.map(offSale)] };
}

/** Nothing more is sold of an event: its source does not know it any more. */
export function closed(known: readonly CategoryAvailability[]): EventInventory {
  return { categories: known.map(offSale) };
}

/**
 * Whether figures say what is known already, and no confirmed lock waits for a newer answer: then
 * there is nothing to record.
 */
export function isSettledAs(
  { categories }: EventInventory,
  known: readonly CategoryAvailability[] | undefined,
): boolean {
  if (known?.length !== categories.length) return false;
  const byId = new Map(known.map((category) => [category.categoryId, category]));
  return categories.every(({ categoryId, capacity, soldElsewhere }) => {
    const before = byId.get(canonicalId(categoryId) ?? '');
    if (before === undefined || before.confirmed > 0 || before.capacity !== capacity) return false;
    return before.soldElsewhere === (soldElsewhere ?? before.soldElsewhere);
  });
}

/** As many as are sold are all there is: active locks are honoured, and no new one is given. */
function offSale({ categoryId, capacity, soldElsewhere }: CategoryAvailability): Figures {
  return { categoryId, capacity: Math.min(capacity, soldElsewhere), soldElsewhere };
}
