import axe from 'axe-core';
import type { AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import { cardIn, choose, lockButtonIn } from './buyer-card.js';
import { DemoPages } from './demo-pages.js';

const STALLS = 1;
const FRONT_ROW = 3;

let pages: DemoPages;

beforeAll(async () => {
  // With locks this short the warning is there at once.
  pages = await DemoPages.start({ LOCK_DURATION_SECONDS: '50' });
});
afterAll(() => pages?.stop());
afterEach(() => pages.closePages());

const VIEWS = {
  async buyer(page: Page) {
    await lockButtonIn(page, STALLS).click();
    await cardIn(page, STALLS).getByRole('timer').waitFor();
    await page.getByRole('region', { name: 'Your time is running out' }).waitFor();
    await choose(page, FRONT_ROW, 9);
    await lockButtonIn(page, FRONT_ROW).click();
    await cardIn(page, FRONT_ROW).getByText('Sorry, only 4 tickets are left.').waitFor();
  },
  async checkout(page: Page) {
    await lockButtonIn(page, STALLS).click();
    await page.getByRole('button', { name: /^Check out/ }).click();
    await page.getByRole('button', { name: 'Payment fails' }).waitFor();
    await page.locator('.user summary').click();
  },
  async stage(page: Page) {
    await page.getByText('Naive store').click();
    await page.getByLabel('Buyers').fill('60');
    await page.getByRole('button', { name: 'Start the rush' }).click();
    await page.locator('[data-phase="over"]').waitFor();
    await page.locator('[data-buyer="ana"]').getByText('Live', { exact: true }).waitFor();
  },
  async operator(page: Page) {
    await page.locator('[data-tile="Round trip"]').getByText(/ms/).waitFor();
    await page.locator('.changes li').first().waitFor();
  },
};

const PATHS: Record<keyof typeof VIEWS, string> = {
  buyer: '/?eventId=1',
  checkout: '/?eventId=1',
  stage: '/?view=stage&eventId=1',
  operator: '/?view=operator',
};

describe.each(['light', 'dark'] as const)('in the %s', (colorScheme) => {
  test.each(Object.keys(VIEWS) as (keyof typeof VIEWS)[])(
    'the %s view has no serious fault',
    async (view) => {
      const options = { colorScheme, reducedMotion: 'reduce' as const };
      const user = `${view}-${colorScheme}`;
      const page = await pages.open({ path: PATHS[view], user, options });
      await VIEWS[view](page);
      expect(await faultsIn(page)).toEqual([]);
    },
  );
});

test.each([
  ['reduce', '0s'],
  ['no-preference', '0.25s'],
] as const)('with reduced motion "%s" the bars move for %s', async (reducedMotion, duration) => {
  const page = await pages.openBuyer('motion', { options: { reducedMotion } });
  const bar = cardIn(page, STALLS).locator('.bar span').first();
  await bar.waitFor();
  expect(await bar.evaluate((span) => getComputedStyle(span).transitionDuration)).toBe(duration);
});

test('a control: pale words and a field without a name are found', async () => {
  const page = await pages.openBuyer('control');
  await page.evaluate(() => {
    const pale = document.createElement('p');
    pale.textContent = 'pale';
    pale.style.color = '#ddd';
    document.querySelector('main')?.append(pale, document.createElement('input'));
  });
  const faults = await faultsIn(page);
  expect(faults).toHaveLength(2);
  expect(faults.join()).toMatch(/color-contrast.*label|label.*color-contrast/s);
});

/** What axe finds serious or critical, with where it is. */
async function faultsIn(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const results: AxeResults = await page.evaluate('axe.run()');
  expect(results.passes.length).toBeGreaterThan(10);
  return results.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html}: ${failureSummary}`),
    );
}
