import { systemTimers } from '@ticket-locks/lock-engine';

const timers = systemTimers();

/** Milliseconds of one monotonic clock. */
export function nowMs(): number {
  return performance.now();
}

/** Time between two things that buyers do, or before something breaks. */
export function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => {
    timers.after(durationMs, resolve);
  });
}
