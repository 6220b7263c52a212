import { describe, expect, test } from 'vitest';

import { hrefOf, readVisit } from '../src/visit.js';

function tab(user?: string): Pick<Storage, 'getItem' | 'setItem'> {
  const items = new Map(user === undefined ? [] : [['ticket-locks.user', user]]);
  return {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
  };
}

describe('an address', () => {
  test('names the view, the event and the user', () => {
    const visit = { view: 'stage', userId: 'alice', eventId: 12 };
    expect(readVisit('?view=stage&eventId=12&user=alice', tab())).toEqual(visit);
  });

  test('without anything is the first event, for a guest who stays the same', () => {
    const storage = tab();
    const visit = readVisit('', storage);
    expect(visit).toMatchObject({ view: 'buyer', eventId: 1 });
    expect(visit.userId).toMatch(/^guest-/);
    expect(readVisit('?view=nonsense', storage)).toEqual(visit);
  });

  test('may name an event by a text, which stays as it is', () => {
    expect(readVisit('?eventId=007', tab('bob')).eventId).toBe('007');
    expect(readVisit('?eventId=gala&user=%20carol%20', tab('bob'))).toEqual({
      view: 'buyer',
      userId: 'carol',
      eventId: 'gala',
    });
  });

  test.each([
    { view: 'buyer', userId: 'a&b=c', eventId: 3 },
    { view: 'operator', userId: 'é ', eventId: 'x/y?' },
  ] as const)('written for %j leads there', (visit) => {
    expect(readVisit(hrefOf(visit), tab())).toEqual({ ...visit, userId: visit.userId.trim() });
  });
});
