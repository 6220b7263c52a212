// What many clients are answered at once by several instances could have been answered to one after
// the other.
import { SeededRandom } from '@ticket-locks/lock-engine/testing';
import { afterEach, expect, test } from 'vitest';

import { Branches, codeOf, valueOf } from './branches.js';
import type { Branch } from './branches.js';
import { isLinearizable } from './linearizability.js';
import type { Answer, Event, Operation } from './linearizability.js';

const HISTORY_COUNT = Number(process.env['LINEARIZABILITY_HISTORIES'] ?? 100);
const SEED = Number(process.env['SEED'] ?? 1);
const CLIENTS = 8;
const OPERATIONS = 120;
const USERS = 5;
const CAPACITY = 6;

let open: Branches[] = [];

afterEach(async () => {
  await Promise.all(open.map((branches) => branches.close()));
  open = [];
});

async function openBranches(count: number): Promise<Branch[]> {
  const source = { load: async () => ({ categories: [{ categoryId: 2, capacity: CAPACITY }] }) };
  const branches = new Branches({ source, policy: { ttlMs: 3_600_000 } });
  open.push(branches);
  return branches.open(count);
}

/** Asks in the category of one event, by the user and without lock ids, as anybody may. */
async function ask({ locks }: Branch, eventId: number, operation: Operation): Promise<Answer> {
  if (operation.kind === 'available') {
    const { categories } = valueOf(await locks.availability(eventId));
    return categories[0]?.available ?? NaN;
  }
  const { user: userId } = operation;
  const place = { eventId, categoryId: 2, userId };
  if (operation.kind === 'lock') {
    const { quantity } = operation;
    return codeOf(await locks.lock({ ...place, quantity, sessionId: `session ${userId}` }));
  }
  return codeOf(await locks.unlock(place));
}

function draw(random: SeededRandom): Operation {
  const user = random.below(USERS);
  if (random.chance(0.25)) return { kind: 'available' };
  if (random.chance(0.55)) return { kind: 'lock', user, quantity: random.between(1, 3) };
  return { kind: 'unlock', user };
}

async function play(
  instances: readonly Branch[],
  eventId: number,
  { seed, clients, operations }: { seed: number; clients: number; operations: number },
): Promise<Event[]> {
  const events: Event[] = [];
  let moment = 0;
  // The event is there from the first question on.
  for (const { locks } of instances) valueOf(await locks.availability(eventId));
  const client = async (index: number) => {
    const random = new SeededRandom(seed * 1_000 + index);
    const instance = instances[index % instances.length] as Branch;
    for (let count = 0; count < operations; count += 1) {
      const operation = draw(random);
      const askedAt = (moment += 1);
      const answer = await ask(instance, eventId, operation);
      events.push({ client: index, askedAt, answeredAt: (moment += 1), operation, answer });
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, index) => client(index)));
  return events;
}

test(`${HISTORY_COUNT} histories of ${CLIENTS} clients`, { timeout: 0 }, async () => {
  const instances = await openBranches(3);
  for (let seed = SEED; seed < SEED + HISTORY_COUNT; seed += 1) {
    const size = { seed, clients: CLIENTS, operations: OPERATIONS };
    const events = await play(instances, seed, size);
    expect(events).toHaveLength(CLIENTS * OPERATIONS);
    expect(isLinearizable(events, CAPACITY, USERS), `seed ${seed}`).toBe(true);
  }
});

test('one answer that is another is found, wherever it is', async () => {
  const instances = await openBranches(1);
  const events = await play(instances, 1, { seed: SEED, clients: 1, operations: OPERATIONS });
  expect(isLinearizable(events, CAPACITY, USERS)).toBe(true);
  const missed = events.filter((event, index) => {
    const flipped = events.with(index, { ...event, answer: flip(event.answer) });
    return isLinearizable(flipped, CAPACITY, USERS);
  });
  expect(missed).toEqual([]);
});

test('an order that nobody could have seen is found', () => {
  const event = (client: number, askedAt: number, operation: Operation, answer: Answer): Event => ({
    client,
    askedAt,
    answeredAt: askedAt + 3,
    operation,
    answer,
  });
  const lock = (user: number): Operation => ({ kind: 'lock', user, quantity: 1 });
  // Both at once get the only ticket; or it is seen to be free again after it was seen to be gone.
  expect(isLinearizable([event(0, 1, lock(0), 'ok'), event(1, 2, lock(1), 'ok')], 1, 2)).toBe(
    false,
  );
  const seen = [
    event(0, 1, lock(0), 'ok'),
    event(1, 5, { kind: 'available' }, 0),
    event(1, 9, { kind: 'available' }, 1),
  ];
  expect(isLinearizable(seen, 1, 1)).toBe(false);
  expect(isLinearizable(seen.slice(0, 2), 1, 1)).toBe(true);
});

function flip(answer: Answer): Answer {
  if (typeof answer === 'number') return answer + 1;
  return answer === 'ok' ? 'INSUFFICIENT_TICKETS' : 'ok';
}
