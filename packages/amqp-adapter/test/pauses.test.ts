import { ManualClock } from '@ticket-locks/lock-engine/testing';
import { expect, test } from 'vitest';

import { Pauses } from '../src/pauses.js';

test('a pause is over after its time, not before', async () => {
  const clock = new ManualClock();
  const pauses = new Pauses(clock);
  let end: string | undefined;
  void pauses.wait(100).then((how) => (end = how));
  clock.advance(99);
  await Promise.resolve();
  expect(end).toBeUndefined();
  clock.advance(1);
  await Promise.resolve();
  expect(end).toBe('over');
});

test('pauses that are cut short say so, and later ones last', async () => {
  const clock = new ManualClock();
  const pauses = new Pauses(clock);
  const cut = [pauses.wait(100), pauses.wait(200)];
  pauses.release();
  expect(await Promise.all(cut)).toEqual(['stopped', 'stopped']);
  const next = pauses.wait(100);
  clock.advance(100);
  expect(await next).toBe('over');
});

test('after a stop no pause lasts', async () => {
  const pauses = new Pauses(new ManualClock());
  const cut = pauses.wait(100);
  pauses.stop();
  expect(await cut).toBe('stopped');
  expect(await pauses.wait(100)).toBe('stopped');
});
