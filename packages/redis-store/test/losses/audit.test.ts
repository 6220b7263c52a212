// The audit finds what it is for: each journal has one planted fault, and none without it.
import type { DecisionRecord, LockChange } from '@ticket-locks/lock-engine';
import { expect, test } from 'vitest';

import { routedLockId } from '../../src/event-key.js';
import { audit } from './audit.js';
import type { Asked, Evidence, LockStory, Verdict } from './journal.js';

const PLACE = '1/2';
const CAPACITY = 4;

type Call = Partial<Asked> & Pick<Asked, 'wish'>;

/** A lock of epoch 1 whose calls follow one another, 10 ms each, from an instant on. */
function story(name: string, startMs: number, calls: readonly Call[]): LockStory {
  const asked = calls.map((call, index): Asked => {
    const calledAtMs = startMs + index * 20;
    return { store: 0, code: 'ok', calledAtMs, answeredAtMs: calledAtMs + 10, ...call };
  });
  return {
    lockId: routedLockId(name, { tag: 'n1', epoch: 1 }),
    place: PLACE,
    userId: name,
    epoch: 1,
    owner: 0,
    isKnownToOwner: true,
    asked,
  };
}

const grant = (quantity: number): Call => ({ wish: 'lock', quantity, expiresInMs: 1_000 });
const confirm: Call = { wish: 'confirm', orderId: 7, quantity: 2 };
const unlock: Call = { wish: 'give-back', quantity: 0, isReleased: true };

function record(
  { lockId, userId }: LockStory,
  overrides: Partial<DecisionRecord> = {},
): DecisionRecord {
  return {
    lockId,
    eventId: 1,
    categoryId: 2,
    quantity: 2,
    userId,
    orderId: 7,
    epoch: 1,
    capacityAtGrant: CAPACITY,
    outcome: 'sold',
    decidedAtMs: 0,
    settled: false,
    ...overrides,
  };
}

function news({ lockId, userId }: LockStory, reason: 'lost' | 'unlocked'): LockChange {
  const about = { seq: 1, atMs: 1, lockId, eventId: 1, categoryId: 2, userId, quantity: 2 };
  return { ...about, type: 'released', reason };
}

const verdict = ({ lockId }: LockStory, overrides: Partial<Verdict> = {}): Verdict => ({
  lockId,
  confirm: 'LOCK_LOST',
  unlock: 'LOCK_LOST',
  isListed: false,
  ...overrides,
});

const bought = story('bought', 100, [grant(2), confirm]);
const given = story('given', 100, [grant(2), unlock]);
const lost = story('lost', 100, [grant(2)]);

/** One is bought, one given back, one lost with the epoch, which ends between 300 and 320 ms. */
const SOUND: Evidence = {
  capacities: new Map([[PLACE, CAPACITY + 2]]),
  stories: [bought, given, lost],
  figures: [{ store: 1, place: PLACE, calledAtMs: 115, answeredAtMs: 118, available: 0 }],
  ledger: [
    { calledAtMs: 300, answeredAtMs: 301, epoch: 1, sold: new Map([[PLACE, 2]]) },
    { calledAtMs: 320, answeredAtMs: 321, epoch: 2, sold: new Map([[PLACE, 2]]) },
  ],
  heard: [
    { store: 0, heardAtMs: 350, change: news(given, 'unlocked') },
    { store: 0, heardAtMs: 350, change: news(lost, 'lost') },
  ],
  records: [record(bought)],
  verdicts: [verdict(lost), verdict(given, { confirm: 'LOCK_RELEASED' })],
};

/** The rules that are broken, each once. */
function broken(planted: Partial<Evidence>): string[] {
  return [...new Set(audit({ ...SOUND, ...planted }).map(({ rule }) => rule))];
}

test('nothing is found where nothing is wrong', () => {
  expect(audit(SOUND)).toEqual([]);
});

test('more is sold than there is, in the end or meanwhile', () => {
  const others = [1, 2, 3].map((at) => story(`other-${at}`, 900, [confirm]));
  const records = [record(bought), ...others.map((one) => record(one, { quantity: 2 }))];
  const stories = [...SOUND.stories, ...others];
  expect(broken({ stories, records })).toContain('oversell');
  const sold = new Map([[PLACE, CAPACITY + 3]]);
  const ledger = [...SOUND.ledger, { calledAtMs: 400, answeredAtMs: 401, epoch: 2, sold }];
  expect(broken({ ledger })).toEqual(['oversell']);
});

test.each([
  ['has no record', []],
  ['is aborted', [record(bought, { outcome: 'aborted' })]],
  ['was returned by nobody', [record(bought, { outcome: 'returned' })]],
  ['is for another order', [record(bought, { orderId: 8 })]],
  ['has other tickets', [record(bought, { quantity: 1 })]],
])('what was told as confirmed %s', (_what, records) => {
  expect(broken({ records })).toContain('told');
});

