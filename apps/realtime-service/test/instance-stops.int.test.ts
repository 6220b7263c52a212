// An instance stands still for longer than a lock lives, and goes on as if nothing had been.
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

import type { TestBuyer } from '../../../packages/socket-adapter/test/test-buyer.js';
import { Instances } from './instances.js';
import { campaignStops } from './rounds/campaign.js';
import { endServices, tokenFor } from './service-process.js';
import type { ServiceProcess } from './service-process.js';

const stops = campaignStops(2);
const CAPACITY = 6;
const LIFE_S = 2;
const GRACE_S = 1;
/** The end of a lock is told within a second. */
const OVER_MS = LIFE_S * 1_000 + 1_000;
/** Longer than the lease and the grace: the others have buried the instance. */
const BURIED_MS = 8_000;
/** An instance that goes on serves again within this time. */
const RECOVERY_MS = 10_000;

let instances: Instances;

beforeAll(async () => {
  const events = Array.from({ length: stops }, (_, round) => ({
    eventId: round + 1,
    categories: [{ categoryId: 1, capacity: CAPACITY }],
  }));
  const environment = {
    DEMO: 'on',
    LOCK_DURATION_SECONDS: String(LIFE_S),
    EXPIRING_NOTICE_SECONDS: '0',
    DISCONNECT_GRACE_SECONDS: String(GRACE_S),
  };
  instances = await Instances.open(3, environment, { events });
});

afterAll(async () => {
  for (const service of instances.all) if (service.isRunning) service.kill('SIGCONT');
  await instances.close();
  await endServices();
});

interface Answer {
  readonly success?: boolean;
  readonly code?: string;
}

/**
 * Asks the instance to confirm, as an order whose payment has just succeeded. No answer, because
 * the connection was given up, is an unknown outcome.
 */
async function confirm(service: ServiceProcess, lockId: string, round: number): Promise<Answer> {
  const orderId = `demo-${round.toString(16).padStart(16, '0')}`;
  const response = await fetch(`${service.url}/demo/orders/confirm`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ orderId, lockIds: [lockId] }),
  }).catch(() => undefined);
  if (response === undefined) return { code: 'OUTCOME_UNKNOWN' };
  return (await response.json()) as Answer;
}

/** Asks until there is an answer that is not about the instance itself. */
function finalAnswer(ask: () => Promise<Answer>): Promise<Answer> {
  return vi.waitFor(
    async () => {
      const answer = await ask();
      const isOpen = answer.code === 'UNAVAILABLE' || answer.code === 'OUTCOME_UNKNOWN';
      if (isOpen) throw new Error(`no final answer: ${answer.code}`);
      return answer;
    },
    { timeout: RECOVERY_MS, interval: 50 },
  );
}

async function comeBack(service: ServiceProcess, userId: string, resumeToken: string) {
  const auth = { token: await tokenFor(userId), resumeToken };
  const connecting = () => service.connect({ auth });
  return vi.waitFor(connecting, { timeout: RECOVERY_MS, interval: 100 });
}

async function standStill(round: number): Promise<void> {
  const [stopped, living, other] = [0, 1, 2].map((index) => instances.all[(round + index) % 3]) as [
    ServiceProcess,
    ServiceProcess,
    ServiceProcess,
  ];
  const eventId = round + 1;
  const all = { eventId, categoryId: 1, quantity: CAPACITY };
  const buyer = await stopped.buyer(`buyer-${round}`);
  const { resumeToken } = await buyer.hears('connected');
  const onlooker = await other.buyer(`buyer-${round}`);
  const { lockId } = (await buyer.ask('lock-tickets', all)) as { lockId: string };
  expect(lockId).toBeTypeOf('string');

  stopped.kill('SIGSTOP');
  // They lie in the socket of the instance, which reads them when it goes on.
  const late: [TestBuyer, string, object][] = [
    [buyer, 'extend-lock', { lockId }],
    [buyer, 'lock-tickets', { ...all, quantity: 1 }],
  ];
  const asked = late.map(([who, event, payload]) => lateAnswer(who, event, payload));
  const confirming = confirm(stopped, lockId, round);
  await onlooker.hears('lock-expired', (news) => news.lockId === lockId);
  // Nothing is free until then, and everything at once.
  const rival = await living.buyer(`rival-${round}`);
  const rivals: Answer & { lockId?: string } = await finalAnswer(() =>
    rival.ask('lock-tickets', all),
  );
  expect(rivals).toMatchObject({ success: true });
  const confirmed = await finalAnswer(() => confirm(living, rivals.lockId ?? '', round + 1_000));
  expect(confirmed).toMatchObject({ success: true });
  const until = Date.now() + (round % 2 === 0 ? 0 : BURIED_MS);
  await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(until), BURIED_MS + 1_000);
  stopped.kill('SIGCONT');

  const codes = await Promise.all(asked);
  expect(['LOCK_EXPIRED', 'OUTCOME_UNKNOWN', 'UNAVAILABLE', undefined]).toContain(codes[0]);
  expect(['INSUFFICIENT_TICKETS', 'OUTCOME_UNKNOWN', 'UNAVAILABLE', undefined]).toContain(codes[1]);
  const first = await confirming;
  expect(['LOCK_EXPIRED', 'OUTCOME_UNKNOWN', 'UNAVAILABLE']).toContain(first.code);
  const again = await finalAnswer(() => confirm(stopped, lockId, round));
  expect(again).toMatchObject({ success: false, code: 'LOCK_EXPIRED' });
  await expectSold(eventId);

  // Its buyers are served again, in the session that they had.
  buyer.socket.close();
  const back = await comeBack(stopped, `buyer-${round}`, resumeToken);
  expect(await back.hears('connected')).toMatchObject({ resumed: true });
  const refused = await finalAnswer(() => back.ask('lock-tickets', { ...all, quantity: 1 }));
  expect(refused).toMatchObject({ code: 'INSUFFICIENT_TICKETS', available: 0 });
  expect(onlooker.allHeard('lock-expired')).toHaveLength(1);
  for (const one of [back, onlooker, rival]) one.socket.disconnect();
}

/** The code of an answer; `undefined` when none came because the connection was given up. */
async function lateAnswer(
  buyer: TestBuyer,
  event: string,
  payload: object,
): Promise<string | undefined> {
  const answer: Answer = await new Promise((resolve) => {
    buyer.socket.once('disconnect', () => resolve({}));
    (buyer.socket as { emit(event: string, ...args: unknown[]): void }).emit(
      event,
      payload,
      resolve,
    );
  });
  expect(answer.success).not.toBe(true);
  return answer.code;
}

/** Every instance says the same: all tickets are sold, to the one who had locked them. */
async function expectSold(eventId: number): Promise<void> {
  for (const [index, service] of instances.all.entries()) {
    const watcher = await vi.waitFor(() => service.buyer(`watcher-${index}`), RECOVERY_MS);
    const answer = await finalAnswer(() => watcher.ask('join-event-room', { eventId }));
    expect(answer).toMatchObject({
      availability: [{ soldTickets: CAPACITY, lockedTickets: 0, availableTickets: 0 }],
    });
    watcher.socket.disconnect();
  }
}

test(
  'an instance that stood still neither grants nor confirms what is over',
  async () => {
    for (let round = 0; round < stops; round += 1) await standStill(round);
  },
  30_000 + stops * (OVER_MS + BURIED_MS + RECOVERY_MS),
);
