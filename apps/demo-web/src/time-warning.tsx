import { ActionButton } from './action-button.js';
import { clockText, useUrgent } from './countdown.js';
import type { HeldLock } from './lock-client.js';
import { tickets } from './plain-words.js';

interface TimeWarningProps {
  readonly locks: readonly HeldLock[];
  readonly nameOf: (lock: HeldLock) => string;
  readonly isOnline: boolean;
  readonly onExtend: (locks: readonly HeldLock[]) => void;
}

/** In the last minute: what is about to end, and more time for the asking. */
export function TimeWarning({ locks, nameOf, isOnline, onExtend }: TimeWarningProps) {
  const { urgent, remainingMs } = useUrgent(locks.filter(({ orderId }) => orderId === undefined));
  if (urgent.length === 0) return null;
  const what = urgent.map((lock) => `${tickets(lock.quantity)} (${nameOf(lock)})`).join(', ');
  return (
    <section class="warning" aria-label="Your time is running out">
      <p>
        <strong>{clockText(remainingMs)}</strong> until {what} will be back on sale.
      </p>
      <ActionButton class="primary" isDisabled={!isOnline} onPress={() => onExtend(urgent)}>
        Give me more time
      </ActionButton>
    </section>
  );
}
