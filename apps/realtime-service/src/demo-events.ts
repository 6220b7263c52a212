import type { DescribedEvent } from './inventory.js';

/**
 * What is on sale when nobody says otherwise: enough to try everything, and something scarce to
 * fight for.
 */
export const DEMO_EVENTS: readonly DescribedEvent[] = [
  {
    eventId: 1,
    name: 'Night of the Violins',
    categories: [
      { categoryId: 1, name: 'Stalls', capacity: 200 },
      { categoryId: 2, name: 'Balcony', capacity: 50 },
      { categoryId: 3, name: 'Front row', capacity: 4 },
    ],
  },
  {
    eventId: 2,
    name: 'River Stage Open Air',
    categories: [
      { categoryId: 4, name: 'Standing', capacity: 5000 },
      { categoryId: 5, name: 'Seats', capacity: 800 },
      { categoryId: 6, name: 'Backstage', capacity: 10 },
    ],
  },
  {
    eventId: 3,
    name: 'Cup Final',
    categories: [
      { categoryId: 7, name: 'North stand', capacity: 1200 },
      { categoryId: 8, name: 'South stand', capacity: 1200 },
      { categoryId: 9, name: 'Box', capacity: 12 },
    ],
  },
  {
    eventId: 4,
    name: 'Chamber Evening',
    categories: [{ categoryId: 10, name: 'Hall', capacity: 20 }],
  },
];
