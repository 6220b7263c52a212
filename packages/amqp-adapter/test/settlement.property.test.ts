import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { runShop } from './simulated-shop.js';
import type { Purchase, ShopScript } from './simulated-shop.js';

const seed = Number(process.env['SEED'] ?? 20_260_301);
const numRuns = 300;

const upTo = (maxMs: number) => fc.integer({ min: 0, max: maxMs });
const fates = (...allowed: Purchase['fate'][]) => fc.constantFrom(...allowed);

function purchases(fate: fc.Arbitrary<Purchase['fate']>): fc.Arbitrary<Purchase[]> {
  return fc.array(
    fc.record({
      atMs: upTo(10_000),
      user: fc.integer({ min: 1, max: 4 }),
      quantity: fc.integer({ min: 1, max: 3 }),
      confirmAfterMs: upTo(5_500),
      reserveAfterMs: upTo(3_000),
      completeAfterMs: upTo(2_000),
      repeats: fc.integer({ min: 0, max: 2 }),
      namesOrder: fc.boolean(),
      namesLock: fc.boolean(),
      fate,
    }),
    { maxLength: 12 },
  );
}

const travels = fc.array(
  fc.record({
    thereMs: upTo(1_500),
    backMs: upTo(1_500),
    fails: fc.boolean(),
  }),
  { minLength: 1, maxLength: 8 },
);

function elsewhere(min: number): fc.Arbitrary<ShopScript['elsewhere']> {
  const sale = fc.record({ atMs: upTo(15_000), quantity: fc.integer({ min, max: 4 }) });
  return fc.array(sale, { maxLength: 8 });
}

const freshAnswers: fc.Arbitrary<ShopScript> = fc.record({
  purchases: purchases(fates('sold', 'sold', 'failed', 'cancelled')),
  elsewhere: elsewhere(-4),
  travels,
  cacheMs: fc.constant(0),
});
const onlySales: fc.Arbitrary<ShopScript> = fc.record({
  purchases: purchases(fates('sold', 'sold', 'sold', 'failed')),
  elsewhere: elsewhere(1),
  travels,
  cacheMs: fc.constant(0),
});
/** The answer may be older than the message that led to the question. */
const staleAnswers: fc.Arbitrary<ShopScript> = fc.record({
  purchases: purchases(fates('sold', 'sold', 'sold', 'failed')),
  elsewhere: fc.constant([]),
  travels,
  cacheMs: upTo(5_000),
});

describe(`between confirm and settlement (SEED=${seed})`, () => {
  test('never more is available than there is, whatever is sold elsewhere', async () => {
    const property = fc.asyncProperty(freshAnswers, async (script) => {
      expect((await runShop(script, 'by the handlers')).oversold).toEqual([]);
    });
    await fc.assert(property, { seed, numRuns });
  });

  test('never more is available than there is, however old the answers are', async () => {
    const property = fc.asyncProperty(staleAnswers, async (script) => {
      expect((await runShop(script, 'by the handlers')).oversold).toEqual([]);
    });
    await fc.assert(property, { seed, numRuns });
  });

  test.each([
    ['sales elsewhere', onlySales],
    ['old answers', staleAnswers],
  ])('all is settled in the end, and nothing counts twice, with %s', async (_what, scripts) => {
    let settledCount = 0;
    const property = fc.asyncProperty(scripts, async (script) => {
      const report = await runShop(script, 'by the handlers');
      expect(report.unsettledCount).toBe(0);
      expect(report.available).toBe(
        report.available === undefined ? undefined : Math.max(0, report.trueAvailable),
      );
      settledCount += report.settledCount;
    });
    await fc.assert(property, { seed, numRuns });
    expect(settledCount).toBeGreaterThan(numRuns);
  });

  test.each(['settled at once', 'with the figures of before'] as const)(
    'a rule by which an order is %s would be seen',
    async (completion) => {
      const property = fc.asyncProperty(freshAnswers, async (script) => {
        expect((await runShop(script, completion)).oversold).toEqual([]);
      });
      const { failed } = await fc.check(property, { seed, numRuns, endOnFailure: true });
      expect(failed).toBe(true);
    },
  );
});
