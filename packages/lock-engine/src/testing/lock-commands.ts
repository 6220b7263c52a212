import fc from 'fast-check';

import {
  anyLock,
  categoryId,
  edge,
  eventId,
  malformed,
  orderId,
  quantity,
  requestId,
  sessionId,
  userId,
} from './arbitraries.js';
import type { PickLock } from './arbitraries.js';
import type { CommandName, LockCall } from './lock-call.js';
import { lineOf } from './lock-call.js';
import type { Lockstep } from './lockstep.js';

type Fields = Record<string, unknown>;

/**
 * One call of a fast-check run, made of what is there when it comes: a lock that was made, the end
 * of another.
 *
 * Its text is the line that was run, which can be pasted into a scenario test.
 */
export class LockCommand implements fc.Command<object, Lockstep> {
  #line = '// not run';

  constructor(readonly callOf: (run: Lockstep) => LockCall) {}

  check(): boolean {
    return true;
  }

  run(_model: object, run: Lockstep): void {
    const call = this.callOf(run);
    this.#line = lineOf(call);
    run.run(call);
  }

  toString(): string {
    return this.#line;
  }
}

/** Runs of all commands of the engine, moves of its clock, restarts, repeats and nonsense. */
export function lockCommands(
  constraints: fc.CommandsContraints = { maxCommands: 60, size: 'max' },
): fc.Arbitrary<Iterable<LockCommand>> {
  const plain = Object.entries(INPUTS).map(([name, input]) =>
    commandOf(name as CommandName, input),
  );
  return fc.commands<object, Lockstep>(
    [...plain, moves(), drifts(), restarts(), repeats()],
    constraints,
  ) as fc.Arbitrary<Iterable<LockCommand>>;
}

const optional = (fields: Record<string, fc.Arbitrary<unknown>>) =>
  fc.record(fields, { requiredKeys: [] });

const buyer = () => [
  fc.record({ userId: userId(), sessionId: sessionId() }),
  optional({ onExisting: fc.constantFrom('set', 'add'), requestId: requestId() }),
];

const claims = () =>
  optional({
    orderId: orderId(),
    requestId: requestId(),
    userId: userId(),
    eventId: eventId(),
    categoryId: categoryId(),
    quantity: quantity(),
  });

const line = () => fc.record({ categoryId: categoryId(), quantity: quantity() });

const figures = () =>
  fc
    .tuple(
      fc.record({ categoryId: categoryId(), capacity: fc.nat({ max: 12 }) }),
      optional({ soldElsewhere: fc.nat({ max: 8 }) }),
    )
    .map(merged);

const completed = () =>
  fc
    .tuple(
      fc.record({
        orderId: orderId(),
        categoryId: categoryId(),
        quantity: quantity(),
        userId: userId(),
      }),
      optional({ lockId: anyLock() }),
    )
    .map(merged);

