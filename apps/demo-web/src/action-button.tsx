import type { ComponentChildren, RefObject } from 'preact';

interface ActionButtonProps {
  readonly children: ComponentChildren;
  readonly onPress: () => void;
  readonly isDisabled?: boolean;
  readonly class?: string;
  readonly buttonRef?: RefObject<HTMLButtonElement>;
}

/** A button that keeps the focus while it cannot be used, which a disabled one would lose. */
export function ActionButton({ isDisabled = false, onPress, ...props }: ActionButtonProps) {
  return (
    <button
      type="button"
      class={props.class}
      ref={props.buttonRef ?? null}
      aria-disabled={isDisabled}
      onClick={() => {
        if (!isDisabled) onPress();
      }}
    >
      {props.children}
    </button>
  );
}
