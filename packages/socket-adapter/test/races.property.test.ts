// What may happen at the same time, in every order that a scheduler finds.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { GRACE_MS, Race, TTL_MS } from './race.js';
import type { Plant } from './race.js';

const seed = Number(process.env['SEED'] ?? 6);
const numRuns = Number(process.env['RACE_RUNS'] ?? 300);

type Step = readonly [name: string, step: (race: Race) => void];

const come = (tab: number): Step => [`tab ${tab} comes`, (run) => run.come(tab)];
const lose = (tab: number): Step => [`tab ${tab} is lost`, (run) => run.lose(tab)];
const leave = (tab: number): Step => [`tab ${tab} says goodbye`, (run) => run.goodbye(tab)];
const lock = (tab: number): Step => [`tab ${tab} locks`, (run) => run.lock(tab)];
const lockAll = (tab: number): Step => [`tab ${tab} locks 3`, (run) => run.lock(tab, 3)];
const unlock = (tab: number): Step => [`tab ${tab} unlocks`, (run) => run.unlock(tab)];
const pass = (ms: number): Step => [`${ms} ms pass`, (run) => run.pass(ms)];
const confirm: Step = ['the order confirms', (run) => run.decide('confirm')];
const release: Step = ['the order gives up', (run) => run.decide('release')];

/** First what is done before, step by step, then everything else at once. */
function race(before: readonly Step[], script: fc.Arbitrary<Step[]>, plant?: Plant) {
  return fc.asyncProperty(fc.scheduler(), script, async (scheduler, steps) => {
    const run = await Race.start(scheduler, plant);
    const on = ([name, step]: Step) => [name, () => step(run)] as const;
    for (const step of before) await run.run([on(step)]);
    await run.run(steps.map(on));
    await run.finish();
  });
}

/** The steps of several actors: each in its order, the actors in any. */
function together(...actors: readonly (readonly Step[])[]): fc.Arbitrary<Step[]> {
  const turns = actors.flatMap((steps, actor) => steps.map(() => actor));
  return fc
    .shuffledSubarray(turns, { minLength: turns.length, maxLength: turns.length })
    .map((order) => {
      const next = actors.map(() => 0);
      return order.map((actor) => actors[actor]![next[actor]!++]!);
    });
}

describe(`at the same time (SEED=${seed})`, () => {
  test.each<[name: string, before: readonly Step[], actors: readonly (readonly Step[])[]]>([
    ['a lock and a goodbye', [come(0)], [[lock(0)], [leave(0)]]],
    ['a lock and a lost connection', [come(0)], [[lock(0), lock(0)], [lose(0)], [pass(GRACE_MS)]]],
    ['a lock before the session is open, and its end', [], [[come(0), lock(0), leave(0)]]],
    [
      'a return and the end of the grace',
      [come(0), lock(0)],
      [
        [lose(0), come(0), lock(0)],
        [pass(GRACE_MS - 1), pass(1)],
      ],
    ],
    [
      'a return and the end of the lock',
      [come(0), lock(0), pass(TTL_MS - 1)],
      [[lose(0), come(0), lock(0)], [pass(1)]],
    ],
    ['a confirm and an unlock', [come(0), lock(0)], [[confirm], [unlock(0), lockAll(0)]]],
    ['a confirm and a release', [come(0), lock(0)], [[confirm, confirm], [release], [lockAll(0)]]],
    ['a confirm and a goodbye', [come(0), lock(0)], [[confirm], [leave(0)]]],
    [
      'a confirm and the end of the lock',
      [come(0), lock(0), pass(TTL_MS - 1)],
      [[confirm], [pass(1)], [lockAll(0)]],
    ],
    ['two tabs that leave', [come(0), come(1), lock(0)], [[leave(0)], [leave(1)], [lock(1)]]],
    [
      'two tabs that are lost, and one that returns',
      [come(0), come(1), lock(0)],
      [[lose(0), come(0)], [lose(1)], [pass(GRACE_MS)]],
    ],
    ['a reload while a lock is under way', [come(0)], [[lock(0), come(0), lock(0)]]],
    ['reloads before anything is answered', [], [[come(0), lock(0), come(0), come(0), lock(0)]]],
  ])('%s', async (_name, before, actors) => {
    await fc.assert(race(before, together(...actors)), { seed, numRuns });
  });

  test('anything', async () => {
    const tab = fc.nat(2);
    const step = fc.oneof(
      tab.map(come),
      tab.map(lose),
      tab.map(leave),
      { arbitrary: tab.map(lock), weight: 2 },
      tab.map(lockAll),
      tab.map(unlock),
      fc.constantFrom(confirm, release, pass(1), pass(GRACE_MS), pass(GRACE_MS - 1), pass(TTL_MS)),
    );
    const script = fc.array(step, { minLength: 3, maxLength: 15 });
    await fc.assert(race([come(0), come(1)], script), { seed, numRuns });
  });
});

describe('a store that is wrong is found', () => {
  const lockAndLeave = together([lock(0)], [leave(0)]);
  const tabsLeave = together([leave(0)], [lock(1)]);
  test.each<[name: string, script: fc.Arbitrary<Step[]>, plant: Plant]>([
    [
      'one that lets go of a session before its last lock',
      lockAndLeave,
      (locks) => {
        const lockTickets = locks.lock.bind(locks);
        locks.lock = (command) => lockTickets({ ...command, sessionId: 'nobody' });
      },
    ],
    [
      'one that hears no goodbye',
      lockAndLeave,
      (locks) => {
        locks.leaveSession = async () => {};
      },
    ],
    [
      'one that takes every tab for the last',
      tabsLeave,
      (locks) => {
        const leaveSession = locks.leaveSession.bind(locks);
        locks.leaveSession = async (left) => {
          await leaveSession(left);
          await leaveSession(left);
        };
      },
    ],
    [
      'one that never answers',
      lockAndLeave,
      (locks) => {
        locks.lock = () => new Promise(() => {});
      },
    ],
  ])('%s', async (_name, script, plant) => {
    const before = [come(0), come(1), lock(0)];
    const { failed } = await fc.check(race(before, script, plant), { seed, numRuns });
    expect(failed).toBe(true);
  });
});
