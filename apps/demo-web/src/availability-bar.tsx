import type { AvailabilityUpdate } from '@ticket-locks/socket-adapter/protocol';

const PARTS = [
  { key: 'soldTickets', kind: 'sold', label: 'sold' },
  { key: 'lockedTickets', kind: 'locked', label: 'locked' },
  { key: 'availableTickets', kind: 'available', label: 'available' },
] as const;

/**
 * One category as a bar and in numbers. The numbers say everything, so the bar is hidden from
 * screen readers.
 */
export function AvailabilityBar({ figures }: { figures: AvailabilityUpdate }) {
  const { soldTickets, lockedTickets, totalTickets, deficit } = figures;
  const whole = Math.max(1, totalTickets, soldTickets + lockedTickets);
  return (
    <div class="availability">
      <div class="bar" aria-hidden="true">
        {PARTS.filter(({ key }) => figures[key] > 0).map(({ key, kind }) => (
          <span key={kind} class={kind} style={{ width: `${(figures[key] / whole) * 100}%` }} />
        ))}
      </div>
      <dl class="figures">
        {PARTS.toReversed().map(({ key, kind, label }) => (
          <div key={kind} class={kind}>
            <dt>{label}</dt>
            <dd data-figure={kind}>{figures[key]}</dd>
          </div>
        ))}
        <div class="total">
          <dt>in all</dt>
          <dd data-figure="total">{totalTickets}</dd>
        </div>
      </dl>
      {deficit > 0 && (
        <p class="hint">{deficit} more are promised than the organiser now offers.</p>
      )}
      {figures.stale === true && <p class="hint">These are the last figures we have.</p>}
    </div>
  );
}
