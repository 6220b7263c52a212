import { useEffect, useReducer } from 'preact/hooks';

import type { HeldLock } from './lock-client.js';

const TICK_MS = 250;
const URGENT_MS = 60_000;

/** Milliseconds until a lock ends, on the page's own monotonic clock. */
export function useRemainingMs(endsAtMs: number): number {
  useTicks(true);
  return Math.max(0, endsAtMs - performance.now());
}

/** The locks in their last minute, and what is left of the first of them. */
export function useUrgent(locks: readonly HeldLock[]): {
  readonly urgent: readonly HeldLock[];
  readonly remainingMs: number;
} {
  useTicks(locks.length > 0);
  const nowMs = performance.now();
  const urgent = locks.filter(({ endsAtMs }) => isUrgent(endsAtMs - nowMs));
  const endsAtMs = Math.min(...urgent.map((lock) => lock.endsAtMs));
  return { urgent, remainingMs: Math.max(0, endsAtMs - nowMs) };
}

/** A ring that empties, and the time in minutes and seconds. */
export function Countdown({ lock, remainingMs }: { lock: HeldLock; remainingMs: number }) {
  // Both are by the server's clock, so their difference is right whatever ours says.
  const lifeMs = Date.parse(lock.expiresAt) - Date.parse(lock.createdAt);
  const share = Math.min(1, remainingMs / Math.max(1, lifeMs));
  return (
    <div class={isUrgent(remainingMs) ? 'countdown urgent' : 'countdown'}>
      <svg viewBox="0 0 36 36" aria-hidden="true">
        <circle class="track" cx="18" cy="18" r="15.5" />
        <circle
          class="rest"
          cx="18"
          cy="18"
          r="15.5"
          pathLength={1}
          strokeDasharray="1"
          strokeDashoffset={1 - share}
        />
      </svg>
      <span role="timer" aria-label="Time left">
        {clockText(remainingMs)}
      </span>
    </div>
  );
}

/** Minutes and seconds, rounded up: 0:00 is shown when nothing is left, not before. */
export function clockText(remainingMs: number): string {
  const seconds = Math.ceil(remainingMs / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

function isUrgent(remainingMs: number): boolean {
  return remainingMs <= URGENT_MS;
}

function useTicks(isRunning: boolean): void {
  const [, tick] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    if (!isRunning) return undefined;
    const timer = setInterval(() => tick(undefined), TICK_MS);
    return () => clearInterval(timer);
  }, [isRunning]);
}
