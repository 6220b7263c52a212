import { describe, expect, test } from 'vitest';

import { LocalTicketLocks } from '../src/index.js';
import type { TicketLocks } from '../src/index.js';
import { HistoryRecorder } from '../src/testing/linearizability/history.js';
import type { RecordedOperation } from '../src/testing/linearizability/history.js';
import { checkLinearizable } from '../src/testing/linearizability/linearizability.js';
import { randomHistory } from '../src/testing/linearizability/random-history.js';
import { SeededRandom } from '../src/testing/seeded-random.js';
import { testSeed } from './seed.js';

const seed = testSeed();
const EVENT = {
  eventId: 1,
  categories: [
    { categoryId: 1, capacity: 6 },
    { categoryId: 2, capacity: 20 },
  ],
};

async function openStore(): Promise<TicketLocks> {
  const locks = new LocalTicketLocks({
    source: { load: async () => ({ categories: EVENT.categories }) },
    policy: { ticketsPerLockMax: Infinity, locksPerUserMax: Infinity },
  });
  await locks.start();
  return locks;
}

async function recorded(
  random: SeededRandom,
  operationCount: number,
): Promise<readonly RecordedOperation[]> {
  const locks = await openStore();
  const history = await randomHistory({
    ...EVENT,
    stores: [locks],
    clientCount: 8,
    operationCount,
    random,
  });
  await locks.stop();
  return history;
}

const check = (history: readonly RecordedOperation[]) =>
  checkLinearizable({ categories: EVENT.categories, history });

describe(`histories of eight clients (SEED=${seed})`, () => {
  test('of the store in this process are explained by one order', async () => {
    const random = new SeededRandom(seed);
    for (let count = 0; count < 10; count += 1) {
      const history = await recorded(random, 120);
      expect(history).toHaveLength(8 * 120);
      expect(check(history)).toEqual({ ok: true });
    }
  });

  test('in which one answer is turned round are not', async () => {
    const history = await recorded(new SeededRandom(seed), 14);
    const turned = history.flatMap((operation, index) => {
      const wrong = turnedAnswer(operation);
      if (wrong === undefined) return [];
      const { answer, isCertain } = wrong;
      const { ok } = check(history.with(index, { ...operation, answer }));
      return [{ operation, answer, isCertain, ok }];
    });
    const certain = turned.filter(({ isCertain }) => isCertain);
    const likely = turned.filter(({ isCertain }) => !isCertain);
    expect(certain.length).toBeGreaterThan(15);
    expect(certain.filter(({ ok }) => ok)).toEqual([]);
    expect(likely.length).toBeGreaterThan(15);
    // What happened at the same time, and what nobody saw afterwards, may have been so indeed.
    expect(likely.filter(({ ok }) => ok).length / likely.length).toBeLessThan(0.2);
  });
});

/** What a broken store would have answered instead. Certain: in no order could it be right. */
function turnedAnswer({
  answer = '',
}: RecordedOperation): { readonly answer: string; readonly isCertain: boolean } | undefined {
  const granted = /^granted (\S+), (\d+) left$/.exec(answer);
  if (granted !== null) {
    return { answer: `granted ${granted[1]}, ${Number(granted[2]) + 100} left`, isCertain: true };
  }
  if (answer === 'CONFIRMED') return { answer: 'LOCK_NOT_FOUND', isCertain: true };
  const [, free] = /^INSUFFICIENT_TICKETS, (\d+) left$/.exec(answer) ?? [];
  if (free !== undefined) return { answer: `granted sold-twice, ${free} left`, isCertain: false };
  if (answer === 'LOCK_RELEASED') return { answer: 'CONFIRMED', isCertain: false };
  if (answer === 'ORDER_CONFLICT') return { answer: 'RELEASED', isCertain: false };
  return undefined;
}

describe('a short history', () => {
  const lock = (lockId: string, times: readonly [number, number], userId = lockId) =>
    operationOf(times, { kind: 'lock', userId, categoryId: 1, quantity: 4 }, `granted ${lockId}`);

  function operationOf(
    [calledAt, returnedAt]: readonly [number, number],
    operation: RecordedOperation['operation'],
    answer: string | undefined,
  ): RecordedOperation {
    const client = calledAt;
    const whole = answer?.startsWith('granted') === true ? `${answer}, 2 left` : answer;
    return { client, operation, calledAt, returnedAt, answer: whole };
  }

  test('with one ticket sold twice has no order', () => {
    const twice = check([lock('a', [1, 3]), lock('b', [2, 4])]);
    expect(twice).toMatchObject({ ok: false, explained: 1 });
  });

  test('may not show an answer before it was called', () => {
    const release = operationOf([5, 6], { kind: 'release', lockId: 'a', orderId: 1 }, 'RELEASED');
    expect(check([lock('a', [1, 2]), release, lock('b', [3, 7])]).ok).toBe(true);
    expect(check([lock('a', [1, 2]), release, lock('b', [3, 4])]).ok).toBe(false);
  });

  test('is explained by what was not answered, if it happened or if not', () => {
    const maybe = operationOf(
      [3, Infinity],
      { kind: 'release', lockId: 'a', orderId: 1 },
      undefined,
    );
    expect(check([lock('a', [1, 2]), maybe, lock('b', [4, 5])]).ok).toBe(true);
    expect(check([lock('a', [1, 2]), maybe]).ok).toBe(true);
    expect(check([lock('a', [1, 2]), lock('b', [4, 5])]).ok).toBe(false);
  });

  test('gives up when there are too many orders to look at', () => {
    const many = Array.from({ length: 8 }, (_, index) =>
      operationOf([index + 1, 100], { kind: 'availability' }, '1: 6/0/0, 2: 20/0/0'),
    );
    expect(() =>
      checkLinearizable({ categories: EVENT.categories, history: many, stateMax: 3 }),
    ).toThrow(RangeError);
    expect(check(many)).toEqual({ ok: true });
  });
});

test('a call that rejects may have happened', async () => {
  const recorder = new HistoryRecorder(1);
  const failing = { confirm: () => Promise.reject(new Error('gone')) } as unknown as TicketLocks;
  await recorder.record(0, failing, { kind: 'confirm', lockId: 'a', orderId: 1 });
  expect(recorder.history).toMatchObject([{ returnedAt: Infinity, answer: undefined }]);
});
