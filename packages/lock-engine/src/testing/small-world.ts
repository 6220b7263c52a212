import type { Id } from '../engine/id.js';

/**
 * Few of everything, so that commands meet: with their other spellings, and ids that look alike and
 * are not.
 */
export const EVENT_IDS: readonly Id[] = [1, 'gala', 2];
export const CATEGORY_IDS: readonly Id[] = [7, '007', 'box'];
export const USER_IDS: readonly Id[] = [11, 'ann', '__proto__', '011'];
export const SESSION_IDS: readonly string[] = ['s-1', 's-2', 's-3', '__proto__'];
export const ORDER_IDS: readonly Id[] = [70, 'ord-1', '070'];
export const REQUEST_IDS: readonly string[] = ['r-1', 'r-2', 'r-3', 'constructor'];

/** The same ids as they may arrive: a number as text is the same id. */
export function spellingsOf(id: Id): readonly unknown[] {
  return typeof id === 'number' ? [id, String(id)] : [id];
}

/** What is no id, no number of tickets, no instant, no list and no command. */
export const MALFORMED: readonly unknown[] = [
  undefined,
  null,
  NaN,
  Infinity,
  -Infinity,
  -1,
  -0,
  0,
  0.5,
  1.5,
  2 ** 53,
  1e21,
  '',
  ' ',
  '1',
  '1e21',
  '-0',
  'a\u0000b',
  'x'.repeat(65),
  'x'.repeat(129),
  true,
  [],
  [1],
  {},
  { lockId: 'lock-1' },
  '__proto__',
  '007',
];
