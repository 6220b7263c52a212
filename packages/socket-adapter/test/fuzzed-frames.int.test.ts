// Thousands of frames against a real server: valid to the parser, and broken ones.
import { SeededRandom } from '@ticket-locks/lock-engine/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { ANSWER_EVENTS, ERROR_CODES } from '../src/protocol.js';
import { PayloadGenerator } from './payload-generator.js';
import { RawClient } from './raw-client.js';
import { closeServers, startServer } from './test-server.js';
import type { TestServer } from './test-server.js';

const seed = Number(process.env['SEED'] ?? 8);
const COUNT = Number(process.env['FUZZ_FRAMES'] ?? 5000);
const ODD_CHARACTERS = '0123456789/,-[]{}":\0é_'.split('');
/** Sent before the answers are looked at. */
const BATCH = 100;
const EVENTS = [...Object.keys(ANSWER_EVENTS), 'error', '__proto__', 'constructor', 'nonsense'];

const random = new SeededRandom(seed);
const payloads = new PayloadGenerator(random);
const rejections: unknown[] = [];
const onRejection = (reason: unknown) => rejections.push(reason);
let server: TestServer;

beforeAll(async () => {
  process.on('unhandledRejection', onRejection);
  process.on('uncaughtException', onRejection);
  server = await startServer({
    limits: {
      connectionsPerUserMax: 0,
      lockRequestsPerUserPerMinute: 0,
      messagesPerSocketPerSecond: 0,
    },
  });
});
afterAll(async () => {
  await closeServers();
  process.off('unhandledRejection', onRejection);
  process.off('uncaughtException', onRejection);
});

/** What must be as it was; locks that were granted raise only the version. */
async function figures() {
  const outcome = await server.locks.availability(1);
  if (!outcome.ok) throw new Error(outcome.error.code);
  return {
    tickets: outcome.value.categories.map(({ available, locked, sold }) => [
      available,
      locked,
      sold,
    ]),
    activeLocks: (await server.locks.stats()).activeLocks,
    prototype: Reflect.ownKeys(Object.prototype),
  };
}

test(`${COUNT} requests have an answer each, and what is refused changes nothing (SEED=${seed})`, async () => {
  const before = await figures();
  const client = await RawClient.joined(server.url);
  let granted = 0;
  for (let sent = 0; sent < COUNT; sent += BATCH) {
    client.received.length = 0;
    for (let index = 0; index < BATCH; index += 1) {
      const event = random.pick(EVENTS);
      client.send(`42/realtime,${index}[${JSON.stringify(event)},${payloads.json()}]`);
    }
    await expect
      .poll(() => client.received.filter((frame) => frame.startsWith('43/')).length, {
        timeout: 10_000,
        interval: 2,
      })
      .toBe(BATCH);
    for (const frame of client.received) granted += judge(frame);
  }
  expect(granted).toBeGreaterThan(0);
  client.received.length = 0;
  const { locks } = (await client.ask('get-my-locks')) as unknown as {
    locks: { lockId: string }[];
  };
  for (const { lockId } of locks) await client.ask('unlock-tickets', { lockId });
  client.socket.terminate();
  expect(await figures()).toEqual(before);
  expect(rejections).toEqual([]);
});

/** Every answer is a success or one of the codes. Returns how many locks it grants. */
function judge(frame: string): number {
  if (!frame.startsWith('43/')) return 0;
  const [answer] = JSON.parse(frame.slice(frame.indexOf('['))) as [Record<string, unknown>];
  // Nothing here is a reason not to know.
  const codes = ERROR_CODES.filter((code) => !['OUTCOME_UNKNOWN', 'UNAVAILABLE'].includes(code));
  expect([undefined, ...codes]).toContain(answer['code']);
  return answer['success'] === true && 'expiresInMs' in answer ? 1 : 0;
}

test('frames that are broken in any place cost their own connection at most', async () => {
  const before = await figures();
  const whole = '42/realtime,7["heartbeat",{"requestId":"r"}]';
  for (let batch = 0; batch < 10; batch += 1) {
    const clients = await Promise.all(
      Array.from({ length: 20 }, () => RawClient.joined(server.url)),
    );
    for (const client of clients) client.send(broken(whole));
    // Those who are still in are served.
    const asked = clients.map((client) =>
      Promise.race([client.ask('get-my-locks').then(() => 'served'), client.closed]),
    );
    for (const outcome of await Promise.all(asked)) {
      expect(['served', 1000, 1005, 1006, 1007, 1008, 1009]).toContain(outcome);
    }
    for (const client of clients) client.socket.terminate();
  }
  expect(await figures()).toEqual(before);
  expect(rejections).toEqual([]);
});

/** Some characters are other ones, missing, or there twice. */
function broken(frame: string): string {
  const characters = frame.split('');
  for (let count = 1 + random.below(3); count > 0; count -= 1) {
    const at = random.below(characters.length);
    characters.splice(at, random.below(2), random.pick(ODD_CHARACTERS));
  }
  return characters.join('');
}
