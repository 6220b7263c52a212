import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import { cardIn, choose, figureIn, lockButtonIn, secondsLeft, shows } from './buyer-card.js';
import { DemoPages } from './demo-pages.js';

/** Categories of the demo's first event: Stalls (200), Balcony (50) and Front row (4). */
const STALLS = 1;
const BALCONY = 2;
const FRONT_ROW = 3;

let pages: DemoPages;

beforeAll(async () => {
  pages = await DemoPages.start({ LOCK_DURATION_SECONDS: '120', DISCONNECT_GRACE_SECONDS: '3' });
});
afterAll(() => pages?.stop());
afterEach(async () => {
  await pages.closePages();
  // Buyers of one test would be counted in the next one.
  await pages.noLocksLeft();
});

/** Adds up by what share of the window things move without anybody's doing. */
async function watchShifts(page: Page): Promise<void> {
  await page.addInitScript(`
    globalThis.shiftSum = 0;
    new PerformanceObserver((list) => {
      for (const { value } of list.getEntries()) shiftSum += value;
    }).observe({ type: 'layout-shift', buffered: true });
  `);
}

describe('two buyers', () => {
  test('see within a second what the other does, without a reload', async () => {
    const alice = await pages.openBuyer('alice');
    const bob = await pages.openBuyer('bob');
    const seen = figureIn(bob, BALCONY, 'available');
    const available = Number(await seen.innerText());

    await lockButtonIn(alice, BALCONY).click();
    await shows(seen, available - 2, 1000);
    await cardIn(alice, BALCONY).getByRole('timer').waitFor();
    expect(await figureIn(bob, BALCONY, 'locked').innerText()).toBe('2');
    expect(await cardIn(bob, BALCONY).getByRole('timer').count()).toBe(0);

    await cardIn(alice, BALCONY).getByRole('button', { name: 'Release' }).click();
    await shows(seen, available, 1000);
  });

  test('see a changed quantity, which moves no time', async () => {
    const alice = await pages.openBuyer('alice2');
    const bob = await pages.openBuyer('bob2');
    await lockButtonIn(alice, BALCONY).click();
    await shows(figureIn(bob, BALCONY, 'locked'), 2);
    await choose(alice, BALCONY, 5);
    await cardIn(alice, BALCONY).getByRole('button', { name: 'Change to 5' }).click();
    await shows(figureIn(bob, BALCONY, 'locked'), 5);
    expect(await secondsLeft(alice, BALCONY)).toBeLessThanOrEqual(120);
    await cardIn(alice, BALCONY).getByRole('button', { name: 'Release' }).click();
    await shows(figureIn(bob, BALCONY, 'locked'), 0);
  });
});

describe('a countdown', () => {
  test('runs by the time that the service tells, whatever the clock of the user', async () => {
    const page = await pages.openBuyer('carol');
    await page.clock.setFixedTime(new Date('2001-01-01T00:00:00Z'));
    await lockButtonIn(page, BALCONY).click();
    const timer = cardIn(page, BALCONY).getByRole('timer');
    await timer.getByText(/^(?:2:00|1:5\d)$/).waitFor();
    const shown = await timer.innerText();
    await expect.poll(() => timer.innerText(), { timeout: 5000 }).not.toBe(shown);
  });
});

