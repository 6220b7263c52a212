// Codes are checked in one order everywhere. Each test here is wrong in two ways at once.
import { describe, expect, test } from 'vitest';

import { LOCK_ERROR_CODES, LockEngine } from '../src/index.js';
import type { CommandResult, LockErrorCode } from '../src/index.js';
import { ManualClock } from '../src/testing/manual-clock.js';
import { COMMAND_CASES } from './precedence-cases.js';
import type { Fault, Input } from './precedence-faults.js';

type Command = (input: Input) => CommandResult<unknown>;

describe.each(COMMAND_CASES)('$title', ({ command, input, faults, impossible }) => {
  test('alone', () => {
    expect(answerTo(command, input, [])).toBe('ok');
  });

  test.each(faults)('with $name', (fault) => {
    expect(answerTo(command, input, [fault])).toBe(fault.code);
  });

  const pairs = faults.flatMap((earlier, index) =>
    faults.slice(index + 1).map((later) => ({ earlier, later })),
  );
  const possible = pairs.filter(({ earlier, later }) => !isImpossible(earlier, later));

  test.each(possible)('with $earlier.name and $later.name', ({ earlier, later }) => {
    expect(answerTo(command, input, [earlier, later])).toBe(earlier.code);
  });

  test('what cannot be wrong at once says why', () => {
    const names = faults.map((fault) => fault.name);
    for (const { both, because } of impossible ?? []) {
      expect(names).toEqual(expect.arrayContaining([...both]));
      expect(because.length).toBeGreaterThan(0);
    }
  });

  function isImpossible(earlier: Fault, later: Fault): boolean {
    return (impossible ?? []).some(
      ({ both }) => both.includes(earlier.name) && both.includes(later.name),
    );
  }
});

test('the order is that of the codes, but where a lock must be found first', () => {
  // Its event and user are the space of the request id, so a lock named by its id comes before.
  const place = (code: LockErrorCode) => LOCK_ERROR_CODES.indexOf(code);
  for (const { faults, title } of COMMAND_CASES) {
    // How a repeated request's lock has ended, is looked up with the request.
    if (title === 'lock, repeated') continue;
    const codes = faults.map((fault) => fault.code);
    const inOrder = codes.toSorted((a, b) => place(a) - place(b));
    const isFoundFirst =
      codes.includes('REQUEST_CONFLICT') &&
      codes.indexOf('LOCK_NOT_FOUND') < codes.indexOf('REQUEST_CONFLICT');
    const others = (list: LockErrorCode[]) =>
      isFoundFirst ? list.filter((code) => code !== 'REQUEST_CONFLICT') : list;
    expect(others(withoutLast(codes)), title).toEqual(others(withoutLast(inOrder)));
  }

  /** More than is locked is malformed, but only the lock can tell. */
  function withoutLast(codes: LockErrorCode[]): LockErrorCode[] {
    return codes.filter((code) => code !== 'INVALID_REQUEST');
  }
});

/** The code that the command answers when all of this is wrong. */
function answerTo(command: string, input: Input, faults: readonly Fault[]): LockErrorCode | 'ok' {
  const clock = new ManualClock();
  let lockCount = 0;
  const engine = new LockEngine({
    clock,
    ids: { lockId: () => `lock-${(lockCount += 1)}` },
    policy: { ttlMs: 1_000, extensionsMax: 1, paymentTtlMs: 1_000 },
  });
  const categories = [2, 3].map((categoryId) => ({ categoryId, capacity: 50 }));
  engine.setInventory({ eventId: 1, categories });
  engine.setInventory({ eventId: 9, categories });
  const own = { eventId: 1, userId: 'ann', sessionId: 'a' };
  engine.lock({ ...own, categoryId: 3, quantity: 2 });
  const wrong = faults.reduce((whole, { change }) => change?.(whole) ?? whole, input);
  for (const { arrange } of faults) arrange?.(engine, wrong);
  for (const { finish } of faults) finish?.(engine, clock);
  const result = (engine as unknown as Record<string, Command>)[command]!(wrong);
  return result.ok ? 'ok' : result.error.code;
}
