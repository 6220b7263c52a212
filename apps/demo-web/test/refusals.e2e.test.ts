// Every code of the protocol, as the page shows it: the answers of the service are replaced on
// their way.
import { ERROR_CODES } from '@ticket-locks/socket-adapter/protocol';
import type { ErrorCode } from '@ticket-locks/socket-adapter/protocol';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import { connectionWords, plainWords } from '../src/plain-words.js';
import { cardIn, figureIn, lockButtonIn, shows } from './buyer-card.js';
import { DemoPages } from './demo-pages.js';

const BALCONY = 2;
const SOCKETS = /\/socket\.io\//;
const LOCK_REQUEST = /^42\/realtime,(\d+)\["lock-tickets"/;
const DOOR_CODES = ['UNAUTHORIZED', 'FORBIDDEN', 'RATE_LIMITED', 'UNAVAILABLE'] as const;

let pages: DemoPages;

beforeAll(async () => {
  pages = await DemoPages.start();
});
afterAll(() => pages?.stop());
afterEach(() => pages.closePages());

/** Every request to lock is refused with the code that is set. */
async function refuseLocks(page: Page, codeNow: () => ErrorCode): Promise<void> {
  await page.routeWebSocket(SOCKETS, (socket) => {
    const service = socket.connectToServer();
    socket.onMessage((message) => {
      const number = LOCK_REQUEST.exec(String(message))?.[1];
      if (number === undefined) return service.send(message);
      const answer = [{ success: false, code: codeNow(), message: 'not for people' }];
      socket.send(`43/realtime,${number}${JSON.stringify(answer)}`);
    });
  });
}

/** Nobody is let in. */
async function refuseEntry(page: Page, code: ErrorCode): Promise<void> {
  await page.routeWebSocket(SOCKETS, (socket) => {
    const service = socket.connectToServer();
    socket.onMessage((message) => {
      if (!String(message).startsWith('40/realtime,')) return service.send(message);
      const refusal = { message: 'no', data: { code, message: 'no', retryAfterMs: 5000 } };
      socket.send(`44/realtime,${JSON.stringify(refusal)}`);
    });
  });
}

/** The first answers to a request to lock do not arrive, or are "not known". */
async function loseAnswers(page: Page, requestIds: string[]): Promise<void> {
  const unsure = [{ success: false, code: 'OUTCOME_UNKNOWN', message: 'who knows' }];
  await page.routeWebSocket(SOCKETS, (socket) => {
    const service = socket.connectToServer();
    let lostNumber: string | undefined;
    socket.onMessage((message) => {
      const number = LOCK_REQUEST.exec(String(message))?.[1];
      if (number !== undefined) {
        requestIds.push(/"requestId":"(\w+)"/.exec(String(message))?.[1] ?? '');
        if (requestIds.length === 1) lostNumber = number;
        if (requestIds.length === 2) {
          return socket.send(`43/realtime,${number}${JSON.stringify(unsure)}`);
        }
      }
      service.send(message);
    });
    service.onMessage((message) => {
      const isLost =
        lostNumber !== undefined && String(message).startsWith(`43/realtime,${lostNumber}[`);
      if (!isLost) socket.send(message);
    });
  });
}

test('a request whose answer is lost is sent again, and has one effect', async () => {
  const requestIds: string[] = [];
  const page = await pages.openBuyer('lois', { before: (fresh) => loseAnswers(fresh, requestIds) });
  const watcher = await pages.openBuyer('walt');
  const before = Number(await figureIn(watcher, BALCONY, 'locked').innerText());
  await lockButtonIn(page, BALCONY).click();
  await page.locator('[data-announcement]').getByText('2 tickets locked for you.').waitFor();
  expect(requestIds).toHaveLength(3);
  expect(new Set(requestIds).size).toBe(1);
  expect(requestIds[0]).toHaveLength(32);
  await shows(figureIn(watcher, BALCONY, 'locked'), before + 2);
});

describe('the page says in plain words', () => {
  test('why a request is refused, for every code', async () => {
    let code: ErrorCode = 'UNAVAILABLE';
    const page = await pages.openBuyer('rosa', {
      before: (fresh) => refuseLocks(fresh, () => code),
    });
    const message = cardIn(page, BALCONY).locator('.message');
    for (const next of ERROR_CODES) {
      code = next;
      await lockButtonIn(page, BALCONY).click();
      await message.getByText(plainWords({ code }), { exact: true }).waitFor();
    }
    const heard = await page.locator('[data-announcement]').innerText();
    expect(heard).toBe(plainWords({ code: 'UNAVAILABLE' }));
  });

  test.each(DOOR_CODES)('why nobody is let in: %s', async (code) => {
    const page = await pages.open({ user: 'rolf', before: (fresh) => refuseEntry(fresh, code) });
    const words = connectionWords('refused', { code, message: '', retryAfterMs: 5000 });
    await page.getByRole('status').getByText(words, { exact: true }).waitFor();
    await expect.poll(() => lockButtonIn(page, BALCONY).getAttribute('aria-disabled')).toBe('true');
  });

  test('that there is no such event', async () => {
    const page = await pages.open({ path: '/?eventId=nowhere', user: 'ruth' });
    await page.getByRole('heading', { name: 'There is no such event' }).waitFor();
    await page.getByRole('link', { name: 'Chamber Evening' }).waitFor();
  });
});
