/**
 * Gives the focus to an element when what had it is gone, so that whoever uses the keyboard goes on
 * from there. Called after a change; waits until it is painted.
 */
export function keepFocus(element: () => HTMLElement | null | undefined): void {
  requestAnimationFrame(() => {
    requestAnimationFrame(() => {
      if (document.activeElement === document.body) element()?.focus({ preventScroll: true });
    });
  });
}
