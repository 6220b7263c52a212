import { ManualInventory } from '@ticket-locks/lock-engine/testing';
import { afterEach, expect, test, vi } from 'vitest';

import { RedisTicketLocks } from '../src/redis-ticket-locks.js';
import { valueOf, wish } from './branches.js';
import { TcpProxy } from './losses/tcp-proxy.js';
import { PrivateServer } from './private-server.js';

const CUTS = 3;
const RECOVERY_MS = 10_000;

let close: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const one of close.reverse()) await one();
  close = [];
});

test('a connection that breaks while it subscribes again harms nobody', async () => {
  const server = await PrivateServer.start();
  close.push(() => server.stop());
  const link = await TcpProxy.open(server.port);
  close.push(() => link.close());
  const source = new ManualInventory().set(1, { categoryId: 2, capacity: 10 });
  const [near, far] = [server.port, link.port].map((port) => {
    const store = new RedisTicketLocks({ url: `redis://127.0.0.1:${port}`, source });
    close.push(() => store.stop());
    return store;
  }) as [RedisTicketLocks, RedisTicketLocks];
  await near.start();
  await far.start();
  const heard: string[] = [];
  far.on('change', (change) => {
    if (change.type === 'locked') heard.push(change.lockId);
  });
  link.cutAt('subscribe', CUTS);
  link.cut();
  // A rejection that nobody handles would end the process, and fails the test.
  await vi.waitFor(() => expect(link.cutsLeft).toBe(0), RECOVERY_MS);
  let buyers = 0;
  await vi.waitFor(async () => {
    const { lockId } = valueOf(await near.lock(wish(`buyer-${(buyers += 1)}`)));
    valueOf(await near.unlock({ lockId }));
    await vi.waitFor(() => expect(heard).toContain(lockId), 200);
  }, RECOVERY_MS);
});
