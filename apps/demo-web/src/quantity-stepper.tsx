import { useId } from 'preact/hooks';

import { ActionButton } from './action-button.js';

interface QuantityStepperProps {
  readonly label: string;
  readonly value: number;
  readonly max: number;
  readonly onChange: (value: number) => void;
}

/** A number of tickets, by buttons or by typing. */
export function QuantityStepper({ label, value, max, onChange }: QuantityStepperProps) {
  const inputId = useId();
  const set = (next: number) => {
    if (Number.isSafeInteger(next)) onChange(Math.min(max, Math.max(1, next)));
  };
  return (
    <div class="stepper">
      <label class="visually-hidden" for={inputId}>
        {label}
      </label>
      <ActionButton onPress={() => set(value - 1)} isDisabled={value <= 1}>
        <span aria-hidden="true">−</span>
        <span class="visually-hidden">One ticket less</span>
      </ActionButton>
      <input
        id={inputId}
        type="number"
        inputMode="numeric"
        min={1}
        max={max}
        value={value}
        onChange={(event) => {
          set(event.currentTarget.valueAsNumber);
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
