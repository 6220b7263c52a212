import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';

import { startService } from './realtime-service.js';
import type { RunningService } from './realtime-service.js';

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
/** The demo's first event, and a category of it. */
const CATEGORY = '2';

let service: RunningService;
let browser: Browser;
let complaints: string[] = [];

beforeAll(async () => {
  const executablePath = process.env['CHROMIUM_PATH'];
  if (executablePath === undefined || executablePath === '') {
    throw new Error('CHROMIUM_PATH is not set: these tests need a browser. `npm test` finds one.');
  }
  service = await startService({ LOCK_DURATION_SECONDS: '120' });
  browser = await chromium.launch({ executablePath, args: BROWSER_ARGUMENTS });
});

afterAll(async () => {
  await browser?.close();
  await service?.stop();
});

afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
  expect(complaints).toEqual([]);
  complaints = [];
});

/** The page of one user, live. What its console complains about fails the test. */
async function openPage(user: string): Promise<Page> {
  const context = await browser.newContext();
  const page = await context.newPage();
  page.on('pageerror', (error) => complaints.push(`${user}: ${error.message}`));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type()))
      complaints.push(`${user}: ${message.text()}`);
  });
  await page.goto(`${service.url}/?eventId=1&user=${user}`);
  await page.getByText('Live', { exact: true }).waitFor();
  return page;
}

const cardIn = (page: Page) => page.locator(`[data-category="${CATEGORY}"]`);
const figureIn = (page: Page, kind: string) => cardIn(page).locator(`[data-figure="${kind}"]`);
const lockButtonIn = (page: Page) => cardIn(page).getByRole('button', { name: /^Lock/ });

async function secondsLeft(page: Page): Promise<number> {
  const [minutes = NaN, seconds = NaN] = (await cardIn(page).getByRole('timer').innerText())
    .split(':')
    .map(Number);
  return minutes * 60 + seconds;
}

test('a lock in one page changes the other within a second, without a reload', async () => {
  const alice = await openPage('alice');
  const bob = await openPage('bob');
  const available = Number(await figureIn(bob, 'available').innerText());
  const changed = figureIn(bob, 'available').getByText(String(available - 2), { exact: true });

  await lockButtonIn(alice).click();
  await changed.waitFor({ timeout: 1000 });
  await cardIn(alice).getByRole('timer').waitFor();
  expect(await figureIn(bob, 'locked').innerText()).toBe('2');
  expect(await cardIn(bob).getByRole('timer').count()).toBe(0);

  await cardIn(alice).getByRole('button', { name: 'Release' }).click();
  const restored = figureIn(bob, 'available').getByText(String(available), { exact: true });
  await restored.waitFor({ timeout: 1000 });
});

test('a countdown runs by the time that the service tells, whatever the clock of the user', async () => {
  const page = await openPage('carol');
  await page.clock.setFixedTime(new Date('2001-01-01T00:00:00Z'));
  await lockButtonIn(page).click();
  const timer = cardIn(page).getByRole('timer');
  await timer.getByText(/^(?:2:00|1:5\d)$/).waitFor();
  const shown = await timer.innerText();
  await expect.poll(() => timer.innerText(), { timeout: 5000 }).not.toBe(shown);
});

test('a reload keeps the lock, and its time', async () => {
  const page = await openPage('dave');
  await cardIn(page).getByRole('button', { name: 'One ticket more' }).click();
  await lockButtonIn(page).click();
  const before = await secondsLeft(page);
  await page.reload();
  const after = await secondsLeft(page);
  expect(after).toBeLessThanOrEqual(before);
  expect(after).toBeGreaterThan(0);
  await cardIn(page).getByText('3 tickets', { exact: true }).waitFor();
});

test('what is refused is said in plain words', async () => {
  const page = await openPage('erin');
  const card = cardIn(page);
  await card.getByLabel('Tickets for').fill('60');
  await card.getByLabel('Tickets for').press('Enter');
  await lockButtonIn(page).click();
  await card.getByText(/at most 10 tickets|only \d+ tickets are left/).waitFor();
});

test('everything can be done with the keyboard', async () => {
  const page = await openPage('fred');
  const card = cardIn(page);
  await card.getByRole('button', { name: 'One ticket more' }).focus();
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await card.getByText('3 tickets locked for you.').waitFor();
  await card.getByRole('button', { name: 'Release' }).focus();
  await page.keyboard.press('Enter');
  await card.getByText('Your tickets are back on sale.').waitFor();
  await expect.poll(() => page.evaluate(() => document.activeElement?.tagName)).toBe('BUTTON');
});
