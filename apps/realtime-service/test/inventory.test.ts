import { describe, expect, test } from 'vitest';

import { DEMO_EVENTS } from '../src/demo-events.js';
import { loadInventory } from '../src/inventory-file.js';
import { readInventory } from '../src/inventory.js';

const CATEGORY = { categoryId: 1, name: 'Stalls', capacity: 50 };
const EVENT = { eventId: 1, name: 'Concert', categories: [CATEGORY] };
const problemsOf = (content: unknown) => {
  const read = readInventory(typeof content === 'string' ? content : JSON.stringify(content));
  return read.ok ? [] : read.problems;
};
const withCategory = (category: object) => ({
  events: [{ ...EVENT, categories: [CATEGORY, { ...CATEGORY, categoryId: 2, ...category }] }],
});

describe('an inventory file', () => {
  test('is read, with canonical ids', async () => {
    const second = { eventId: '007', categories: [{ categoryId: '2', capacity: 0 }], price: 9 };
    const read = readInventory(JSON.stringify({ events: [EVENT, second] }));
    if (!read.ok) throw new Error(read.problems.join());
    const categories = [{ categoryId: 2, name: '', capacity: 0 }];
    expect(read.inventory.events).toEqual([EVENT, { eventId: '007', name: '', categories }]);
    expect(await read.inventory.load('007')).toMatchObject({ categories });
    expect(await read.inventory.load(7)).toBeUndefined();
  });

  test.each<[unknown, string]>([
    ['', 'it is not JSON: Unexpected end of JSON input'],
    [[], 'the file must be an object with the list "events", got []'],
    [{}, 'events must be a list, got nothing'],
    [{ events: [7] }, 'events[0] must be an object with eventId and categories, got 7'],
    [{ events: [{ ...EVENT, categories: {} }] }, 'events[0].categories must be a list, got {}'],
    [
      { events: [{ ...EVENT, categories: [] }] },
      'events[0].categories must have at least one category, got []',
    ],
    [{ events: [{ ...EVENT, name: 7 }] }, 'events[0].name must be a text, got 7'],
    [
      withCategory({ capacity: -1 }),
      'events[0].categories[1].capacity must be an integer of 0 or more, got -1',
    ],
    [
      withCategory({ capacity: '50' }),
      'events[0].categories[1].capacity must be an integer of 0 or more, got "50"',
    ],
    [
      withCategory({ capacity: 1.5 }),
      'events[0].categories[1].capacity must be an integer of 0 or more, got 1.5',
    ],
    [withCategory({ categoryId: '1' }), 'events[0].categories[1].categoryId 1 is there twice'],
    [{ events: [EVENT, { ...EVENT, eventId: '1' }] }, 'events[1].eventId 1 is there twice'],
  ])('is refused with the place that is wrong: %j', (content, problem) => {
    expect(problemsOf(content)).toEqual([problem]);
  });

  test('is refused with everything that is wrong', () => {
    const categories = [{ capacity: 1 }, { categoryId: 1.5, capacity: null }];
    expect(problemsOf({ events: [{ eventId: -1, categories }] })).toHaveLength(4);
  });

  test('that is not there is a problem of its variable', async () => {
    const loaded = await loadInventory('/no/such/file.json');
    expect(loaded).toMatchObject({ ok: false });
    expect(loaded.ok ? '' : loaded.problems[0]).toMatch(/^INVENTORY_FILE cannot be read: ENOENT/);
  });

  test('is not needed: the demo has events of its own', async () => {
    const loaded = await loadInventory(undefined);
    expect(loaded.ok && loaded.inventory.events).toBe(DEMO_EVENTS);
    expect(problemsOf({ events: DEMO_EVENTS })).toEqual([]);
    expect(DEMO_EVENTS.map(({ eventId }) => eventId)).toContain(1);
  });
});
