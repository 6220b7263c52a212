// What becomes of a lock when its buyer reloads, loses the network, or goes: in a real browser.
import { createRequire } from 'node:module';

import { chromium } from 'playwright-core';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { io } from 'socket.io-client';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import { someNumber } from '../../../packages/socket-adapter/test/some.js';
import { TestBuyer } from '../../../packages/socket-adapter/test/test-buyer.js';
import { CuttableNetwork } from './cuttable-network.js';
import { endServices, startService, tokenFor } from './service-process.js';
import type { ServiceProcess } from './service-process.js';

const BROWSER_ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage',
];
const GRACE_MS = 3000;
const CUT_MS = 5000;
const CATEGORY = 1;
const CAPACITY = 50;
const CLIENT_OF_NPM = createRequire(import.meta.url).resolve('socket.io-client/dist/socket.io.js');

let browser: Browser;
let service: ServiceProcess;
let faults: string[] = [];
let witnessCount = 0;

beforeAll(async () => {
  const executablePath = process.env['CHROMIUM_PATH'];
  if (executablePath === undefined || executablePath === '') {
    throw new Error('CHROMIUM_PATH is not set: these tests need a browser. `npm test` finds one.');
  }
  browser = await chromium.launch({ executablePath, args: BROWSER_ARGUMENTS });
  service = await start(GRACE_MS);
});

afterAll(async () => {
  await browser?.close();
  await endServices();
});

afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
  expect(faults).toEqual([]);
  faults = [];
});

async function start(graceMs: number): Promise<ServiceProcess> {
  const grace = String(graceMs / 1000);
  return startService({ DEMO: 'on', DATA_DIR: 'none', DISCONNECT_GRACE_SECONDS: grace });
}

interface Visit {
  readonly user: string;
  readonly eventId: number;
  readonly url?: string;
  readonly context?: BrowserContext;
}

/** The demo page of one user, live. */
async function openPage({ user, eventId, url = service.url, context }: Visit): Promise<Page> {
  const page = await (context ?? (await browser.newContext())).newPage();
  page.on('pageerror', ({ message }) => faults.push(`${user}: ${message}`));
  await page.goto(`${url}/?eventId=${eventId}&user=${user}`);
  await isLive(page);
  return page;
}

const isLive = (page: Page) => page.getByText('Live', { exact: true }).waitFor();
const cardIn = (page: Page) => page.locator(`[data-category="${CATEGORY}"]`);
const showsLock = (page: Page) => cardIn(page).getByText('locked for you', { exact: true });

async function lockIn(page: Page): Promise<void> {
  await cardIn(page).getByRole('button', { name: 'Lock 2 tickets' }).click();
  await showsLock(page).waitFor();
}

/** The one lock of a user, as another session of his sees it. */
async function lockOf(other: TestBuyer): Promise<{ lockId: string; expiresAt: string }> {
  const { locks } = (await other.ask('get-my-locks')) as { locks: never[] };
  expect(locks).toHaveLength(1);
  return locks[0]!;
}

async function watcherOf(eventId: number): Promise<TestBuyer> {
  const watcher = await service.buyer('watcher');
  await watcher.ask('join-event-room', { eventId });
  return watcher;
}

/** Waits until a grace that begins now is over: somebody else's tickets are given back by it. */
async function graceIsOver(): Promise<void> {
  const user = `witness-${(witnessCount += 1)}`;
  const [witness, other] = await Promise.all([service.buyer(user), service.buyer(user)]);
  await witness.ask('lock-tickets', { eventId: 20, categoryId: 1, quantity: 1 });
  witness.loseConnection();
  await other.hears('lock-released', ({ reason }) => reason === 'disconnected');
}

describe('a reload of the page', () => {
  test('keeps the lock and its end, beyond the grace', async () => {
    const other = await service.buyer('rita');
    const page = await openPage({ user: 'rita', eventId: 1 });
    await lockIn(page);
    const { lockId, expiresAt } = await lockOf(other);
    for (let reload = 0; reload < 3; reload += 1) {
      await page.reload();
      await showsLock(page).waitFor();
    }
    await graceIsOver();
    expect(await lockOf(other)).toMatchObject({ lockId, expiresAt });
    expect(other.allHeard('lock-released')).toEqual([]);
    await showsLock(page).waitFor();
  });
});

