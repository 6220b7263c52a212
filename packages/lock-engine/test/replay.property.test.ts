// State changes only by changes: whoever applies them again is where the engine is.
import { describe, test } from 'vitest';

import { LockEngine } from '../src/index.js';
import type { LockChange, LockEngineOptions, LockSnapshot } from '../src/index.js';
import { CallNamedIds } from '../src/testing/call-named-ids.js';
import type { CommandCall } from '../src/testing/lock-call.js';
import { lineOf } from '../src/testing/lock-call.js';
import { ManualClock } from '../src/testing/manual-clock.js';
import { see } from '../src/testing/promises.js';
import { differenceOf, isSame } from '../src/testing/sameness.js';
import { EVENT_IDS } from '../src/testing/small-world.js';
import { episodes } from './random-episodes.js';
import { testSeed } from './seed.js';

const seed = testSeed();
const EPISODE_COUNT = 60;
const CALL_COUNT = 100;

describe(`replay (SEED=${seed})`, () => {
  test('the changes up to any call give the state after that call', () => {
    for (const { run, next, random } of recordedEpisodes()) {
      const snapshots: { readonly changeCount: number; readonly snapshot: LockSnapshot }[] = [];
      for (let call = 0; call < CALL_COUNT; call += 1) {
        run.lockstep.run(next());
        if (!random.chance(0.05)) continue;
        snapshots.push({ changeCount: run.changes.length, snapshot: run.lockstep.snapshot() });
      }
      for (const { changeCount, snapshot } of snapshots) {
        const replayed = emptyEngine(run.lockstep.options.policy);
        for (const change of run.changes.slice(0, changeCount)) replayed.apply(copyOf(change));
        replayed.assertConsistent();
        expectSame(replayed.snapshot(), snapshot, `after ${changeCount} changes`);
      }
    }
  });

  test('a snapshot with the changes after it gives the state at the end', () => {
    for (const { run, next, random } of recordedEpisodes()) {
      const at = random.below(CALL_COUNT);
      let middle: LockSnapshot | undefined;
      for (let call = 0; call < CALL_COUNT; call += 1) {
        if (call === at) middle = run.lockstep.snapshot();
        run.lockstep.run(next());
      }
      const restored = emptyEngine(run.lockstep.options.policy);
      restored.restore(copyOf(middle!));
      const later = run.changes.filter((change) => change.seq > middle!.seq);
      for (const change of later) restored.apply(copyOf(change));
      expectSame(restored.snapshot(), run.lockstep.snapshot(), 'the state at the end');
    }
  });
});

describe(`snapshot and restore in the middle (SEED=${seed})`, () => {
  test('an engine that takes over does what the first one would have done', () => {
    // In which order the locks of a session or an event are released is not promised, and so is
    // which of them is forgotten first.
    const policy = { endedLocksMax: Infinity };
    for (const { run, next, random } of recordedEpisodes(policy)) {
      for (let call = 0; call < CALL_COUNT; call += 1) run.lockstep.run(next());
      const { calls, options } = run.lockstep;
      const clock = new ManualClock();
      const first = new Twin(clock, options.policy);
      const second = new Twin(clock, options.policy);
      const takeOverAt = random.below(calls.length);
      for (const { call, number } of calls) {
        if (number === takeOverAt) second.takeOver();
        if (call.kind === 'advance') clock.advance(call.ms);
        if (call.kind !== 'command') continue;
        expectSame(second.answer(call, number), first.answer(call, number), lineOf(call));
        expectSame(second.sight(), first.sight(), `what is seen after ${lineOf(call)}`);
      }
    }
  });
});

interface Answer {
  readonly changes: unknown;
  readonly value?: { readonly lockIds?: readonly string[] };
}

/** An engine that is given the same calls as another one. */
class Twin {
  engine: LockEngine;
  readonly #ids = new CallNamedIds();
  readonly #options: LockEngineOptions;

  constructor(clock: ManualClock, policy: LockEngineOptions['policy']) {
    this.#options = { clock, policy, ids: this.#ids };
    this.engine = new LockEngine(this.#options);
  }

  /** A new engine goes on from a snapshot of this one. */
  takeOver(): void {
    const fresh = new LockEngine(this.#options);
    fresh.restore(copyOf(this.engine.snapshot()));
    this.engine = fresh;
  }

  answer({ name, input }: CommandCall, number: number): unknown {
    this.#ids.begin(number);
    const commands = this.engine as unknown as Record<string, (given: unknown) => Answer>;
    const { changes: _, ...answer } = commands[name]!(input);
    const { lockIds } = answer.value ?? {};
    if (lockIds === undefined) return answer;
    return { ...answer, value: { ...answer.value, lockIds: lockIds.toSorted() } };
  }

  sight(): unknown {
    return see(this.engine, EVENT_IDS, this.#ids.given);
  }
}

function* recordedEpisodes(policy: LockEngineOptions['policy'] = {}) {
  const changes: LockChange[] = [];
  const onChanges = (made: readonly LockChange[]) => changes.push(...made);
  for (const { run, next, random } of episodes(seed, EPISODE_COUNT, { onChanges, policy })) {
    changes.length = 0;
    yield { run: { lockstep: run, changes }, next, random };
  }
}

function emptyEngine(policy: LockEngineOptions['policy']): LockEngine {
  return new LockEngine({ clock: new ManualClock(), ids: new CallNamedIds(), policy });
}

function expectSame(actual: unknown, expected: unknown, what: string): void {
  if (!isSame(actual, expected)) throw new Error(`${what}: ${differenceOf(actual, expected)}`);
}

function copyOf<Value>(value: Value): Value {
  return JSON.parse(JSON.stringify(value)) as Value;
}