test('what was told as given back is sold', () => {
  const both = story('both', 100, [grant(2), unlock, confirm]);
  const stories = [bought, both];
  expect(broken({ stories, records: [record(bought), record(both)] })).toContain('told');
});

test.each(['LOCK_LOST', 'LOCK_RELEASED', 'LOCK_EXPIRED', 'UNAVAILABLE'] as const)(
  'what was refused with %s is sold',
  (code) => {
    const refused = story('refused', 400, [grant(1), { ...confirm, code }]);
    const stories = [...SOUND.stories, refused];
    const records = [record(bought), record(refused, { quantity: 1 })];
    expect(broken({ stories, records })).toEqual(['refused']);
  },
);

test('a late confirm after a refusal is no fault, a plain one is', () => {
  const no: Call = { wish: 'confirm', code: 'LOCK_EXPIRED' };
  const late = story('late', 400, [grant(2), no, { ...confirm, late: true }]);
  const plain = story('late', 400, [grant(2), no, confirm]);
  const records = [record(bought), record(late)];
  expect(broken({ stories: [...SOUND.stories, late], records })).toEqual([]);
  expect(broken({ stories: [...SOUND.stories, plain], records })).toEqual(['refused']);
});

test('tickets are promised twice at one instant', () => {
  const other = story('other', 105, [grant(1), unlock]);
  const change = news(other, 'unlocked');
  const heard = [...SOUND.heard, { store: 0, heardAtMs: 350, change }];
  expect(broken({ stories: [...SOUND.stories, other], heard })).toContain('double promise');
  // The same lock a moment later, when one of the others is back.
  const later = story('other', 122, [grant(1), unlock]);
  expect(broken({ stories: [...SOUND.stories, later], heard })).toEqual([]);
});

test('tickets of a sale are promised again after a loss', () => {
  const other = story('other', 400, [grant(5), unlock]);
  const heard = [...SOUND.heard, { store: 0, heardAtMs: 350, change: news(other, 'unlocked') }];
  const stories = [...SOUND.stories, { ...other, epoch: 2 }];
  expect(broken({ stories, heard })).toEqual(['double promise']);
});

test('tickets are shown as free while they are taken', () => {
  const seen = { store: 1, place: PLACE, calledAtMs: 115, answeredAtMs: 118, available: 1 };
  expect(broken({ figures: [seen] })).toEqual(['availability']);
  // The lock may have been given back before the figures were read.
  const slow = { ...seen, answeredAtMs: 125 };
  expect(broken({ figures: [slow] })).toEqual([]);
});

test.each([
  ['sold after all', { confirm: 'ok' }],
  ['not found', { confirm: 'LOCK_NOT_FOUND' }],
  ['still unlocked', { unlock: 'ok' }],
  ['released, which nobody did', { confirm: 'LOCK_RELEASED' }],
  ['among the locks of its user', { isListed: true }],
] as const)('a lost lock is said to be %s', (_what, overrides) => {
  expect(broken({ verdicts: [verdict(lost, overrides)] })).toEqual(['loss unsaid']);
});

test('a call about a lock that was granted is answered as if there had never been one', () => {
  const call: Call = { wish: 'extend', code: 'LOCK_NOT_FOUND' };
  const stories = [bought, given, story('lost', 100, [grant(2), call])];
  expect(broken({ stories })).toEqual(['loss unsaid']);
});

test.each([
  ['not at all', []],
  ['to another store only', [1]],
  ['twice', [0, 0]],
])('the owner of a lost lock hears of it %s', (_what, stores) => {
  const heard = [
    { store: 0, heardAtMs: 350, change: news(given, 'unlocked') },
    ...stores.map((store) => ({ store, heardAtMs: 350, change: news(lost, 'lost') })),
  ];
  expect(broken({ heard })).toEqual(['loss unsaid']);
});

test('a lock that is said to be lost has no other end', () => {
  const tried = story('lost', 100, [grant(2), { wish: 'confirm', code: 'LOCK_LOST' }]);
  const stories = [bought, given, tried];
  expect(broken({ stories })).toEqual([]);
  const again = { ...news(tried, 'unlocked'), seq: 2 };
  const heard = [...SOUND.heard, { store: 0, heardAtMs: 360, change: again }];
  expect(broken({ stories, heard })).toEqual(['loss unsaid']);
});

test('whoever has left need not hear of it', () => {
  const stories = [bought, given, story('lost', 100, [grant(2), { wish: 'leave' }])];
  const heard = SOUND.heard.slice(0, 1);
  expect(broken({ stories, heard })).toEqual([]);
});

test('a sale is said to be lost', () => {
  const heard = [...SOUND.heard, { store: 2, heardAtMs: 350, change: news(bought, 'lost') }];
  expect(broken({ heard })).toEqual(['loss unsaid']);
});
