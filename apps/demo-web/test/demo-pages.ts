import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { expect } from 'vitest';

import { launchBrowser } from './chromium.js';
import { startService } from './realtime-service.js';
import type { RunningService } from './realtime-service.js';

export interface PageWish {
  /** The address after the origin. Default: the buyer's view of event 1. */
  readonly path?: string;
  readonly user?: string;
  readonly options?: BrowserContextOptions;
  /** Called before the page is loaded. */
  readonly before?: (page: Page) => Promise<void>;
}

/**
 * A service with its demo, and pages of it in a real browser.
 *
 * Whatever a page's console complains about is kept: `closePages` fails with it.
 */
export class DemoPages {
  readonly service: RunningService;
  readonly #browser: Browser;
  #complaints: string[] = [];

  private constructor(service: RunningService, browser: Browser) {
    this.service = service;
    this.#browser = browser;
  }

  static async start(settings: Record<string, string> = {}): Promise<DemoPages> {
    const browser = await launchBrowser();
    try {
      return new DemoPages(await startService(settings), browser);
    } catch (error) {
      await browser.close();
      throw error;
    }
  }

  /** A page in a browser profile of its own. */
  async open(wish: PageWish = {}): Promise<Page> {
    const { path = '/?eventId=1', user = 'somebody', options = {}, before } = wish;
    const context = await this.#browser.newContext(options);
    const page = await context.newPage();
    this.listen(page, user);
    await before?.(page);
    await page.goto(`${this.service.url}${path}&user=${user}`);
    return page;
  }

  /** The buyer's view, live. */
  async openBuyer(user: string, wish: Omit<PageWish, 'user'> = {}): Promise<Page> {
    const page = await this.open({ ...wish, user });
    await page.getByText('Live', { exact: true }).waitFor();
    return page;
  }

  listen(page: Page, name: string): void {
    page.on('pageerror', (error) => this.#complaints.push(`${name}: ${error.message}`));
    page.on('console', (message) => {
      const isComplaint = ['error', 'warning'].includes(message.type());
      if (isComplaint) this.#complaints.push(`${name}: ${message.text()}`);
    });
  }

  async closePages(): Promise<void> {
    for (const context of this.#browser.contexts()) await context.close();
    const complaints = this.#complaints;
    this.#complaints = [];
    expect(complaints).toEqual([]);
  }

  /** Waits until those who left have lost their tickets. */
  async noLocksLeft(): Promise<void> {
    const activeLocks = async () => {
      const response = await fetch(`${this.service.url}/stats`);
      const { ticketLocks } = (await response.json()) as { ticketLocks: { activeLocks: number } };
      return ticketLocks.activeLocks;
    };
    await expect.poll(activeLocks, { timeout: 10_000 }).toBe(0);
  }

  async stop(): Promise<void> {
    await this.#browser.close();
    await this.service.stop();
  }
}
