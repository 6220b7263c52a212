import type {
  AvailabilityUpdate,
  Id,
  LockLineRequest,
} from '@ticket-locks/socket-adapter/protocol';
import { useState } from 'preact/hooks';

import { ActionButton } from './action-button.js';
import type { DemoCategory } from './demo-api.js';
import { tickets } from './plain-words.js';
import { QuantityStepper } from './quantity-stepper.js';

interface TogetherFormProps {
  readonly categories: readonly DemoCategory[];
  readonly availability: ReadonlyMap<Id, AvailabilityUpdate>;
  readonly isOnline: boolean;
  readonly onLock: (items: readonly LockLineRequest[]) => Promise<boolean>;
}

const QUANTITY_MAX = 99;

/** Tickets of several categories in one request: all of them, or none. */
export function TogetherForm({ categories, availability, isOnline, onLock }: TogetherFormProps) {
  const [quantities, setQuantities] = useState<ReadonlyMap<Id, number>>(new Map());
  const [isBusy, setIsBusy] = useState(false);
  const items = categories
    .map(({ categoryId }) => ({ categoryId, quantity: quantities.get(categoryId) ?? 0 }))
    .filter(({ quantity }) => quantity > 0);
  const sum = items.reduce((total, { quantity }) => total + quantity, 0);
  const lock = async () => {
    setIsBusy(true);
    if (await onLock(items)) setQuantities(new Map());
    setIsBusy(false);
  };
  return (
    <section class="panel" aria-labelledby="together">
      <h2 id="together">Several at once</h2>
      <p class="hint">All of them with one end, or none.</p>
      <ul class="lines">
        {categories.map(({ categoryId, name }) => (
          <li key={categoryId}>
            <span>
              {name}
              <small>{availability.get(categoryId)?.availableTickets ?? '–'} available</small>
            </span>
            <QuantityStepper
              label={`Together: tickets for ${name}`}
              value={quantities.get(categoryId) ?? 0}
              min={0}
              max={QUANTITY_MAX}
              onChange={(value) => setQuantities((now) => new Map(now).set(categoryId, value))}
            />
          </li>
        ))}
      </ul>
      <ActionButton isDisabled={!isOnline || isBusy || sum === 0} onPress={() => void lock()}>
        {sum === 0 ? 'Choose tickets' : `Lock ${tickets(sum)} together`}
      </ActionButton>
    </section>
  );
}
