import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import { DemoPages } from './demo-pages.js';

const STAGE = '/?view=stage&eventId=1';
/** The demo's second category. */
const BALCONY = { categoryId: '2', capacity: 50 };
/** Hundreds of sockets of one page open one after the other. */
const RUSH_TIMEOUT_MS = 240_000;

let pages: DemoPages;

beforeAll(async () => {
  pages = await DemoPages.start();
});
afterAll(() => pages?.stop());
afterEach(() => pages.closePages());

async function openStage(): Promise<Page> {
  const page = await pages.open({ path: STAGE, user: 'director' });
  await page.getByLabel('Category').selectOption(BALCONY.categoryId);
  return page;
}

async function counter(page: Page, label: string): Promise<number> {
  return Number.parseInt(await page.locator(`[data-counter="${label}"]`).innerText(), 10);
}

async function rush(page: Page, buyers: number): Promise<void> {
  await page.getByLabel('Buyers').fill(String(buyers));
  await page.getByRole('button', { name: 'Start the rush' }).click();
  await page.locator('[data-phase="over"]').waitFor({ timeout: RUSH_TIMEOUT_MS });
}

/** The category as the service counts it. */
async function figures(): Promise<{ sold: number; locked: number; available: number }> {
  const response = await fetch(`${pages.service.url}/demo/overview`);
  const { events } = (await response.json()) as {
    events: { categories: { categoryId: number; sold: number; locked: number }[] }[];
  };
  const categories = events.flatMap((event) => event.categories);
  const found = categories.find(({ categoryId }) => String(categoryId) === BALCONY.categoryId);
  return found as unknown as { sold: number; locked: number; available: number };
}

describe('a rush', () => {
  test(
    'of 200 buyers sells no ticket twice',
    async () => {
      const page = await openStage();
      await rush(page, 200);
      const verdict = page.locator('[data-oversold]');
      expect(await verdict.getAttribute('data-oversold')).toBe('0');
      expect(await verdict.innerText()).toContain('No ticket was promised twice');
      expect(await page.getByText('found no place').count()).toBe(0);
      expect(await counter(page, 'Attempts')).toBeGreaterThanOrEqual(200);
      expect(await counter(page, 'Grants')).toBeGreaterThan(0);
      expect(await counter(page, 'Refusals')).toBeGreaterThan(0);
      const sold = await counter(page, 'Sold');
      expect(sold).toBeGreaterThan(0);
      expect(sold).toBeLessThanOrEqual(BALCONY.capacity);
      expect((await figures()).sold).toBe(sold);

      await page.getByRole('button', { name: 'Put sold tickets back' }).click();
      await page.getByText(`${sold} tickets are back on sale.`).waitFor({ state: 'attached' });
      expect((await figures()).sold).toBe(0);
    },
    RUSH_TIMEOUT_MS,
  );

  test('against a naive store turns the banner red', async () => {
    const page = await openStage();
    await page.getByText('Naive store').click();
    await rush(page, 100);
    const verdict = page.locator('[data-oversold]');
    expect(Number(await verdict.getAttribute('data-oversold'))).toBeGreaterThan(0);
    expect(await verdict.innerText()).toContain('Oversold');
    expect(await counter(page, 'Sold')).toBeGreaterThan(BALCONY.capacity);
  });

  test('can be stopped', async () => {
    const page = await openStage();
    await page.getByRole('button', { name: 'Start the rush' }).click();
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.locator('[data-phase="over"]').waitFor();
    await page.getByRole('button', { name: 'Start the rush' }).waitFor();
  });
});

describe('buyers side by side', () => {
  test('have a session each', async () => {
    // Another event: what those of a rush have left behind comes back while this one runs.
    const page = await pages.open({ path: '/?view=stage&eventId=3', user: 'director' });
    const [ana, ben] = ['ana', 'ben'].map((user) => page.locator(`[data-buyer="${user}"]`));
    const locked = ben!.locator('[data-figure="locked"]');
    const before = Number(await locked.innerText());
    const showsLocked = (count: number) =>
      locked.getByText(String(count), { exact: true }).waitFor();
    await ana!.getByRole('button', { name: /^Lock/ }).click();
    await showsLocked(before + 2);
    expect(await ben!.getByRole('timer').count()).toBe(0);

    await ana!.getByRole('button', { name: 'Cut the line' }).click();
    await ana!.getByText('Reconnecting …').waitFor();
    await ana!.getByText('Live', { exact: true }).waitFor();
    await ana!.getByRole('timer').waitFor();

    await ana!.getByRole('button', { name: 'Leave' }).click();
    await showsLocked(before);
    await ana!.getByRole('button', { name: 'Come back' }).click();
    await ana!.getByText('Live', { exact: true }).waitFor();

    await ben!.getByRole('button', { name: /^Lock/ }).click();
    await ben!.getByRole('button', { name: 'Buy' }).click();
    await ben!.getByText('2 tickets bought.').waitFor();
  });
});
