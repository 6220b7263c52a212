import type { Locator, Page } from 'playwright-core';

/** One category in the buyer's view. */
export function cardIn(page: Page, categoryId: number): Locator {
  return page.locator(`[data-category="${categoryId}"]`);
}

export function figureIn(page: Page, categoryId: number, kind: string): Locator {
  return cardIn(page, categoryId).locator(`[data-figure="${kind}"]`);
}

export function lockButtonIn(page: Page, categoryId: number): Locator {
  return cardIn(page, categoryId).getByRole('button', { name: /^Lock/ });
}

/** Waits until the figure says so. */
export async function shows(figure: Locator, value: number, timeout = 5000): Promise<void> {
  await figure.getByText(String(value), { exact: true }).waitFor({ timeout });
}

export async function choose(page: Page, categoryId: number, quantity: number): Promise<void> {
  const input = cardIn(page, categoryId).getByLabel('Tickets for');
  await input.fill(String(quantity));
  await input.press('Enter');
}

export async function secondsLeft(page: Page, categoryId: number): Promise<number> {
  const text = await cardIn(page, categoryId).getByRole('timer').innerText();
  const [minutes = NaN, seconds = NaN] = text.split(':').map(Number);
  return minutes * 60 + seconds;
}
