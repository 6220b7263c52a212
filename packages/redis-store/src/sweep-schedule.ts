import type { Clock, LockChange, Timers } from '@ticket-locks/lock-engine';

export interface SweepScheduleOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly expiringNoticeMs: number;
  /** Sweeps an event; answers when it is next due, or `undefined` when it is not. */
  readonly sweep: (tag: string) => Promise<number | undefined>;
}

/** After how long a sweep that failed is tried again. */
const RETRY_MS = 250;
/** The longest delay asked of a timer; a later instant is approached in steps. */
const DELAY_MS_MAX = 3_600_000;

/**
 * When the locks of each event are next to be swept, by the time of Redis, of which the clock of
 * this process is only a ruler.
 *
 * Every instance keeps one, so that it does not matter which of them lives. Whoever comes second
 * finds nothing to do.
 */
export class SweepSchedule {
  readonly #options: SweepScheduleOptions;
  /** The next instant of each event, by its own time. */
  readonly #dueAtMs = new Map<string, number>();
  /** What each event's time is ahead of the clock of this process. */
  readonly #aheadMs = new Map<string, number>();
  #timerAtMs = Infinity;
  #cancelTimer: (() => void) | undefined;
  #isStopped = false;

  constructor(options: SweepScheduleOptions) {
    this.#options = options;
  }

  /** Hears what time it is for an event. */
  onTime(tag: string, nowMs: number): void {
    this.#aheadMs.set(tag, nowMs - this.#options.clock.nowMs());
  }

  /** Hears a change of any instance: it may bring an end. */
  onChange(tag: string, change: LockChange): void {
    if (!('expiresAtMs' in change) || change.type === 'expired' || change.type === 'expiring')
      return;
    const { expiringNoticeMs } = this.#options;
    const noticeAtMs = change.expiresAtMs - expiringNoticeMs;
    const hasNotice = expiringNoticeMs > 0 && noticeAtMs > change.atMs;
    this.plan(tag, hasNotice ? noticeAtMs : change.expiresAtMs);
  }

  /** Sees to it that an event is swept at an instant, or before. */
  plan(tag: string, dueAtMs: number): void {
    if (dueAtMs >= (this.#dueAtMs.get(tag) ?? Infinity)) return;
    this.#dueAtMs.set(tag, dueAtMs);
    this.#arm(this.#localOf(tag, dueAtMs));
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelTimer?.();
    this.#dueAtMs.clear();
  }

  #localOf(tag: string, instantMs: number): number {
    return instantMs - (this.#aheadMs.get(tag) ?? 0);
  }

  #arm(atMs: number): void {
    if (this.#isStopped || atMs >= this.#timerAtMs) return;
    this.#cancelTimer?.();
    this.#timerAtMs = atMs;
    const delayMs = Math.max(1, Math.ceil(atMs - this.#options.clock.nowMs()));
    this.#cancelTimer = this.#options.timers.after(Math.min(delayMs, DELAY_MS_MAX), () => {
      this.#timerAtMs = Infinity;
      this.#onTimer();
    });
  }

  #onTimer(): void {
    const nowMs = this.#options.clock.nowMs();
    let nextMs = Infinity;
    for (const [tag, dueAtMs] of this.#dueAtMs) {
      const localMs = this.#localOf(tag, dueAtMs);
      if (localMs > nowMs) {
        nextMs = Math.min(nextMs, localMs);
        continue;
      }
      this.#dueAtMs.delete(tag);
      void this.#sweep(tag);
    }
    this.#arm(nextMs);
  }

  async #sweep(tag: string): Promise<void> {
    try {
      const nextMs = await this.#options.sweep(tag);
      if (nextMs !== undefined) this.plan(tag, nextMs);
    } catch {
      const { clock } = this.#options;
      this.plan(tag, clock.nowMs() + (this.#aheadMs.get(tag) ?? 0) + RETRY_MS);
    }
  }
}
