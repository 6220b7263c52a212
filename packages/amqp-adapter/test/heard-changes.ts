import type { LockChange, TicketLocks } from '@ticket-locks/lock-engine';
import { expect, vi } from 'vitest';

import { isPublished } from '../src/change-message.js';
import { PATIENCE_MS } from './adapter-under-test.js';
import type { HeardChange } from './adapter-under-test.js';
import type { BoxOffice } from './box-office.js';

/** Every change that the store tells from now on, and that others are to be told. */
export function changesOf(locks: Pick<TicketLocks, 'on'>): LockChange[] {
  const changes: LockChange[] = [];
  locks.on('change', (change) => {
    if (isPublished(change)) changes.push(change);
  });
  return changes;
}

/** So many locks that each come, shrink and go: three changes each. */
export async function trade(office: BoxOffice, lockCount: number, from = 0): Promise<void> {
  for (let index = from; index < from + lockCount; index += 1) {
    const { lockId } = await office.lock(`user-${index}`, 2);
    await office.locks.unlock({ lockId, quantity: 1 });
    await office.locks.release({ lockId });
  }
}

/** Each change once, at its first arrival. */
export function firstsOf(heard: readonly HeardChange[]): HeardChange[] {
  const seen = new Set<unknown>();
  return heard.filter(({ data }) => !seen.has(data['id']) && seen.add(data['id']) !== undefined);
}

/** Waits until all of the changes have come; fails unless each has one id, in order per lock. */
export async function expectAllHeard(
  heard: readonly HeardChange[],
  changes: readonly LockChange[],
): Promise<void> {
  const seqsOf = (messages: readonly HeardChange[]) => messages.map(({ data }) => data['seq']);
  const expected = changes.map(({ seq }) => seq);
  const hasAll = () => new Set(seqsOf(heard)).size >= expected.length;
  await vi.waitUntil(hasAll, { timeout: PATIENCE_MS, interval: 20 }).catch(() => undefined);
  const firsts = firstsOf(heard);
  expect(seqsOf(firsts).toSorted((a, b) => Number(a) - Number(b))).toEqual(expected);
  const newestOf = new Map<unknown, number>();
  for (const { data } of firsts) {
    expect(Number(data['seq'])).toBeGreaterThan(newestOf.get(data['lockId']) ?? 0);
    newestOf.set(data['lockId'], Number(data['seq']));
  }
}