describe('a session', () => {
  test('outlives a reload, with its lock and its time', async () => {
    const page = await pages.openBuyer('dave');
    await cardIn(page, BALCONY).getByRole('button', { name: 'One ticket more' }).click();
    await lockButtonIn(page, BALCONY).click();
    const before = await secondsLeft(page, BALCONY);
    await page.reload();
    const after = await secondsLeft(page, BALCONY);
    expect(after).toBeLessThanOrEqual(before);
    expect(after).toBeGreaterThan(0);
    await cardIn(page, BALCONY).getByText('3 tickets', { exact: true }).waitFor();
  });

  test('goes on in a duplicated tab, and each tab can do everything', async () => {
    const first = await pages.openBuyer('dora');
    await lockButtonIn(first, STALLS).click();
    await cardIn(first, STALLS).getByRole('timer').waitFor();
    const opened = first.context().waitForEvent('page');
    await first.evaluate('void window.open(location.href)');
    const second = await opened;
    pages.listen(second, 'dora again');
    await cardIn(second, STALLS).getByRole('timer').waitFor();
    await cardIn(second, STALLS).getByRole('button', { name: 'Release' }).click();
    await cardIn(first, STALLS).getByText('went back on sale').waitFor();
    expect(await cardIn(first, STALLS).getByRole('timer').count()).toBe(0);
  });

  test('is not taken along to another user', async () => {
    const page = await pages.openBuyer('dennis');
    await lockButtonIn(page, STALLS).click();
    await cardIn(page, STALLS).getByRole('timer').waitFor();
    await page.locator('summary', { hasText: 'dennis' }).click();
    await page.getByLabel('Be somebody else').fill('denise');
    await page.getByRole('button', { name: 'Go' }).click();
    await page.getByText('Live', { exact: true }).waitFor();
    await page.locator('summary', { hasText: 'denise' }).waitFor();
    expect(await cardIn(page, STALLS).getByRole('timer').count()).toBe(0);
  });

  test('lives on while another view is looked at', async () => {
    const page = await pages.openBuyer('dean');
    await lockButtonIn(page, STALLS).click();
    await cardIn(page, STALLS).getByRole('timer').waitFor();
    await page.getByRole('link', { name: 'Operator' }).click();
    await page.getByRole('heading', { name: 'Recent changes' }).waitFor();
    await page.goBack();
    await cardIn(page, STALLS).getByRole('timer').waitFor();
    await cardIn(page, STALLS).getByRole('button', { name: 'Release' }).click();
    await cardIn(page, STALLS).getByText('Your tickets are back on sale.').waitFor();
  });
});

describe('several categories at once', () => {
  test('are locked together, or not at all', async () => {
    const page = await pages.openBuyer('gwen');
    const together = page.getByRole('region', { name: 'Several at once' });
    await together.getByLabel('Together: tickets for Stalls').fill('2');
    await together.getByLabel('Together: tickets for Front row').fill('5');
    await together.getByRole('button', { name: 'Lock 7 tickets together' }).click();
    await cardIn(page, FRONT_ROW).getByText('Sorry, only 4 tickets are left.').waitFor();
    await cardIn(page, STALLS).getByText('Not locked: there are too few').waitFor();
    expect(await page.getByRole('timer').count()).toBe(0);

    await together.getByLabel('Together: tickets for Front row').fill('1');
    await together.getByRole('button', { name: 'Lock 3 tickets together' }).click();
    await cardIn(page, STALLS).getByText('2 tickets', { exact: true }).waitFor();
    await cardIn(page, FRONT_ROW).getByText('1 ticket', { exact: true }).waitFor();
    for (const category of [STALLS, FRONT_ROW]) {
      await cardIn(page, category).getByRole('button', { name: 'Release' }).click();
    }
    await expect.poll(() => page.getByRole('timer').count()).toBe(0);
  });
});

describe('the checkout', () => {
  test('sells what is paid for', async () => {
    const page = await pages.openBuyer('hanna');
    const sold = Number(await figureIn(page, BALCONY, 'sold').innerText());
    await lockButtonIn(page, BALCONY).click();
    await page.getByRole('button', { name: 'Check out 2 tickets' }).click();
    await cardIn(page, BALCONY).getByText('being paid for').waitFor();
    await page.reload();
    await page.getByRole('button', { name: 'Pay', exact: true }).click();
    await page.getByRole('main').getByText('Paid. 2 tickets sold to you.').waitFor();
    await shows(figureIn(page, BALCONY, 'sold'), sold + 2);
    expect(await page.getByRole('timer').count()).toBe(0);
  });

  test('gives back what a failed payment leaves', async () => {
    const page = await pages.openBuyer('henry');
    await lockButtonIn(page, STALLS).click();
    const locked = figureIn(page, STALLS, 'locked');
    await shows(locked, 2);
    await page.getByRole('button', { name: 'Check out 2 tickets' }).click();
    await page.getByRole('button', { name: 'Payment fails' }).click();
    await page
      .getByRole('main')
      .getByText('The payment failed. The tickets are back on sale.')
      .waitFor();
    await shows(locked, 0);
  });
});

