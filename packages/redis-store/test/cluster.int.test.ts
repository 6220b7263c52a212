// Several nodes, each with a part of the events.
import { ManualInventory } from '@ticket-locks/lock-engine/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { RedisTicketLocks } from '../src/redis-ticket-locks.js';
import { valueOf, wish } from './branches.js';
import { useEverything } from './every-command.js';
import { urlOfUser, userOfGuide } from './guide-rights.js';
import { PrivateServer } from './private-server.js';

const SLOTS = ['0 5460', '5461 10922', '10923 16383'];
const EVENTS = [1, 2, 3, 4, 5, 6];

let nodes: PrivateServer[];
let stores: RedisTicketLocks[] = [];

beforeEach(async () => {
  const options = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000'];
  const partial = ['--cluster-require-full-coverage', 'no'];
  nodes = await Promise.all(SLOTS.map(() => PrivateServer.start(...options, ...partial)));
  const [first] = nodes;
  for (const [index, node] of nodes.entries()) {
    await node.admin.call('ACL', 'SETUSER', ...userOfGuide('cluster'));
    await node.admin.call('CLUSTER', 'ADDSLOTSRANGE', ...(SLOTS[index] ?? '').split(' '));
    const { port } = new URL(node.url);
    await first?.admin.call('CLUSTER', 'MEET', '127.0.0.1', port);
  }
  for (const { admin } of nodes) {
    const info = async () => String(await admin.call('CLUSTER', 'INFO'));
    await expect.poll(info, { timeout: 20_000 }).toContain('cluster_slots_ok:16384');
    await expect.poll(info, { timeout: 20_000 }).toContain('cluster_state:ok');
  }
}, 60_000);
afterEach(async () => {
  await Promise.all(stores.map((store) => store.stop()));
  stores = [];
  await Promise.all(nodes.map((node) => node.stop()));
});

async function openStore(): Promise<RedisTicketLocks> {
  const source = new ManualInventory();
  for (const eventId of EVENTS) source.set(eventId, { categoryId: 2, capacity: 10 });
  const url = nodes.map((node) => urlOfUser(node.url)).join(',');
  const store = new RedisTicketLocks({ url, source, outbox: true, timeoutMs: 2_000 });
  stores.push(store);
  await store.start();
  return store;
}

/** The events of which a node has the keys. */
async function eventsOn({ admin }: PrivateServer): Promise<number[]> {
  const keys = await admin.keys('{tl:n*}');
  return keys.map((key) => Number(/^\{tl:n(\d+)\}$/.exec(key)?.[1]));
}

describe('a cluster of three nodes', () => {
  test('has the events of each node locked, sold and told by every instance', async () => {
    const [one, two] = [await openStore(), await openStore()];
    const told: string[] = [];
    two.on('change', (change) =>
      told.push(`${change.type} ${'eventId' in change && change.eventId}`),
    );
    for (const eventId of EVENTS) {
      const { lockId } = valueOf(await one.lock({ ...wish('ann', 's'), eventId }));
      valueOf(await two.confirm({ lockId }));
    }
    const places = await Promise.all(nodes.map(eventsOn));
    expect(new Set(places.flat())).toEqual(new Set(EVENTS));
    expect(Math.max(...places.map((events) => events.length))).toBeLessThan(EVENTS.length);
    for (const eventId of EVENTS) {
      await expect.poll(() => told, { timeout: 1_000 }).toContain(`confirmed ${eventId}`);
    }
    expect(await one.stats()).toMatchObject({ unsettledLocks: EVENTS.length });
  });

  test('lets every function keep to the slot of its key', async () => {
    await useEverything(await openStore());
  });

  test('goes on with what the living nodes have when one is gone', async () => {
    const store = await openStore();
    for (const eventId of EVENTS) valueOf(await store.lock({ ...wish('ann', 's'), eventId }));
    const places = await Promise.all(nodes.map(eventsOn));
    const victim = places.findIndex((events) => events.length > 0);
    const lost = places[victim] ?? [];
    nodes[victim]?.holdUp();
    const answering = async () => {
      const answers = await Promise.all(EVENTS.map((eventId) => store.availability(eventId)));
      return EVENTS.filter((_, index) => answers[index]?.ok === true);
    };
    const alive = EVENTS.filter((eventId) => !lost.includes(eventId));
    expect(await answering()).toEqual(alive);
    // Those that are there go on at once, all the while.
    for (let round = 0; round < 20; round += 1) expect(await answering()).toEqual(alive);
    nodes[victim]?.letGo();
    await expect.poll(answering, { timeout: 10_000 }).toEqual(EVENTS);
  });
});
