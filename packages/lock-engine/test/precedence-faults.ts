import type { CommandResult, LockEngine, LockErrorCode } from '../src/index.js';
import type { ManualClock } from '../src/testing/manual-clock.js';

export type Input = Readonly<Record<string, unknown>>;

/** One way to be wrong: what it does to the input, and to the engine before. */
export interface Fault {
  readonly name: string;
  readonly code: LockErrorCode;
  readonly change?: (input: Input) => Input;
  readonly arrange?: (engine: LockEngine, input: Input) => void;
  /** After everything else was arranged. */
  readonly finish?: (engine: LockEngine, clock: ManualClock) => void;
}

export const wish = { eventId: 1, categoryId: 2, quantity: 2, userId: 'ann', sessionId: 'a' };

export const malformed = (field: string): Fault => ({
  name: `a malformed ${field}`,
  code: 'INVALID_REQUEST',
  change: (input) => ({ ...input, [field]: '' }),
});

/** Ann's request id in event 1, used before for something else. */
export const conflict: Fault = {
  name: 'a used request id',
  code: 'REQUEST_CONFLICT',
  change: (input) => ({ ...input, requestId: 'r-1' }),
  arrange: (engine) => {
    const other = { ...wish, categoryId: 2, quantity: 1, requestId: 'r-1' };
    const granted = must(engine.lock(other));
    must(engine.release({ lockId: granted.lockId }));
  },
};

/** The same of the orders service: its space is the command and the order. */
export function conflictOf(command: 'beginPayment' | 'confirm' | 'release'): Fault {
  return {
    name: 'a used request id',
    code: 'REQUEST_CONFLICT',
    change: (input) => ({ ...input, requestId: 'r-1' }),
    arrange: (engine, { orderId }) => {
      const { lockId } = must(engine.lock({ ...wish, userId: 'eve' }));
      const order = { orderId: orderId as number, requestId: 'r-1' };
      must<unknown>(engine[command]({ lockId, ...order }));
    },
  };
}

export function conflictOfMany(command: 'confirmMany' | 'releaseMany'): Fault {
  return {
    name: 'a used request id',
    code: 'REQUEST_CONFLICT',
    change: (input) => ({ ...input, requestId: 'r-1' }),
    arrange: (engine, { orderId }) => {
      const { lockId } = must(engine.lock({ ...wish, userId: 'eve' }));
      const order = { orderId: orderId as number, requestId: 'r-1' };
      must<unknown>(engine[command]({ lockIds: [lockId], ...order }));
    },
  };
}

export const cancelled: Fault = {
  name: 'a cancelled event',
  code: 'EVENT_NOT_FOUND',
  finish: (engine) => must(engine.cancelEvent({ eventId: 1 })),
};

export const unknownLock: Fault = {
  name: 'an unknown lock',
  code: 'LOCK_NOT_FOUND',
  change: (input) => ({ ...input, lockId: 'nope' }),
};

export const foreignLock: Fault = {
  name: "another user's lock",
  code: 'LOCK_NOT_FOUND',
  change: (input) => ({ ...input, userId: 'ben' }),
};

export const inPayment: Fault = {
  name: 'a payment',
  code: 'ORDER_CONFLICT',
  arrange: (engine) => must(engine.beginPayment({ lockId: 'lock-1', orderId: 77, ttlMs: 9_000 })),
};

/** Tied to another order, also when it is over. */
export const otherOrder: Fault = { ...inPayment, name: "another order's payment" };

export const wrongClaim: Fault = {
  name: 'a wrong claim',
  code: 'LOCK_MISMATCH',
  change: (input) => ({ ...input, quantity: 50 }),
};

export const confirmed: Fault = {
  name: 'a sale',
  code: 'LOCK_CONFIRMED',
  finish: (engine) => must(engine.confirm({ lockId: 'lock-1' })),
};

export const settled: Fault = {
  name: 'a settled sale',
  code: 'LOCK_CONFIRMED',
  finish: (engine) => {
    must(engine.confirm({ lockId: 'lock-1', orderId: 5 }));
    must(engine.settle({ lockId: 'lock-1' }));
  },
};

export const released: Fault = {
  name: 'a released lock',
  code: 'LOCK_RELEASED',
  finish: (engine) => must(engine.release({ lockId: 'lock-1' })),
};

export const expired: Fault = {
  name: 'an expired lock',
  code: 'LOCK_EXPIRED',
  finish: (_engine, clock) => clock.advance(1_000_000),
};

/** Every ticket of category 2 that is left is Ben's. */
export const soldOut: Fault = {
  name: 'no tickets',
  code: 'INSUFFICIENT_TICKETS',
  arrange: (engine) => {
    let userId = 100;
    while ((engine.categoryAvailability(1, 2)?.available ?? 0) > 0) {
      must(engine.lock({ ...wish, quantity: 1, userId: (userId += 1) }));
    }
  },
};

export const existing: Fault = {
  name: 'a lock in the category',
  code: 'DUPLICATE_LOCK',
  arrange: (engine) => must(engine.lock({ ...wish, quantity: 1 })),
};

export const existingInPayment: Fault = {
  name: 'a lock in payment',
  code: 'ORDER_CONFLICT',
  change: (input) => ({ ...input, onExisting: 'set' }),
  arrange: (engine) => {
    const { lockId } = must(engine.lock({ ...wish, quantity: 1 }));
    must(engine.beginPayment({ lockId, orderId: 77 }));
  },
};

export const endedRepeat: Fault = {
  name: 'a repeat whose lock has ended',
  code: 'LOCK_RELEASED',
  change: (input) => ({ ...input, requestId: 'r-2' }),
  arrange: (engine, input) => {
    const { lockId } = must(engine.lock(input as never));
    must(engine.release({ lockId }));
  },
};

export function must<Value>(result: CommandResult<Value>): Value {
  if (!result.ok) throw new Error(`could not be arranged: ${JSON.stringify(result.error)}`);
  return result.value;
}