describe('the page', () => {
  test('says in plain words what is refused', async () => {
    const page = await pages.openBuyer('erin');
    await choose(page, BALCONY, 60);
    await lockButtonIn(page, BALCONY).click();
    await cardIn(page, BALCONY).getByText('You can lock at most 10 tickets at once.').waitFor();
  });

  test('can be used with the keyboard alone', async () => {
    const page = await pages.openBuyer('fred');
    const card = cardIn(page, BALCONY);
    await card.getByRole('button', { name: 'One ticket more' }).focus();
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await card.getByText('locked for you', { exact: true }).waitFor();
    const heard = page.locator('[data-announcement]');
    await heard.getByText('3 tickets locked for you.').waitFor();
    await card.getByRole('button', { name: 'Release' }).focus();
    await page.keyboard.press('Enter');
    await card.getByText('Your tickets are back on sale.').waitFor();
    await expect.poll(() => page.evaluate(() => document.activeElement?.tagName)).toBe('BUTTON');

    await lockButtonIn(page, BALCONY).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: /^Check out/ }).focus();
    await page.keyboard.press('Enter');
    const step = page.getByRole('button', { name: 'Payment fails' });
    await step.waitFor();
    await expect.poll(() => page.evaluate(() => document.activeElement?.id)).toBe('checkout');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.getByRole('main').getByText('The payment failed.').waitFor();
    await expect.poll(() => page.evaluate(() => document.activeElement?.id)).toBe('checkout');
  });

  test('tells a screen reader nothing of what others do', async () => {
    const page = await pages.openBuyer('iris');
    const other = await pages.openBuyer('ivan');
    await lockButtonIn(other, BALCONY).click();
    await shows(figureIn(page, BALCONY, 'locked'), 2);
    expect(await page.locator('[data-announcement]').innerText()).toBe('');
    await cardIn(other, BALCONY).getByRole('button', { name: 'Release' }).click();
    await shows(figureIn(page, BALCONY, 'locked'), 0);
  });

  test.each([360, 390, 768, 1920])('fits into %i px', async (width) => {
    const options = { viewport: { width, height: 800 } };
    const page = await pages.openBuyer('jan', { options });
    await lockButtonIn(page, STALLS).click();
    await cardIn(page, STALLS).getByRole('timer').waitFor();
    const overflow = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
    expect(await page.evaluate(overflow)).toBe(0);
    await cardIn(page, STALLS).getByRole('button', { name: 'Release' }).click();
    await cardIn(page, STALLS).getByText('Your tickets are back on sale.').waitFor();
  });

  test.each([390, 1280])('does not jump while it loads, at %i px', async (width) => {
    const options = { viewport: { width, height: 800 } };
    const page = await pages.openBuyer('joan', { options, before: watchShifts });
    await figureIn(page, STALLS, 'available').waitFor();
    const sum = () => page.evaluate<number>('shiftSum');
    expect(await sum()).toBeLessThan(0.02);
    // A control: what jumps is noticed.
    await page.evaluate(() => document.querySelector('h1')?.style.setProperty('height', '400px'));
    await expect.poll(sum).toBeGreaterThan(0.05);
  });

  test('comes in less than 100 kB', async () => {
    const page = await pages.openBuyer('jill');
    const sizes = await page.evaluate(() =>
      [
        ...performance.getEntriesByType('navigation'),
        ...performance.getEntriesByType('resource'),
      ].map((entry) => ({
        name: entry.name,
        bytes: (entry as PerformanceResourceTiming).transferSize,
      })),
    );
    const sum = sizes.reduce((total, { bytes }) => total + bytes, 0);
    expect(sizes.filter(({ name }) => name.endsWith('.js'))).toHaveLength(1);
    expect(sum).toBeGreaterThan(10_000);
    expect(sum).toBeLessThan(100_000);
  });

  test('runs under a policy that allows nothing but its own files', async () => {
    const response = await fetch(pages.service.url);
    const policy = response.headers.get('content-security-policy');
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/unsafe|\*/);
  });
});
