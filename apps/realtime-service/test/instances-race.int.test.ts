// Hundreds of buyers on three instances want what there is too little of.
import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, expect, test, vi } from 'vitest';

import type { TestBuyer } from '../../../packages/socket-adapter/test/test-buyer.js';
import { Instances } from './instances.js';
import { isFinal } from './rounds/caller.js';
import type { Answer } from './rounds/caller.js';
import { endServices } from './service-process.js';

const BUYERS = 600;
const CAPACITY = 200;
const ROUNDS = 10;
/** Connections that are opened at once. */
const BATCH = 60;
/** Everybody sees what became of a change within this time. */
const NEWS_MS = 1_000;
/** A busy machine may keep the instances from their Redis for a while. */
const FINAL_ANSWER_MS = 15_000;
const GRACE_S = 1;
/** The end of a grace is looked at within a second. */
const GRACE_OVER_MS = GRACE_S * 1_000 + 2_000;
/** What an event has in Redis at most: its state, its stream, and a few indexes. */
const KEYS_PER_EVENT_MAX = 12;
/** What all events share: the epoch, the index of events, sessions and instances. */
const KEYS_SHARED_MAX = 12;

let instances: Instances;
let buyers: TestBuyer[] = [];

beforeAll(async () => {
  const events = Array.from({ length: ROUNDS }, (_, round) => ({
    eventId: round + 1,
    categories: [{ categoryId: 1, capacity: CAPACITY }],
  }));
  const environment = {
    DISCONNECT_GRACE_SECONDS: String(GRACE_S),
    RATE_LIMIT_LOCKS_PER_MINUTE: '0',
  };
  instances = await Instances.open(3, environment, { events });
  for (let first = 0; first < BUYERS; first += BATCH) {
    const batch = Array.from({ length: BATCH }, (_, index) => connect(first + index));
    buyers.push(...(await Promise.all(batch)));
  }
});

afterAll(async () => {
  await instances.close();
  await endServices();
});

function connect(userId: number): Promise<TestBuyer> {
  const service = instances.all[userId % instances.all.length];
  if (service === undefined) throw new Error('there is no instance');
  return service.buyer(userId);
}

/** Asks again with the same request id while the outcome is not known, as a client does. */
function askAll(event: string, payload: object, some = buyers): Promise<Answer[]> {
  return Promise.all(some.map((buyer) => askUntilFinal(buyer, event, payload)));
}

async function askUntilFinal(buyer: TestBuyer, event: string, payload: object): Promise<Answer> {
  const requestId = randomUUID();
  return vi.waitFor(
    async () => {
      const answer = (await buyer.ask(event, { ...payload, requestId })) as unknown as Answer;
      if (!isFinal(answer)) throw new Error(`no final answer: ${JSON.stringify(answer)}`);
      return answer;
    },
    { timeout: FINAL_ANSWER_MS, interval: 100 },
  );
}

/** Awaits that every buyer was told the same of an event, and nothing else since. */
async function allSee(eventId: number, figures: object): Promise<void> {
  const latest = () =>
    buyers.map((buyer) => {
      const news = buyer.allHeard('availability-update');
      return news.findLast((update) => update.eventId === eventId);
    });
  await vi.waitFor(
    () => {
      for (const update of latest()) expect(update).toMatchObject(figures);
    },
    { timeout: NEWS_MS, interval: 20 },
  );
}

async function race(eventId: number): Promise<TestBuyer[]> {
  await askAll('join-event-room', { eventId });
  const answers = await askAll('lock-tickets', { eventId, categoryId: 1, quantity: 1 });
  await allSee(eventId, { lockedTickets: CAPACITY, availableTickets: 0, deficit: 0 });
  const winners = buyers.filter((_, index) => answers[index]?.success === true);
  const losers = answers.filter(({ code }) => code === 'INSUFFICIENT_TICKETS');
  expect(winners).toHaveLength(CAPACITY);
  expect(losers).toHaveLength(BUYERS - CAPACITY);
  expect(new Set(answers.map((answer) => answer['lockId'])).size).toBe(CAPACITY + 1);
  for (const buyer of buyers) {
    for (const update of buyer.allHeard('availability-update')) {
      expect(update.lockedTickets).toBeLessThanOrEqual(CAPACITY);
      expect(update.availableTickets).toBe(CAPACITY - update.lockedTickets);
    }
  }
  return winners;
}

test('600 buyers on three instances get 200 tickets, ten times', async () => {
  for (let eventId = 1; eventId < ROUNDS; eventId += 1) {
    const winners = await race(eventId);
    const given = await askAll('unlock-tickets', { eventId, categoryId: 1 }, winners);
    // Who had to ask again hears how his lock has ended.
    const codes = given.map(({ success, code }) => (success ? 'LOCK_RELEASED' : code));
    expect(new Set(codes)).toEqual(new Set(['LOCK_RELEASED']));
    await allSee(eventId, { lockedTickets: 0, availableTickets: CAPACITY });
    await askAll('leave-event-room', { eventId });
    for (const buyer of buyers) buyer.heard.length = 0;
  }
  await race(ROUNDS);
}, 180_000);

test('nothing is left behind when they leave with their locks', async () => {
  const [service] = instances.all;
  const isCounted = async () => {
    const ticketLocks = { activeLocks: CAPACITY, usersWithLocks: CAPACITY };
    expect((await service?.get('/stats'))?.body).toMatchObject({
      connections: BUYERS,
      connectedUsers: BUYERS,
      ticketLocks,
    });
  };
  await vi.waitFor(isCounted, { timeout: FINAL_ANSWER_MS, interval: 50 });
  const [leaving, losing] = [buyers.slice(BUYERS / 2), buyers.slice(0, BUYERS / 2)];
  for (const buyer of leaving) buyer.socket.disconnect();
  for (const buyer of losing) buyer.loseConnection();
  buyers = [];
  await vi.waitFor(
    async () => {
      expect((await service?.get('/stats'))?.body).toMatchObject({
        connections: 0,
        connectedUsers: 0,
        ticketLocks: { activeLocks: 0, usersWithLocks: 0, categoriesWithLocks: 0 },
      });
      expect(await instances.sessionIds()).toEqual([]);
    },
    { timeout: GRACE_OVER_MS, interval: 50 },
  );
  const keys = await instances.keys();
  const isOfUser = (key: string) => key.includes('.sessions}:u:');
  const ofUsers = keys.filter(isOfUser);
  expect(ofUsers.length).toBeLessThanOrEqual(BUYERS);
  // Where a user may have locks is forgotten by itself.
  for (const key of ofUsers) expect(await instances.redis.pttl(key)).toBeGreaterThan(0);
  const others = keys.filter((key) => !isOfUser(key));
  expect(others.length).toBeLessThanOrEqual(ROUNDS * KEYS_PER_EVENT_MAX + KEYS_SHARED_MAX);
});
