// What happens at the end of a lock's time, with locks that live a few seconds.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import { cardIn, choose, figureIn, lockButtonIn, secondsLeft, shows } from './buyer-card.js';
import { DemoPages } from './demo-pages.js';

const BALCONY = 2;
const FRONT_ROW = 3;

let pages: DemoPages;

function startWith(settings: Record<string, string>): void {
  beforeAll(async () => {
    pages = await DemoPages.start(settings);
  });
  afterAll(() => pages?.stop());
  afterEach(() => pages.closePages());
}

describe('when the time is up', () => {
  startWith({ LOCK_DURATION_SECONDS: '6', LATE_CONFIRM: 'if-available' });

  test('the tickets are back on sale, and everybody sees it', async () => {
    const page = await pages.openBuyer('ada');
    const other = await pages.openBuyer('otto');
    await lockButtonIn(page, BALCONY).click();
    await shows(figureIn(other, BALCONY, 'locked'), 2);
    await cardIn(page, BALCONY).getByText('Your time is up: your 2 tickets').waitFor();
    await shows(figureIn(other, BALCONY, 'locked'), 0);
    expect(await cardIn(page, BALCONY).getByRole('timer').count()).toBe(0);
    await lockButtonIn(page, BALCONY).waitFor();
  });

  test('a late payment gets tickets while there are some', async () => {
    const page = await pages.openBuyer('lena');
    await lockButtonIn(page, BALCONY).click();
    await page.getByRole('button', { name: 'Pay too late' }).click();
    await page
      .getByRole('main')
      .getByText('Late, but there were tickets left: they are yours.')
      .waitFor();
    await shows(figureIn(page, BALCONY, 'sold'), 2);
  });

  test('a late payment is refused when they are gone, and no money is taken', async () => {
    const page = await pages.openBuyer('lars');
    await choose(page, FRONT_ROW, 4);
    await lockButtonIn(page, FRONT_ROW).click();
    const late = page.getByRole('button', { name: 'Pay too late' });
    await late.waitFor();
    const other = await pages.openBuyer('lotte');
    await choose(other, FRONT_ROW, 4);
    await lockButtonIn(other, FRONT_ROW).click();
    await other.getByRole('button', { name: 'Check out 4 tickets' }).click();
    await cardIn(other, FRONT_ROW).getByText('being paid for').waitFor();
    await late.click();
    await page
      .getByRole('main')
      .getByText('Your time is up, and none are left. No money was taken.')
      .waitFor();
    await other.getByRole('button', { name: 'Payment fails' }).click();
    await shows(figureIn(page, FRONT_ROW, 'locked'), 0);
  });
});

describe('in the last minute', () => {
  // Long enough to press a button on a busy machine, and the last minute from the beginning.
  const LIFE_S = 20;
  startWith({ LOCK_DURATION_SECONDS: String(LIFE_S) });

  test('a warning offers more time for one press, until there is no more', async () => {
    const page = await pages.openBuyer('wanda');
    await lockButtonIn(page, BALCONY).click();
    const warning = page.getByRole('region', { name: 'Your time is running out' });
    await warning.getByText('until 2 tickets (Balcony) will be back on sale').waitFor();
    const left = () => secondsLeft(page, BALCONY);
    await expect.poll(left, { timeout: 5000 }).toBeLessThan(LIFE_S - 1);
    const more = warning.getByRole('button', { name: 'Give me more time' });
    await more.focus();
    await page.keyboard.press('Enter');
    await expect.poll(left, { timeout: 5000 }).toBeGreaterThanOrEqual(LIFE_S - 1);
    await cardIn(page, BALCONY).getByText('You have more time now.').waitFor();
    for (let extension = 0; extension < 3; extension += 1) await more.click();
    await cardIn(page, BALCONY).getByText('There is no more time for these tickets.').waitFor();
    await cardIn(page, BALCONY).getByRole('button', { name: 'Release' }).click();
    await expect.poll(() => warning.count()).toBe(0);
  });

  test('it is said in one place, and read out, in every window of the buyer', async () => {
    const page = await pages.openBuyer('wim');
    const other = await pages.openBuyer('wim');
    await lockButtonIn(page, BALCONY).click();
    const news = 'Your 2 tickets will be back on sale in a minute.';
    await other.locator('[data-announcement]').getByText(news).waitFor();
    await other.getByRole('region', { name: 'Your time is running out' }).waitFor();
    // The card has room for how the buyer's own action went, which this must not push away.
    expect(await cardIn(other, BALCONY).getByText(news).count()).toBe(0);
    await cardIn(page, BALCONY).getByRole('button', { name: 'Release' }).click();
    await shows(figureIn(page, BALCONY, 'locked'), 0);
  });
});
