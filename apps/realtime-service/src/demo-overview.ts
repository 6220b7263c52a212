import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { IntervalHistogram } from 'node:perf_hooks';

import type { CategoryAvailability, Id, TicketLocks } from '@ticket-locks/lock-engine';

import type { DescribedEvent } from './inventory.js';

/** How late the event loop comes to its timers, in milliseconds, of the latest window. */
export interface EventLoopDelay {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

interface EventFigures {
  readonly eventId: Id;
  readonly name: string;
  readonly categories: readonly (CategoryAvailability & { readonly name: string })[];
}

/** More would not be looked at. */
const EVENTS_MAX = 50;
const WINDOW_MS = 10_000;
const RESOLUTION_MS = 10;

/** The figures of the events that are on sale; an event that cannot be had is left out. */
export async function eventFigures(
  locks: Pick<TicketLocks, 'availability'>,
  events: readonly DescribedEvent[],
): Promise<readonly EventFigures[]> {
  const figures = events.slice(0, EVENTS_MAX).map(async ({ eventId, name, categories }) => {
    const outcome = await locks.availability(eventId);
    if (!outcome.ok) return [];
    const names = new Map(categories.map((category) => [category.categoryId, category.name]));
    const named = outcome.value.categories.map((category) => ({
      ...category,
      name: names.get(category.categoryId) ?? '',
    }));
    return [{ eventId, name, categories: named }];
  });
  return (await Promise.all(figures)).flat();
}

/** Watches the event loop. WATCHING -> `stop` -> STOPPED. */
export class EventLoopWatch {
  readonly #histogram: IntervalHistogram;
  readonly #timer: NodeJS.Timeout;
  #window: EventLoopDelay | undefined;

  constructor() {
    this.#histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    this.#histogram.enable();
    this.#timer = setInterval(() => {
      this.#window = this.#read();
      this.#histogram.reset();
    }, WINDOW_MS);
    this.#timer.unref();
  }

  /** Of the last full window, and of this one when it is worse. */
  get delay(): EventLoopDelay {
    const now = this.#read();
    return this.#window === undefined || now.maxMs > this.#window.maxMs ? now : this.#window;
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#histogram.disable();
  }

  #read(): EventLoopDelay {
    // A histogram without an entry answers figures that are none.
    if (this.#histogram.count === 0) return { p50Ms: 0, p99Ms: 0, maxMs: 0 };
    return {
      p50Ms: lateness(this.#histogram.percentile(50)),
      p99Ms: lateness(this.#histogram.percentile(99)),
      maxMs: lateness(this.#histogram.max),
    };
  }
}

/** What is measured is the time from one timer to the next, which should be the resolution. */
function lateness(nanoseconds: number): number {
  return Math.max(0, Math.round((nanoseconds / 1e6 - RESOLUTION_MS) * 10) / 10);
}
