import {
  cancelled,
  confirmed,
  conflict,
  conflictOf,
  conflictOfMany,
  endedRepeat,
  existing,
  existingInPayment,
  expired,
  foreignLock,
  inPayment,
  malformed,
  must,
  otherOrder,
  released,
  settled,
  soldOut,
  unknownLock,
  wish,
  wrongClaim,
} from './precedence-faults.js';
import type { Fault, Input } from './precedence-faults.js';

export interface CommandCase {
  readonly title: string;
  readonly command: string;
  /** Right in every way; `lock-1` is Ann's lock of two tickets in category 3 of event 1. */
  readonly input: Input;
  /** In the order in which they must be checked. */
  readonly faults: readonly Fault[];
  readonly impossible?: readonly { readonly both: readonly string[]; readonly because: string }[];
}

const onlyOneEnd = (...names: string[]) => ({
  both: names,
  because: 'a lock ends in one way',
});

const repeatNeedsGrant = 'the repeated request was granted as it is';

export const COMMAND_CASES: readonly CommandCase[] = [
  {
    title: 'lock',
    command: 'lock',
    input: wish,
    faults: [
      malformed('sessionId'),
      conflict,
      cancelled,
      {
        name: 'an unknown category',
        code: 'CATEGORY_NOT_FOUND',
        change: (input) => ({ ...input, categoryId: 99 }),
      },
      existingInPayment,
      existing,
      {
        name: 'too many tickets',
        code: 'LIMIT_EXCEEDED',
        change: (input) => ({ ...input, quantity: 11 }),
      },
      soldOut,
    ],
    impossible: [
      { both: ['an unknown category', 'a lock in payment'], because: 'it would be there' },
      { both: ['an unknown category', 'a lock in the category'], because: 'it would be there' },
      { both: ['an unknown category', 'no tickets'], because: 'it has none to be sold' },
      { both: ['a lock in payment', 'a lock in the category'], because: 'onExisting decides' },
    ],
  },
  {
    title: 'lock, repeated',
    command: 'lock',
    input: wish,
    faults: [
      { ...malformed('sessionId'), change: (input) => ({ ...input, sessionId: '' }) },
      endedRepeat,
      cancelled,
      existing,
      soldOut,
    ],
    impossible: [{ both: ['a malformed sessionId', endedRepeat.name], because: repeatNeedsGrant }],
  },
  {
    title: 'lockMany',
    command: 'lockMany',
    input: {
      eventId: 1,
      items: [{ categoryId: 2, quantity: 2 }],
      userId: 'ann',
      sessionId: 'a',
    },
    faults: [
      malformed('userId'),
      conflict,
      cancelled,
      {
        name: 'an unknown category',
        code: 'CATEGORY_NOT_FOUND',
        change: (input) => withItem(input, { categoryId: 99, quantity: 1 }),
      },
      existingInPayment,
      {
        name: 'a lock in another category',
        code: 'DUPLICATE_LOCK',
        change: (input) => withItem(input, { categoryId: 3, quantity: 1 }),
      },
      {
        name: 'too many tickets',
        code: 'LIMIT_EXCEEDED',
        change: (input) => ({ ...input, items: [{ categoryId: 2, quantity: 11 }] }),
      },
      soldOut,
    ],
    impossible: [
      {
        both: ['a lock in payment', 'a lock in another category'],
        because: 'onExisting decides',
      },
      {
        both: ['an unknown category', 'too many tickets'],
        because: 'one takes the place of the other in the list',
      },
      {
        both: ['a lock in another category', 'too many tickets'],
        because: 'one takes the place of the other in the list',
      },
    ],
  },
  {
    title: 'unlock by id',
    command: 'unlock',
    input: { lockId: 'lock-1', quantity: 1 },
    faults: [
      malformed('requestId'),
      unknownLock,
      foreignLock,
      conflict,
      inPayment,
      confirmed,
      released,
      expired,
      {
        name: 'more than is locked',
        code: 'INVALID_REQUEST',
        change: (input) => ({ ...input, quantity: 3 }),
      },
    ],
    impossible: [
      onlyOneEnd('a sale', 'a released lock', 'an expired lock'),
      { both: ['a payment', 'a sale'], because: 'a payment is over when it is sold' },
      { both: ['a payment', 'a released lock'], because: 'a payment is over when it is released' },
      { both: ['a payment', 'an expired lock'], because: 'a payment is over at its end' },
      { both: ['a malformed requestId', 'a used request id'], because: 'there is one request id' },
    ],
  },
  {
    title: 'unlock by category',
    command: 'unlock',
    input: { eventId: 1, categoryId: 3, userId: 'ann' },
    faults: [
      malformed('userId'),
      conflict,
      {
        name: 'an unknown event',
        code: 'EVENT_NOT_FOUND',
        change: (input) => ({ ...input, eventId: 99 }),
      },
      {
        name: 'an unknown category',
        code: 'CATEGORY_NOT_FOUND',
        change: (input) => ({ ...input, categoryId: 99 }),
      },
      {
        name: 'no lock',
        code: 'LOCK_NOT_FOUND',
        finish: (engine) => must(engine.release({ lockId: 'lock-1' })),
      },
      inPayment,
      {
        name: 'more than is locked',
        code: 'INVALID_REQUEST',
        change: (input) => ({ ...input, quantity: 3 }),
      },
    ],
    impossible: [
      {
        both: ['a used request id', 'an unknown event'],
        because: 'no request of an unknown event was ever carried out',
      },
    ],
  },
  {
    title: 'extend',
    command: 'extend',
    input: { lockId: 'lock-1' },
    faults: [
      malformed('userId'),
      unknownLock,
      foreignLock,
      conflict,
      inPayment,
      confirmed,
      released,
      expired,
      {
        name: 'no extension left',
        code: 'LIMIT_EXCEEDED',
        arrange: (engine) => must(engine.extend({ lockId: 'lock-1' })),
      },
    ],
    impossible: [
      onlyOneEnd('a sale', 'a released lock', 'an expired lock'),
      { both: ['a payment', 'a sale'], because: 'a payment is over when it is sold' },
      { both: ['a payment', 'a released lock'], because: 'a payment is over when it is released' },
      { both: ['a payment', 'an expired lock'], because: 'a payment is over at its end' },
      { both: ['a payment', 'no extension left'], because: 'arranged in the other order' },
      { both: ['a malformed userId', "another user's lock"], because: 'there is one user id' },
    ],
  },
  {
    title: 'beginPayment',
    command: 'beginPayment',
    input: { lockId: 'lock-1', orderId: 5 },
    faults: [
      malformed('ttlMs'),
      unknownLock,
      foreignLock,
      conflictOf('beginPayment'),
      otherOrder,
      wrongClaim,
      confirmed,
      released,
      expired,
    ],
    impossible: [onlyOneEnd('a sale', 'a released lock', 'an expired lock')],
  },
  {
    title: 'confirm',
    command: 'confirm',
    input: { lockId: 'lock-1', orderId: 5 },
    faults: [
      malformed('orderId'),
      unknownLock,
      foreignLock,
      conflictOf('confirm'),
      otherOrder,
      wrongClaim,
      released,
      expired,
    ],
    impossible: [
      onlyOneEnd('a released lock', 'an expired lock'),
      { both: ['a malformed orderId', 'a used request id'], because: 'the order is its space' },
    ],
  },
  {
    title: 'confirmMany',
    command: 'confirmMany',
    input: { lockIds: ['lock-1'], orderId: 5 },
    faults: [
      malformed('requestId'),
      conflictOfMany('confirmMany'),
      {
        name: 'an unknown lock',
        code: 'LOCK_NOT_FOUND',
        change: (input) => ({ ...input, lockIds: ['nope', 'lock-1'] }),
      },
      otherOrder,
      released,
      expired,
    ],
    impossible: [
      onlyOneEnd('a released lock', 'an expired lock'),
      { both: ['a malformed requestId', 'a used request id'], because: 'there is one request id' },
    ],
  },
  {
    title: 'release',
    command: 'release',
    input: { lockId: 'lock-1', orderId: 5 },
    faults: [
      malformed('orderId'),
      unknownLock,
      foreignLock,
      conflictOf('release'),
      otherOrder,
      wrongClaim,
      settled,
    ],
    impossible: [
      { both: ['a malformed orderId', 'a used request id'], because: 'the order is its space' },
      {
        both: ["another order's payment", 'a settled sale'],
        because: 'only its own order confirms what is paid',
      },
    ],
  },
  {
    title: 'releaseMany',
    command: 'releaseMany',
    input: { lockIds: ['lock-1'], orderId: 5 },
    faults: [
      malformed('requestId'),
      conflictOfMany('releaseMany'),
      {
        name: 'an unknown lock',
        code: 'LOCK_NOT_FOUND',
        change: (input) => ({ ...input, lockIds: ['nope', 'lock-1'] }),
      },
      otherOrder,
      settled,
    ],
    impossible: [
      { both: ['a malformed requestId', 'a used request id'], because: 'there is one request id' },
      {
        both: ["another order's payment", 'a settled sale'],
        because: 'only its own order confirms what is paid',
      },
    ],
  },
];

function withItem(input: Input, item: object): Input {
  return { ...input, items: [...(input['items'] as object[]), item] };
}
