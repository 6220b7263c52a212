// Whoever got no answer asks again with the same ids, and nothing happens twice.
import { describe, expect, test } from 'vitest';

import type { CommandResult, LockChange } from '../src/index.js';
import type { CommandCall, CommandName, LockCall } from '../src/testing/lock-call.js';
import { lineOf } from '../src/testing/lock-call.js';
import { literalOf } from '../src/testing/literal.js';
import { isSame } from '../src/testing/sameness.js';
import { episodes } from './random-episodes.js';
import { testSeed } from './seed.js';

const seed = testSeed();

/** Repeats that a request id makes safe. */
const BY_REQUEST_ID: readonly CommandName[] = ['lock', 'lockMany', 'unlock', 'extend'];
/** Repeats that are safe by themselves: the answer is in what they are about. */
const BY_NATURE: readonly CommandName[] = [
  'beginPayment',
  'confirm',
  'confirmMany',
  'release',
  'releaseMany',
  'releaseSession',
  'settle',
  'requireRefund',
  'cancelEvent',
];

describe(`repeats (SEED=${seed})`, () => {
  test.each(BY_REQUEST_ID)('%s with the same request id happens once', (name) => {
    expectRepeatsToBeSafe(name, (call) => ({
      ...call,
      requestId: `once-${literalOf(call)}`.slice(0, 128),
    }));
  });

  test.each(BY_NATURE)('%s happens once, with a request id or without', (name) => {
    expectRepeatsToBeSafe(name, (input) => input);
  });
});

/** Repeats every command of a kind that succeeded, at once and verbatim. */
function expectRepeatsToBeSafe(name: CommandName, prepared: (input: object) => object): void {
  let repeatCount = 0;
  const changes: LockChange[] = [];
  const onChanges = (made: readonly LockChange[]) => changes.push(...made);
  const policy = { requestsMax: Infinity, endedLocksMax: Infinity };
  for (const { run, next } of episodes(seed, 80, { onChanges, policy })) {
    for (let count = 0; count < 60; count += 1) {
      const call = withInput(next(), name, prepared);
      const first = run.run(call);
      if (call.kind !== 'command' || call.name !== name || first?.ok !== true) continue;
      changes.length = 0;
      const second = run.run(call);
      repeatCount += 1;
      expectSameAnswer(call, first, second);
      expect(changes, lineOf(call)).toEqual([]);
    }
  }
  expect(repeatCount).toBeGreaterThan(2);
}

function withInput(
  call: LockCall,
  name: CommandName,
  prepared: (input: object) => object,
): LockCall {
  const isMeant = call.kind === 'command' && call.name === name;
  if (!isMeant || typeof call.input !== 'object' || call.input === null) return call;
  return { ...call, input: prepared(call.input) };
}

function expectSameAnswer(
  call: CommandCall,
  first: CommandResult<unknown>,
  second: CommandResult<unknown> | undefined,
): void {
  const isOnceOnly = call.name === 'releaseSession' || call.name === 'cancelEvent';
  const expected = first.ok ? first.value : undefined;
  const actual = second?.ok === true ? second.value : second?.error;
  const wanted = isOnceOnly ? { ...(expected as object), lockIds: [] } : expected;
  if (!isSame(actual, wanted)) {
    expect.fail(`${lineOf(call)} answers ${literalOf(wanted)}, and then ${literalOf(actual)}`);
  }
}
