import type { AvailabilityUpdate } from '@ticket-locks/socket-adapter/protocol';
import { useEffect, useRef, useState } from 'preact/hooks';

import { ActionButton } from './action-button.js';
import { AvailabilityBar } from './availability-bar.js';
import { Countdown, useRemainingMs } from './countdown.js';
import type { DemoCategory } from './demo-api.js';
import type { HeldLock } from './lock-client.js';
import { tickets } from './plain-words.js';
import { QuantityStepper } from './quantity-stepper.js';

/** What a buyer can do in one category. */
export interface CategoryActions {
  readonly lock: (quantity: number) => Promise<void>;
  readonly unlock: (lock: HeldLock) => Promise<void>;
}

interface CategoryCardProps {
  readonly category: DemoCategory;
  readonly figures: AvailabilityUpdate | undefined;
  readonly lock: HeldLock | undefined;
  /** How the latest action went, or what happened since. */
  readonly message: string | undefined;
  readonly isOnline: boolean;
  readonly actions: CategoryActions;
  /** Default the category's name, as a heading of level 2. */
  readonly title?: string;
}

const QUANTITY_MAX = 99;

export function CategoryCard(props: CategoryCardProps) {
  const { category, figures, lock, message, isOnline, actions, title = category.name } = props;
  const [quantity, setQuantity] = useState(lock?.quantity ?? 2);
  const [isBusy, setIsBusy] = useState(false);
  const lockButton = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (lock !== undefined) setQuantity(lock.quantity);
  }, [lock?.lockId, lock?.quantity]);

  const run = (action: Promise<void>) => {
    setIsBusy(true);
    void action.finally(() => {
      setIsBusy(false);
      // The button that was pressed may be gone: whoever uses the keyboard goes on from here.
      if (document.activeElement === document.body) lockButton.current?.focus();
    });
  };
  const isInPayment = lock?.orderId !== undefined;
  const isDisabled = !isOnline || isBusy || isInPayment;
  return (
    <li class={lock === undefined ? 'card' : 'card mine'} data-category={category.categoryId}>
      <h2>{title}</h2>
      {figures === undefined ? (
        <p class="hint waiting">Waiting for the figures …</p>
      ) : (
        <AvailabilityBar figures={figures} />
      )}
      {lock !== undefined && (
        <HeldTickets
          lock={lock}
          isDisabled={isDisabled}
          onUnlock={() => run(actions.unlock(lock))}
        />
      )}
      <div class="actions">
        <QuantityStepper
          label={`Tickets for ${title}`}
          value={quantity}
          max={QUANTITY_MAX}
          onChange={setQuantity}
        />
        <ActionButton
          class={lock === undefined ? 'primary' : ''}
          buttonRef={lockButton}
          isDisabled={isDisabled || quantity === lock?.quantity}
          onPress={() => run(actions.lock(quantity))}
        >
          {lockLabel(quantity, lock)}
        </ActionButton>
      </div>
      <p class="message">{message}</p>
    </li>
  );
}

function lockLabel(quantity: number, lock: HeldLock | undefined): string {
  if (lock === undefined) return `Lock ${tickets(quantity)}`;
  return quantity === lock.quantity ? 'Change' : `Change to ${quantity}`;
}

interface HeldTicketsProps {
  readonly lock: HeldLock;
  readonly isDisabled: boolean;
  readonly onUnlock: () => void;
}

/** The user's own lock with its time. */
function HeldTickets({ lock, isDisabled, onUnlock }: HeldTicketsProps) {
  const remainingMs = useRemainingMs(lock.endsAtMs);
  return (
    <div class="held">
      <Countdown lock={lock} remainingMs={remainingMs} />
      <p>
        <strong>{tickets(lock.quantity)}</strong>{' '}
        <span>{lock.orderId === undefined ? 'locked for you' : 'being paid for'}</span>
      </p>
      <ActionButton isDisabled={isDisabled} onPress={onUnlock}>
        Release
      </ActionButton>
    </div>
  );
}