describe('a network that is gone for five seconds', () => {
  test('costs no lock, in a page or in another program', async () => {
    const patient = await start(20_000);
    const network = await CuttableNetwork.to(patient.port);
    const eventId = 1;
    const token = await tokenFor('ned');
    let resumeToken: string | undefined;
    const program = new TestBuyer(
      io(`${network.url}/realtime`, { auth: (send) => send({ token, resumeToken }) }),
    );
    try {
      const [ofNora, ofNed] = await Promise.all([patient.buyer('nora'), patient.buyer('ned')]);
      const page = await openPage({ user: 'nora', eventId, url: network.url });
      ({ resumeToken } = await program.hears('connected'));
      await lockIn(page);
      await program.ask('lock-tickets', { eventId, categoryId: CATEGORY, quantity: 3 });
      const [lockOfNora, lockOfNed] = await Promise.all([lockOf(ofNora), lockOf(ofNed)]);

      network.cut();
      const cutAtMs = performance.now();
      await page.getByText('Reconnecting', { exact: false }).waitFor();
      await program.disconnected();
      await expect
        .poll(async () => (await patient.get('/stats')).body['connections'])
        .toBe([ofNora, ofNed].length);
      await expect
        .poll(() => performance.now() - cutAtMs, { timeout: 2 * CUT_MS, interval: 50 })
        .toBeGreaterThanOrEqual(CUT_MS);
      network.mend();

      await isLive(page);
      await showsLock(page).waitFor();
      await expect.poll(() => program.socket.connected, { timeout: 10_000 }).toBe(true);
      await program.hears('connected', ({ resumed }) => resumed);
      expect(await lockOf(ofNora)).toEqual({ ...lockOfNora, expiresInMs: someNumber });
      expect(await lockOf(ofNed)).toEqual({ ...lockOfNed, expiresInMs: someNumber });
      expect(ofNora.allHeard('lock-released')).toEqual([]);
    } finally {
      program.socket.close();
      await network.close();
    }
  });
});

describe('a tab that is closed', () => {
  test('gives its tickets back when the grace is over, and a second later everybody knows', async () => {
    const eventId = 3;
    const watcher = await watcherOf(eventId);
    const page = await openPage({ user: 'tom', eventId });
    await lockIn(page);
    await watcher.hears('availability-update', (news) => news.lockedTickets === 2);
    watcher.heard.length = 0;
    const beforeMs = Date.now();
    await page.close();
    const afterMs = Date.now();
    const news = await watcher.hears('availability-update');
    const heardAtMs = Date.now();
    expect(news).toMatchObject({ availableTickets: CAPACITY, lockedTickets: 0 });
    // A few milliseconds less: two clocks are read here.
    expect(heardAtMs - beforeMs).toBeGreaterThan(GRACE_MS - 50);
    expect(heardAtMs - afterMs).toBeLessThan(GRACE_MS + 1000);
  });

  test('takes no lock along while another tab of its session is open', async () => {
    const eventId = 4;
    const other = await service.buyer('tina');
    const first = await openPage({ user: 'tina', eventId });
    await lockIn(first);
    const lock = await lockOf(other);
    // A duplicated tab: the browser copies what the session is kept in.
    const opened = first.context().waitForEvent('page');
    await first.evaluate('void window.open(location.href)');
    const second = await opened;
    await isLive(second);
    await showsLock(second).waitFor();
    const storage = 'JSON.stringify({ ...sessionStorage })';
    expect(await second.evaluate(storage)).toBe(await first.evaluate(storage));

    await first.close();
    await graceIsOver();
    expect(await lockOf(other)).toMatchObject({ lockId: lock.lockId, expiresAt: lock.expiresAt });
    await second.close();
    expect(await other.hears('lock-released')).toMatchObject({ reason: 'disconnected' });
  });
});

describe('a goodbye', () => {
  test('frees the tickets at once', async () => {
    const eventId = 5;
    const watcher = await watcherOf(eventId);
    const page = await (await browser.newContext()).newPage();
    await page.goto(`${service.url}/health/live`);
    await page.addScriptTag({ path: CLIENT_OF_NPM });
    const auth = JSON.stringify({ token: await tokenFor('greta') });
    const wish = JSON.stringify({ eventId, categoryId: CATEGORY, quantity: 4 });
    await page.evaluate(`
      window.socket = io('/realtime', { auth: ${auth} });
      socket.timeout(5000).emitWithAck('lock-tickets', ${wish});
    `);
    await watcher.hears('availability-update', (news) => news.lockedTickets === 4);
    watcher.heard.length = 0;
    const leftAtMs = Date.now();
    await page.evaluate('void socket.disconnect()');
    expect(await watcher.hears('availability-update')).toMatchObject({ lockedTickets: 0 });
    expect(Date.now() - leftAtMs).toBeLessThan(1000);
  });
});