/** What each command is given. Functions among the fields pick something when the call is made. */
const INPUTS: Readonly<Record<CommandName, fc.Arbitrary<unknown>>> = {
  setInventory: parts(
    fc.record({ eventId: eventId() }),
    optional({
      categories: fc.array(figures(), { maxLength: 3 }),
      fetchedAtMs: fc.constantFrom(0, 999, 1000, 1001, 2000),
      completed: fc.array(completed(), { maxLength: 2 }),
    }),
  ),
  lock: parts(
    fc.record({ eventId: eventId(), categoryId: categoryId(), quantity: quantity() }),
    ...buyer(),
  ),
  lockMany: parts(
    fc.record({ eventId: eventId(), items: fc.array(line(), { minLength: 1, maxLength: 3 }) }),
    ...buyer(),
  ),
  unlock: parts(
    fc.oneof(
      fc.record({ lockId: anyLock() }),
      fc.record({ eventId: eventId(), categoryId: categoryId(), userId: userId() }),
    ),
    optional({ quantity: quantity(), requestId: requestId() }),
  ),
  extend: parts(
    fc.record({ lockId: anyLock() }),
    optional({ userId: userId(), requestId: requestId() }),
  ),
  beginPayment: parts(
    fc.record({ lockId: anyLock(), orderId: orderId() }),
    optional({ ttlMs: fc.constantFrom(1, 9, 5000), requestId: requestId() }),
  ),
  confirm: parts(fc.record({ lockId: anyLock() }), claims()),
  confirmMany: parts(
    fc.record({ lockIds: fc.array(anyLock(), { minLength: 1, maxLength: 3 }) }),
    optional({ orderId: orderId(), requestId: requestId() }),
  ),
  release: parts(fc.record({ lockId: anyLock() }), claims()),
  releaseMany: parts(
    fc.record({ lockIds: fc.array(anyLock(), { minLength: 1, maxLength: 3 }) }),
    optional({ orderId: orderId(), requestId: requestId() }),
  ),
  releaseSession: fc.record({ sessionId: sessionId() }),
  expireDue: optional({ limit: fc.constantFrom(1, 2, Infinity) }),
  settle: fc.record({ lockId: anyLock() }),
  requireRefund: parts(fc.record({ lockId: anyLock() }), optional({ orderId: orderId() })),
  cancelEvent: fc.record({ eventId: eventId() }),
  forgetEnded: fc.constant(undefined),
};

/** The command with its input, or now and then with one field of it that is wrong. */
function commandOf(name: CommandName, input: fc.Arbitrary<unknown>): fc.Arbitrary<LockCommand> {
  const spoilt = fc.tuple(input, fc.nat(), malformed()).map(([whole, at, wrong]) => {
    const names = Object.keys(whole ?? {});
    const field = names[at % (names.length + 1)];
    return field === undefined ? wrong : { ...(whole as Fields), [field]: wrong };
  });
  return fc
    .oneof({ weight: 9, arbitrary: input }, spoilt)
    .map(
      (drawn) => new LockCommand((run) => ({ kind: 'command', name, input: filled(drawn, run) })),
    );
}

function moves(): fc.Arbitrary<LockCommand> {
  const some = fc.constantFrom(0, 0.5, 1, 3, 3_600_000).map((ms) => () => ms);
  const toEdge = edge().map((edgeOf) => (run: Lockstep) => edgeOf(run) - run.clock.nowMs());
  return fc.oneof({ weight: 3, arbitrary: toEdge }, some).map(
    (msOf) =>
      new LockCommand((run) => {
        const ms = msOf(run);
        return { kind: 'advance', ms: ms >= 0 && ms < 1e9 ? ms : 1 };
      }),
  );
}

/** The wall clock is set back, or right again. */
function drifts(): fc.Arbitrary<LockCommand> {
  return fc.constantFrom(0, -1, -5000).map((ms) => new LockCommand(() => ({ kind: 'drift', ms })));
}

function restarts(): fc.Arbitrary<LockCommand> {
  return fc.constant(undefined).map(() => new LockCommand(() => ({ kind: 'restart' })));
}

/** An earlier command once more. */
function repeats(): fc.Arbitrary<LockCommand> {
  return fc.nat().map(
    (at) =>
      new LockCommand((run) => {
        const commands = run.calls
          .map(({ call }) => call)
          .filter((call) => call.kind === 'command');
        return commands[at % commands.length] ?? { kind: 'restart' };
      }),
  );
}

function parts(...fields: fc.Arbitrary<unknown>[]): fc.Arbitrary<Fields> {
  return fc.tuple(...fields).map(merged);
}

function merged(fields: readonly unknown[]): Fields {
  return Object.assign({}, ...fields) as Fields;
}

/** The input with every pick made. */
function filled(input: unknown, run: Lockstep): unknown {
  if (typeof input === 'function') return (input as PickLock)(run);
  if (Array.isArray(input)) return input.map((item) => filled(item, run));
  const isPlain = typeof input === 'object' && input !== null;
  if (!isPlain || Object.getPrototypeOf(input) !== Object.prototype) return input;
  const fields = Object.entries(input).map(([name, field]) => [name, filled(field, run)] as const);
  return Object.fromEntries(fields);
}
