import { expect, test } from 'vitest';

import { routeOf } from '../src/route.js';

test.each([
  ['confirm-ticket-lock', 'confirm-ticket-lock'],
  [5, '5'],
  ['5', '5'],
  [{ cmd: 'confirm-ticket-lock' }, '{"cmd":"confirm-ticket-lock"}'],
  ['{"cmd":"confirm-ticket-lock"}', '{"cmd":"confirm-ticket-lock"}'],
  [' { "cmd" : "x" }', '{"cmd":"x"}'],
  ['"confirm-ticket-lock"', 'confirm-ticket-lock'],
  ['{not json', '{not json'],
  [{ cmd: 'x', b: { z: 1, a: 'y' } }, '{"b":{"a":"y","z":1},"cmd":"x"}'],
  [{ cmd: 'say "hi" \\' }, '{"cmd":"say \\"hi\\" \\\\"}'],
  [null, 'null'],
  [undefined, 'undefined'],
  [{ toString: 1 }, '{"toString":1}'],
])('%j is filed under %s', (pattern, route) => {
  expect(routeOf(pattern)).toBe(route);
});

test('depth and width are bounded', () => {
  const deep = JSON.parse('{"a":'.repeat(9) + '1' + '}'.repeat(9)) as unknown;
  expect(routeOf(deep)).toContain('[MAX_DEPTH_REACHED]');
  const wide = Object.fromEntries(Array.from({ length: 21 }, (_, index) => [`k${index}`, index]));
  expect(routeOf(wide)).toBe('[TOO_MANY_KEYS]');
});
