import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';

import { cardIn, lockButtonIn } from './buyer-card.js';
import { DemoPages } from './demo-pages.js';

const BALCONY = 2;

let pages: DemoPages;

beforeAll(async () => {
  pages = await DemoPages.start();
});
afterAll(() => pages?.stop());
afterEach(() => pages.closePages());

test('the operator sees what happens, without a reload', async () => {
  const operator = await pages.open({ path: '/?view=operator', user: 'olga' });
  const tile = (label: string) => operator.locator(`[data-tile="${label}"]`);
  const row = operator.getByRole('row', { name: /^Balcony/ });
  await operator.getByText('Ready', { exact: true }).waitFor();
  await row.waitFor();
  await tile('Round trip')
    .getByText(/^\d+\.\d ms$/)
    .waitFor();
  await tile('Event loop delay').getByText(/ms/).first().waitFor();
  expect(await tile('Active locks').innerText()).toBe('0');

  const buyer = await pages.openBuyer('oscar');
  await lockButtonIn(buyer, BALCONY).click();
  const changes = operator.getByRole('region', { name: 'Recent changes' });
  await changes.getByText('oscar locked 2 tickets · Night of the Violins, Balcony').waitFor();
  await expect.poll(() => row.getByRole('cell').allInnerTexts()).toEqual(['48', '2', '0', '50']);
  await tile('Active locks').getByText('1', { exact: true }).waitFor();
  await expect.poll(async () => Number(await tile('Connections').innerText())).toBe(2);

  await cardIn(buyer, BALCONY).getByRole('button', { name: 'Release' }).click();
  await changes.getByText('oscar gave back 2 tickets').waitFor();
  await expect.poll(() => row.getByRole('cell').allInnerTexts()).toEqual(['50', '0', '0', '50']);
});
