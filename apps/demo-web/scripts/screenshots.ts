// Pictures of the three views, narrow and wide, light and dark, for eyes that judge them:
// `npm run screenshots` writes them into apps/demo-web/screenshots.
import { mkdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import type { Browser, Page } from 'playwright-core';

import { launchBrowser } from '../test/chromium.js';
import { startService } from '../test/realtime-service.js';

const FOLDER = fileURLToPath(new URL('../screenshots/', import.meta.url));
const WIDTHS = [390, 1280];
const SCHEMES = ['light', 'dark'] as const;
const PATIENCE_MS = 60_000;

/** Nobody meets the tickets of the picture before. */
let visitorCount = 0;

interface Shot {
  readonly name: string;
  readonly address: string;
  /** Brings the page to where it is worth a picture. */
  readonly prepare: (page: Page) => Promise<void>;
}

const SHOTS: readonly Shot[] = [
  { name: 'buyer', address: '/?eventId=1', prepare: live },
  { name: 'buyer-locked', address: '/?eventId=1', prepare: lockSome },
  { name: 'buyer-paying', address: '/?eventId=1', prepare: pay },
  { name: 'stage', address: '/?view=stage&eventId=1', prepare: onStage },
  { name: 'stage-rush', address: '/?view=stage&eventId=1', prepare: (page) => rush(page, 'real') },
  {
    name: 'stage-naive',
    address: '/?view=stage&eventId=1',
    prepare: (page) => rush(page, 'naive'),
  },
  { name: 'operator', address: '/?view=operator', prepare: operate },
];

async function main(): Promise<void> {
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  const service = await startService({ LOG_LEVEL: 'warn' });
  const browser = await launchBrowser();
  try {
    for (const shot of SHOTS) {
      for (const width of WIDTHS) {
        for (const scheme of SCHEMES)
          await take(browser, { ...shot, url: service.url, width, scheme });
      }
    }
  } finally {
    await browser.close();
    await service.stop();
  }
}

interface Setting extends Shot {
  readonly url: string;
  readonly width: number;
  readonly scheme: 'light' | 'dark';
}

async function take(
  browser: Browser,
  { name, address, prepare, url, width, scheme }: Setting,
): Promise<void> {
  const context = await browser.newContext({
    viewport: { width, height: 900 },
    colorScheme: scheme,
    deviceScaleFactor: width < 600 ? 2 : 1,
    reducedMotion: 'reduce',
  });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  await page.goto(`${url}${address}&user=alice${(visitorCount += 1)}`);
  await prepare(page);
  const path = `${FOLDER}${name}-${width}-${scheme}.png`;
  await page.screenshot({ path, fullPage: true });
  console.log(path);
  await context.close();
}

async function live(page: Page): Promise<void> {
  await page.getByText('Live', { exact: true }).waitFor();
  await page.locator('[data-figure="available"]').first().waitFor();
}

async function onStage(page: Page): Promise<void> {
  for (const user of ['ana', 'ben', 'cleo']) {
    await page.locator(`[data-buyer="${user}"] [data-figure="available"]`).waitFor();
    await page.locator(`[data-buyer="${user}"]`).getByText('Live', { exact: true }).waitFor();
  }
}

async function lockSome(page: Page): Promise<void> {
  await live(page);
  await page.locator('[data-category="1"]').getByRole('button', { name: 'Lock 2 tickets' }).click();
  await page.locator('[data-category="1"]').getByText('locked for you', { exact: true }).waitFor();
  await page.locator('[data-category="3"]').getByLabel('Tickets for').fill('60');
  await page.locator('[data-category="3"]').getByLabel('Tickets for').press('Enter');
  await page.locator('[data-category="3"]').getByRole('button', { name: /^Lock/ }).click();
  await page.locator('[data-category="3"] .message').filter({ hasText: /./ }).waitFor();
}

async function pay(page: Page): Promise<void> {
  await lockSome(page);
  await page.getByRole('button', { name: /^Check out/ }).click();
  await page.getByRole('button', { name: 'Payment fails' }).waitFor();
}

async function rush(page: Page, kind: 'real' | 'naive'): Promise<void> {
  await page.getByLabel('Category').selectOption('2');
  await page.getByLabel('Buyers').fill('60');
  if (kind === 'naive') await page.getByText('Naive store').click();
  await page.getByRole('button', { name: 'Start the rush' }).click();
  await page.locator('[data-phase="over"]').waitFor();
  const putBack = page.getByRole('button', { name: 'Put sold tickets back' });
  const lockButton = page.locator('[data-buyer="ana"]').getByRole('button', { name: /^Lock/ });
  await putBack.click();
  await lockButton.click();
}

async function operate(page: Page): Promise<void> {
  await page.locator('.changes li').first().waitFor();
  await page.locator('[data-tile="Round trip"]').filter({ hasText: 'ms' }).waitFor();
}

await main();
