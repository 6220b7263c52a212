/** An id of an event, category, user or order, in canonical form (see `canonicalId`). */
export type Id = number | string;

/** The longest id of an event, category, user or order, in UTF-16 code units. */
const ID_LENGTH_MAX = 64;
/** The longest lock, session or request id, in UTF-16 code units. */
const OPAQUE_ID_LENGTH_MAX = 128;

const CONTROL_OR_LONE_SURROGATE = /[\p{Cc}\p{Cs}]/u;
const DECIMAL = /^(?:0|[1-9]\d{0,15})$/;

/**
 * Returns the one form of an id that is used as a key, or `undefined` when the input is no id.
 *
 * A string that is the shortest decimal form of a non-negative safe integer is that number (`'12'`
 * is `12`); any other string of 1 to 64 characters without control characters stays itself
 * (`'007'`). Numbers are non-negative safe integers.
 */
export function canonicalId(input: unknown): Id | undefined {
  if (typeof input === 'number')
    return Number.isSafeInteger(input) && input >= 0 ? input + 0 : undefined;
  return canonicalText(input);
}

function canonicalText(input: unknown): Id | undefined {
  if (!isText(input, ID_LENGTH_MAX)) return undefined;
  if (DECIMAL.test(input)) {
    const number = Number(input);
    if (Number.isSafeInteger(number)) return number;
  }
  return input;
}

/**
 * Tells whether the input is an opaque id: a string of 1 to 128 characters without control
 * characters.
 */
export function isOpaqueId(input: unknown): input is string {
  return isText(input, OPAQUE_ID_LENGTH_MAX);
}

function isText(input: unknown, lengthMax: number): input is string {
  if (typeof input !== 'string' || input.length === 0 || input.length > lengthMax) return false;
  return !CONTROL_OR_LONE_SURROGATE.test(input);
}
