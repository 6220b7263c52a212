import { expect } from 'vitest';

import type { RedisTicketLocks } from '../src/redis-ticket-locks.js';
import { codeOf, valueOf, wish } from './branches.js';

/** Everything that a store with an outbox does, once. */
export async function useEverything(store: RedisTicketLocks): Promise<void> {
  const { sessionId, resumeToken } = valueOf(await store.openSession({ userId: 'ann' }));
  const request = { ...wish('ann', sessionId, 3), requestId: 'r-1' };
  const { lockId } = valueOf(await store.lock(request));
  valueOf(await store.resumeSession({ userId: 'ann', resumeToken }));
  valueOf(await store.unlock({ lockId, quantity: 1 }));
  valueOf(await store.extend({ lockId }));
  valueOf(await store.beginPayment({ lockId, orderId: 1 }));
  valueOf(await store.confirm({ lockId, orderId: 1 }));
  valueOf(await store.release({ lockId, orderId: 1 }));
  valueOf(await store.lock(wish('ben', 'b')));
  valueOf(await store.cancelEvent({ eventId: 1 }));
  await store.leaveSession({ sessionId, how: 'goodbye' });
  await store.leaveSession({ sessionId, how: 'goodbye' });
  expect(await store.locksOfUser('ann')).toEqual([]);
  expect(await store.locksOfSession(sessionId)).toEqual([]);
  expect(await store.refundsRequired()).toEqual([]);
  expect(await store.unsettledLocks(1)).toEqual([]);
  expect(await store.stats()).toMatchObject({ totalLocks: 2, activeLocks: 0 });
  expect(codeOf(await store.availability(1))).toBe('ok');
  await tellEverything(store);
}

async function tellEverything({ outbox }: RedisTicketLocks): Promise<void> {
  const reader = { onMore: () => undefined, onRevoked: () => undefined };
  await outbox?.attach(reader);
  const entries = (await outbox?.read(100)) ?? [];
  expect(entries.length).toBeGreaterThan(5);
  for (const { position } of entries) outbox?.markPublished(position);
  await outbox?.detach();
  await outbox?.attach(reader);
  expect(await outbox?.read(100)).toEqual([]);
  await outbox?.detach();
}
