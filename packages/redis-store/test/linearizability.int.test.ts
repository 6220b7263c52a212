// What many clients are answered at once by several instances could have been answered to one after
// the other. The checker has tests of its own, with answers turned round, in `lock-engine`.
import { checkLinearizable, randomHistory, SeededRandom } from '@ticket-locks/lock-engine/testing';
import { afterEach, expect, test } from 'vitest';

import { Branches } from './branches.js';

const HISTORY_COUNT = Number(process.env['LINEARIZABILITY_HISTORIES'] ?? 100);
const SEED = Number(process.env['SEED'] ?? 1);
const CLIENT_COUNT = 8;
const OPERATION_COUNT = 120;
const CATEGORIES = [
  { categoryId: 2, capacity: 6 },
  { categoryId: 3, capacity: 20 },
];

let open: Branches[] = [];

afterEach(async () => {
  await Promise.all(open.map((branches) => branches.close()));
  open = [];
});

test(`${HISTORY_COUNT} histories of ${CLIENT_COUNT} clients`, { timeout: 0 }, async () => {
  const source = { load: async () => ({ categories: CATEGORIES }) };
  const branches = new Branches({ source, policy: { ttlMs: 3_600_000 } });
  open.push(branches);
  const stores = (await branches.open(3)).map(({ locks }) => locks);
  for (let seed = SEED; seed < SEED + HISTORY_COUNT; seed += 1) {
    const history = await randomHistory({
      eventId: seed,
      categories: CATEGORIES,
      stores,
      clientCount: CLIENT_COUNT,
      operationCount: OPERATION_COUNT,
      random: new SeededRandom(seed),
    });
    expect(history).toHaveLength(CLIENT_COUNT * OPERATION_COUNT);
    expect(history.filter(({ answer }) => answer === undefined)).toEqual([]);
    const found = checkLinearizable({ categories: CATEGORIES, history });
    expect(found, `seed ${seed}`).toEqual({ ok: true });
  }
});
