import { useId } from 'preact/hooks';

import { ActionButton } from './action-button.js';

interface QuantityStepperProps {
  readonly label: string;
  readonly value: number;
  /** Default 1. */
  readonly min?: number;
  readonly max: number;
  readonly onChange: (value: number) => void;
}

/** A number of tickets, by buttons or by typing. */
export function QuantityStepper({ label, value, min = 1, max, onChange }: QuantityStepperProps) {
  const inputId = useId();
  const set = (next: number) => {
    if (Number.isSafeInteger(next)) onChange(Math.min(max, Math.max(min, next)));
  };
  return (
    <div class="stepper">
      <label class="visually-hidden" for={inputId}>
        {label}
      </label>
      <ActionButton onPress={() => set(value - 1)} isDisabled={value <= min}>
        <span aria-hidden="true">−</span>
        <span class="visually-hidden">One ticket less</span>
      </ActionButton>
      <input
        id={inputId}
        type="number"
        inputMode="numeric"
        min={min}
        max={max}
        value={value}
        onInput={(event) => set(event.currentTarget.valueAsNumber)}
        onChange={(event) => {
          // What was typed and is no number of tickets.
          event.currentTarget.value = String(value);
        }}
      />
      <ActionButton onPress={() => set(value + 1)} isDisabled={value >= max}>
        <span aria-hidden="true">+</span>
        <span class="visually-hidden">One ticket more</span>
      </ActionButton>
    </div>
  );
}
