import { chromium } from 'playwright-core';
import type { Browser } from 'playwright-core';

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

/** The browser of this machine; `npm test` and `npm run screenshots` find one. */
export async function launchBrowser(): Promise<Browser> {
  const executablePath = process.env['CHROMIUM_PATH'];
  if (executablePath === undefined || executablePath === '') {
    throw new Error('CHROMIUM_PATH is not set: a browser is needed. `npm test` finds one.');
  }
  return chromium.launch({ executablePath, args: BROWSER_ARGUMENTS });
}
