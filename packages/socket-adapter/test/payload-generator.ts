import type { SeededRandom } from '@ticket-locks/lock-engine/testing';

const KEYS = [
  'eventId',
  'categoryId',
  'quantity',
  'userId',
  'requestId',
  'onExisting',
  'items',
  'lockId',
  'token',
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'toJSON',
  'length',
  'then',
];
const NUMBERS = [
  0,
  -0,
  1,
  2,
  -1,
  1.5,
  1e21,
  2 ** 53,
  2 ** 53 - 1,
  -(2 ** 53),
  5e-324,
  Number.NaN,
  Infinity,
  -Infinity,
];
const TEXTS = [
  '',
  '1',
  '12',
  '007',
  '2',
  'NaN',
  '1e3',
  '0x10',
  '-1',
  '9007199254740993',
  'set',
  'add',
  '__proto__',
  'constructor',
  'prototype',
  'lock-1',
  'a\nb',
  'a\r\nb',
  '\0',
  '\u{7f}',
  '\ud800',
  '\u{1d7d9}',
  '\uff11',
  '\u202e',
  'é',
  'é',
  '${7*7}',
  "' OR 1=1 --",
];
const ODDITIES: readonly (() => unknown)[] = [
  () => 2n,
  () => Symbol('s'),
  () => () => 2,
  () => new Date(0),
  () => new Map([['eventId', 1]]),
  () => new Uint8Array(4),
  () => ({ valueOf: () => 2, toString: () => '2' }),
  () => Object.create(null) as unknown,
  () => [undefined, 1],
  () => /x/g,
];
const DEPTH_MAX = 4;
const TEXT_LENGTH_MAX = 15_000;

/** Payloads as nobody should send them: near to what is valid, and far from it. Quick: millions. */
export class PayloadGenerator {
  readonly #random: SeededRandom;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  /** With values that no JSON has. */
  anything(): unknown {
    return this.#random.chance(0.8) ? this.#record(0) : this.#value(0);
  }

  /** As text, short enough for a frame; may name a key twice, or `__proto__`. */
  json(): string {
    const text = JSON.stringify(this.anything(), (_key, value: unknown) =>
      typeof value === 'bigint' ? String(value) : value,
    );
    if (text === undefined || text.length > TEXT_LENGTH_MAX) return 'null';
    return this.#random.chance(0.1) ? text.replace('{"', '{"__proto__":{"x":1},"') : text;
  }

  #value(depth: number): unknown {
    const random = this.#random;
    switch (random.below(9)) {
      case 0:
      case 1:
        return random.pick(NUMBERS);
      case 2:
        return random.below(20);
      case 3:
      case 4:
        return random.pick(TEXTS);
      case 5:
        return random.pick([null, undefined, true, false]);
      case 6:
        return depth < DEPTH_MAX ? this.#record(depth + 1) : {};
      case 7:
        return depth < DEPTH_MAX ? this.#list(depth + 1) : [];
      default:
        return random.chance(0.1) ? 'x'.repeat(random.below(10_000)) : random.pick(ODDITIES)();
    }
  }

  #record(depth: number): Record<string, unknown> {
    const record: Record<string, unknown> = {};
    if (this.#random.chance(0.5)) Object.assign(record, { eventId: 1, categoryId: 1, quantity: 1 });
    for (let count = this.#random.below(5); count > 0; count -= 1) {
      const value = this.#value(depth);
      // As JSON.parse does it: a key of its own, even this one.
      Object.defineProperty(record, this.#random.pick(KEYS), {
        value,
        enumerable: true,
        writable: true,
        configurable: true,
      });
    }
    return record;
  }

  #list(depth: number): unknown[] {
    return Array.from({ length: this.#random.below(6) }, () => this.#value(depth));
  }
}
