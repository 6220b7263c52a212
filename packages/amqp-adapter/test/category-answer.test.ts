import { describe, expect, test } from 'vitest';

import { readCategoryAnswer } from '../src/category-answer.js';

const LINE = {
  id: 2,
  categoryName: 'Seats',
  price: '49.90',
  totalSeats: 50,
  reservedSeats: 8,
  availableSeats: 42,
  isActive: true,
  description: null,
  eventId: 1,
};

const figures = (categories: object[]) => ({ ok: true, inventory: { categories } });

describe('a good answer', () => {
  test('gives capacity and sold tickets, and nothing else', () => {
    expect(readCategoryAnswer([LINE], 1)).toEqual(
      figures([{ categoryId: 2, capacity: 50, soldElsewhere: 8 }]),
    );
  });

  test('may say numbers as texts, as a database column does', () => {
    const line = { ...LINE, id: '2', eventId: '1', totalSeats: '50', reservedSeats: '8.00' };
    expect(readCategoryAnswer([line], 1)).toEqual(
      figures([{ categoryId: 2, capacity: 50, soldElsewhere: 8 }]),
    );
  });

  test('may be short: what is not said counts as yes', () => {
    const line = { id: 'gold', totalSeats: 5, reservedSeats: 0 };
    expect(readCategoryAnswer([line], 'gala')).toEqual(
      figures([{ categoryId: 'gold', capacity: 5, soldElsewhere: 0 }]),
    );
    expect(readCategoryAnswer([], 1)).toEqual(figures([]));
  });

  test('may say that more is reserved than there is: the organiser took tickets away', () => {
    const line = { ...LINE, reservedSeats: 60, availableSeats: -10 };
    expect(readCategoryAnswer([line], 1)).toEqual(
      figures([{ categoryId: 2, capacity: 50, soldElsewhere: 60 }]),
    );
  });

  test.each([false, 0, '0', 'false'])('with isActive %j leaves nothing to sell', (isActive) => {
    expect(readCategoryAnswer([{ ...LINE, isActive }], 1)).toEqual(
      figures([{ categoryId: 2, capacity: 8, soldElsewhere: 8 }]),
    );
  });
});

describe('refused as nonsense:', () => {
  test.each<[string, unknown]>([
    ['no list', { categories: [LINE] }],
    ['nothing', undefined],
    ['null', null],
    ['a text', 'Internal server error'],
    ['an entry that is no object', [7]],
    ['no id', [{ ...LINE, id: undefined }]],
    ['an id that is none', [{ ...LINE, id: -1 }]],
    ['the same id twice', [LINE, { ...LINE, id: '2' }]],
    ['a negative total', [{ ...LINE, totalSeats: -1 }]],
    ['a negative reserved', [{ ...LINE, reservedSeats: -1 }]],
    ['a negative text', [{ ...LINE, reservedSeats: '-1' }]],
    ['a fraction', [{ ...LINE, totalSeats: 1.5 }]],
    ['a fraction as a text', [{ ...LINE, totalSeats: '1.5' }]],
    ['NaN, which is null in JSON', [{ ...LINE, reservedSeats: null }]],
    ['NaN as a text', [{ ...LINE, reservedSeats: 'NaN' }]],
    ['an empty text', [{ ...LINE, reservedSeats: '' }]],
    ['reserved missing', [{ ...LINE, reservedSeats: undefined }]],
    ['more tickets than anybody has', [{ ...LINE, totalSeats: 1e12 }]],
    ['an isActive of another kind', [{ ...LINE, isActive: 'perhaps' }]],
    ['a category of another event', [{ ...LINE, eventId: 9 }]],
    [
      'too many categories',
      Array.from({ length: 1001 }, (_, id) => ({ id, totalSeats: 1, reservedSeats: 0 })),
    ],
  ])('%s', (_what, data) => {
    const read = readCategoryAnswer(data, 1);
    expect(read).toEqual({ ok: false, problem: expect.stringMatching(/\S/) as string });
  });
});
