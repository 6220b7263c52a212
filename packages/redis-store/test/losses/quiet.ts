import { inspect } from 'node:util';

import type { DecisionRecord, Id, TicketLocks } from '@ticket-locks/lock-engine';
import { expect, vi } from 'vitest';

import { eventKey, eventTag } from '../../src/event-key.js';
import type { Caller } from './caller.js';
import type { LockStory, Problem, Verdict } from './journal.js';
import { placeOf } from './journal.js';
import { PROBE_EVENT, STOCK } from './world.js';
import type { World } from './world.js';

const EVENTS: readonly Id[] = [...STOCK.map(({ eventId }) => eventId), PROBE_EVENT];
/** A decision that nobody brings to an end is seen to within 10 s. */
const PATIENCE = { timeout: 15_000, interval: 25 };
const ASKED_MAX = 60;

/**
 * Waits until nothing is locked or pinned any more, and Redis counts what the ledger counts, with
 * every store.
 */
export async function quietProblems(world: World): Promise<Problem[]> {
  try {
    await vi.waitFor(() => assertQuiet(world), PATIENCE);
    return [];
  } catch (error) {
    const detail = error instanceof Error ? whatDiffers(error) : String(error);
    return [{ rule: 'quiet', detail }];
  }
}

/** The whole of what was found, which the message of an assertion cuts short. */
function whatDiffers(error: Error & { actual?: unknown; expected?: unknown }): string {
  return `${error.message}; found ${inspect(error.actual)}, not ${inspect(error.expected)}`;
}

async function assertQuiet(world: World): Promise<void> {
  const records = await world.witness.records();
  const { epoch } = await world.witness.look();
  const { admin } = world.inForce;
  expect(await admin.hget(eventKey('tl', '.meta'), 'epoch'), 'epoch in Redis').toBe(String(epoch));
  for (const [index, store] of world.stores.entries()) {
    for (const eventId of EVENTS) {
      const about = `event ${eventId}, store ${index}`;
      const shown = inspect(await shownBy(store, eventId), { sorted: true });
      expect(shown, about).toBe(inspect(expected(world, records, eventId), { sorted: true }));
      const unsettled = (await store.unsettledLocks(eventId)).map(({ lockId }) => lockId);
      const sold = soldIn(records, eventId).map(({ lockId }) => lockId);
      expect(unsettled.toSorted(), `unsettled, ${about}`).toEqual(sold.toSorted());
    }
    expect(await store.stats(), `store ${index}`).toMatchObject({ activeLocks: 0 });
  }
  for (const eventId of EVENTS) {
    const pins = await admin.zcard(`${eventKey('tl', eventTag(eventId))}:d`);
    expect(pins, `open decisions of event ${eventId}`).toBe(0);
    await assertCounted(world, records, eventId);
  }
}

/** Figures by category, or why there are none. */
async function shownBy(store: TicketLocks, eventId: Id) {
  const outcome = await store.availability(eventId);
  if (!outcome.ok) return outcome.error.code;
  return new Map(
    outcome.value.categories.map(({ categoryId, available, locked, confirmed }) => [
      categoryId,
      { available, locked, confirmed },
    ]),
  );
}

/** The ledger's own counts are the sums of its records. */
async function assertCounted(
  world: World,
  records: readonly DecisionRecord[],
  eventId: Id,
): Promise<void> {
  for (const { categoryId, confirmed } of await world.ledger.figures(eventId))
    expect(confirmed, `ledger, event ${eventId}`).toBe(soldOf(records, eventId, categoryId));
}

function expected(world: World, records: readonly DecisionRecord[], eventId: Id) {
  const event = STOCK.find((one) => one.eventId === eventId);
  const categoryIds = event?.categories.map(([categoryId]) => categoryId) ?? [1];
  return new Map(
    categoryIds.map((categoryId) => {
      const confirmed = soldOf(records, eventId, categoryId);
      const capacity = world.capacities.get(placeOf(eventId, categoryId)) ?? 0;
      return [categoryId, { available: capacity - confirmed, locked: 0, confirmed }];
    }),
  );
}

function soldIn(records: readonly DecisionRecord[], eventId: Id): DecisionRecord[] {
  return records.filter((record) => record.eventId === eventId && record.outcome === 'sold');
}

function soldOf(records: readonly DecisionRecord[], eventId: Id, categoryId: Id): number {
  return soldIn(records, eventId)
    .filter((record) => record.categoryId === categoryId)
    .reduce((sum, { quantity }) => sum + quantity, 0);
}

/** Asks once more about locks of earlier epochs that were never sold, the newest first. */
export async function verdictsOf(world: World, caller: Caller): Promise<Verdict[]> {
  const { epoch } = await world.witness.look();
  const records = new Map((await world.witness.records()).map((one) => [one.lockId, one]));
  const lost = [...world.journal.stories.values()].filter(({ lockId, ...story }) => {
    const outcome = records.get(lockId)?.outcome;
    return story.epoch < epoch && outcome !== 'sold' && outcome !== 'returned';
  });
  const asked = lost.reverse().slice(0, ASKED_MAX);
  return Promise.all(asked.map((story, index) => verdictOf(world, story, { caller, index })));
}

async function verdictOf(
  world: World,
  { lockId, userId }: LockStory,
  { caller, index }: { caller: Caller; index: number },
): Promise<Verdict> {
  const store = index % world.stores.length;
  const visit = { userId: String(userId), sessionId: '', owner: store };
  const unlocked = await caller.unlock(store, lockId, { visit, left: 0, requestId: `v${index}` });
  const confirmed = await caller.confirm(store, [lockId], `verdict-${index}`);
  const listed = (await world.stores[store]?.locksOfUser(userId)) ?? [];
  return {
    lockId,
    confirm: confirmed.ok ? 'ok' : confirmed.error.code,
    unlock: unlocked.ok ? 'ok' : unlocked.error.code,
    isListed: listed.some((one) => one.lockId === lockId),
  };
}

/** Asks once more about what is sold: the answer is "yes" again, for the same order. */
export async function repeatedSales(world: World, caller: Caller): Promise<void> {
  const sold = (await world.witness.records()).filter(({ outcome }) => outcome === 'sold');
  await Promise.all(
    sold.slice(-ASKED_MAX).map(async ({ lockId, orderId }, index) => {
      if (orderId === undefined) return;
      await caller.confirm(index % world.stores.length, [lockId], orderId);
    }),
  );
}
