import { canonicalId } from '@ticket-locks/lock-engine';
import type { EventInventory, Id, InventorySource } from '@ticket-locks/lock-engine';
import { z } from 'zod';

/** An event as a file describes it. */
export interface DescribedEvent {
  readonly eventId: Id;
  readonly name: string;
  readonly categories: readonly {
    readonly categoryId: Id;
    readonly name: string;
    readonly capacity: number;
  }[];
}

export type InventoryResult =
  | { readonly ok: true; readonly inventory: FixedInventory }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Events that do not change while the service runs. */
export class FixedInventory implements InventorySource {
  readonly events: readonly DescribedEvent[];
  readonly #byId: ReadonlyMap<Id, EventInventory>;

  constructor(events: readonly DescribedEvent[]) {
    this.events = events;
    this.#byId = new Map(events.map((event) => [event.eventId, event]));
  }

  async load(eventId: Id): Promise<EventInventory | undefined> {
    return this.#byId.get(eventId);
  }
}

const id = z.unknown().transform((input, context): Id => {
  const canonical = canonicalId(input);
  if (canonical !== undefined) return canonical;
  const message = 'must be a non-negative integer or a string of 1 to 64 characters';
  context.addIssue({ code: 'custom', message, input });
  return z.NEVER;
});
const CAPACITY = 'must be an integer of 0 or more';
const category = z.object(
  {
    categoryId: id,
    name: z.string('must be a text').default(''),
    capacity: z.int(CAPACITY).min(0, CAPACITY),
  },
  'must be an object with categoryId and capacity',
);
const event = z.object(
  {
    eventId: id,
    name: z.string('must be a text').default(''),
    categories: z.array(category, 'must be a list').min(1, 'must have at least one category'),
  },
  'must be an object with eventId and categories',
);
const file = z.object(
  { events: z.array(event, 'must be a list') },
  'must be an object with the list "events"',
);

/** Reads the text of an inventory file; every problem is told with its place in the file. */
export function readInventory(text: string): InventoryResult {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return { ok: false, problems: [`it is not JSON: ${(error as Error).message}`] };
  }
  const read = file.safeParse(json, { reportInput: true });
  if (!read.success) return { ok: false, problems: read.error.issues.map(problemOf) };
  const problems = [...duplicates(read.data.events)];
  if (problems.length > 0) return { ok: false, problems };
  return { ok: true, inventory: new FixedInventory(read.data.events) };
}

function problemOf({ path, message, input }: z.core.$ZodIssue): string {
  const place = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`));
  const given = input === undefined ? 'nothing' : JSON.stringify(input)?.slice(0, 80);
  return `${place.join('').slice(1) || 'the file'} ${message}, got ${given}`;
}

function* duplicates(events: readonly DescribedEvent[]): Generator<string> {
  const eventIds = new Set<Id>();
  for (const [index, { eventId, categories }] of events.entries()) {
    if (eventIds.has(eventId)) yield `events[${index}].eventId ${eventId} is there twice`;
    eventIds.add(eventId);
    const categoryIds = new Set<Id>();
    for (const [line, { categoryId }] of categories.entries()) {
      const place = `events[${index}].categories[${line}].categoryId`;
      if (categoryIds.has(categoryId)) yield `${place} ${categoryId} is there twice`;
      categoryIds.add(categoryId);
    }
  }
}
