/**
 * The option, if it is a duration that a timer can keep. Throws `RangeError` that names it, its
 * value and its bound.
 */
export function durationOption(name: string, value: number, min: number): number {
  if (Number.isSafeInteger(value) && value >= min && value <= 2 ** 31 - 1) return value;
  throw new RangeError(
    `${name} must be an integer from ${min} to ${2 ** 31 - 1}, got ${String(value)}`,
  );
}
