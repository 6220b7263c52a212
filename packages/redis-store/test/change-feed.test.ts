import { ManualClock } from '@ticket-locks/lock-engine/testing';
import { expect, test } from 'vitest';

import { ChangeFeed } from '../src/change-feed.js';
import { FIELD, LINE } from '../src/wire-text.js';

/** What a function tells of one lock of event 1. */
function locked(epoch: number, seq: number): string {
  const change = ['locked', `lock-${epoch}-${seq}`, '2', '"ann"', '1', 's', '1000'].join(FIELD);
  return ['1', epoch, seq, 0, change].join(LINE);
}

function openFeed() {
  const told: string[] = [];
  const feed = new ChangeFeed({
    timers: new ManualClock(0),
    onChange: (_tag, change) => told.push('lockId' in change ? change.lockId : change.type),
    readAfter: async () => [],
  });
  return { feed, told };
}

test('changes of an epoch that is over are not taken for those of the present one', () => {
  const { feed, told } = openFeed();
  for (const [epoch, seq] of [
    [2, 1],
    [3, 1],
    [2, 2],
    [2, 1],
    [3, 2],
  ] as const)
    feed.take(locked(epoch, seq));
  expect(told).toEqual(['lock-2-1', 'lock-3-1', 'lock-3-2']);
});

test('what waits for an earlier change is told when the epoch ends', () => {
  const { feed, told } = openFeed();
  for (const [epoch, seq] of [
    [2, 1],
    [2, 4],
    [2, 3],
    [3, 1],
  ] as const)
    feed.take(locked(epoch, seq));
  expect(told).toEqual(['lock-2-1', 'lock-2-3', 'lock-2-4', 'lock-3-1']);
});
