// What the events service says of an event, checked: nothing is taken over that cannot be true.
import { canonicalId } from '@ticket-locks/lock-engine';
import type { EventInventory, Id } from '@ticket-locks/lock-engine';
import { z } from 'zod';

export type CategoryAnswer =
  | { readonly ok: true; readonly inventory: EventInventory }
  | { readonly ok: false; readonly problem: string };

const CATEGORIES_MAX = 1000;
const TICKETS_MAX = 1_000_000_000;
/** A decimal column is sent as a text: "50" or "50.00". */
const COUNT_TEXT = /^\d{1,10}(?:\.0+)?$/;

const id = z.unknown().transform((input, context): Id => {
  const canonical = canonicalId(input);
  if (canonical !== undefined) return canonical;
  context.addIssue({ code: 'custom', message: 'is no id', input });
  return z.NEVER;
});
const count = z
  .unknown()
  .transform((input) =>
    typeof input === 'string' && COUNT_TEXT.test(input) ? Number(input) : input,
  )
  .pipe(z.int().min(0).max(TICKETS_MAX));
/** Databases say 1 and "true" too. Who says nothing means yes. */
const flag = z
  .union([z.boolean(), z.literal([0, 1, '0', '1', 'true', 'false'])])
  .nullish()
  .transform((input) => input !== false && input !== 0 && input !== '0' && input !== 'false');
const category = z.object({
  id,
  eventId: id.nullish().transform((eventId) => eventId ?? undefined),
  totalSeats: count,
  reservedSeats: count,
  isActive: flag,
});
const answer = z.array(category).max(CATEGORIES_MAX);

/**
 * Reads the list of an event's categories; other fields of theirs are nobody's business here.
 *
 * Of a category that is not active nothing more is sold: as many as are reserved are all there is.
 * Pure: reads no clock, performs no I/O.
 */
export function readCategoryAnswer(data: unknown, eventId: Id): CategoryAnswer {
  const read = answer.safeParse(data);
  if (!read.success) return { ok: false, problem: problemOf(read.error.issues[0]) };
  const seen = new Set<Id>();
  const categories: EventInventory['categories'][number][] = [];
  for (const line of read.data) {
    if (seen.has(line.id)) return { ok: false, problem: `category ${line.id} is there twice` };
    seen.add(line.id);
    const isForeign = line.eventId !== undefined && line.eventId !== eventId;
    if (isForeign) return { ok: false, problem: `category ${line.id} is of another event` };
    const { totalSeats, reservedSeats, isActive } = line;
    const capacity = isActive ? totalSeats : Math.min(totalSeats, reservedSeats);
    categories.push({ categoryId: line.id, capacity, soldElsewhere: reservedSeats });
  }
  return { ok: true, inventory: { categories } };
}

function problemOf(issue: z.core.$ZodIssue | undefined): string {
  const place = issue?.path.map(String).join('.') ?? '';
  return `${place || 'the answer'}: ${issue?.message ?? 'malformed'}`;
}
