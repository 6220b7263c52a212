import type { RushState } from './use-rush.js';

/** Whether a ticket was promised twice: the one thing that must never be. */
export function Verdict({ state, capacity }: { state: RushState | undefined; capacity: number }) {
  const oversoldBy = state?.counts.oversoldBy ?? 0;
  const isOversold = oversoldBy > 0;
  return (
    <p class={isOversold ? 'verdict bad' : 'verdict good'} role="status" data-oversold={oversoldBy}>
      <svg viewBox="0 0 24 24" aria-hidden="true">
        {isOversold ? <path d="M6 6l12 12M18 6L6 18" /> : <path d="M5 12.5l5 5L19.5 7" />}
      </svg>
      <span>
        <strong>{isOversold ? 'Oversold' : 'No ticket was promised twice'}</strong>
        <small>
          {isOversold
            ? `${oversoldBy} more promised than the ${capacity} there are`
            : `Counted on the buyers’ side, against the ${capacity} there are`}
        </small>
      </span>
    </p>
  );
}
