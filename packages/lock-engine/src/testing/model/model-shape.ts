import type { Id } from '../../engine/id.js';

/**
 * What must be true of input, each rule written down once more and as plainly as it can be said.
 */

/**
 * The canonical form of an id of an event, category, user or order; `undefined` when it is none.
 */
export function modelId(input: unknown): Id | undefined {
  if (typeof input === 'number') return isCount(input) ? Math.abs(input) : undefined;
  if (!isTextUpTo(64, input)) return undefined;
  const number = Number(input);
  return isCount(number) && String(number) === input ? number : input;
}

/** A lock, session or request id. */
export function isOpaque(input: unknown): input is string {
  return isTextUpTo(128, input);
}

export function isCount(input: unknown): input is number {
  return Number.isSafeInteger(input) && Number(input) >= 0;
}

export function isPositive(input: unknown): input is number {
  return isCount(input) && input > 0;
}

export function isObject(input: unknown): input is object {
  return typeof input === 'object' && input !== null;
}

export function isRecord(input: unknown): input is Record<string, unknown> {
  return isObject(input);
}

export function isListUpTo(max: number, input: unknown): input is unknown[] {
  return Array.isArray(input) && input.length > 0 && input.length <= max;
}

/** A field that may be missing. */
export function isMissingOr(isValid: (input: unknown) => boolean, input: unknown): boolean {
  return input === undefined || isValid(input);
}

function isTextUpTo(lengthMax: number, input: unknown): input is string {
  if (typeof input !== 'string' || input.length < 1 || input.length > lengthMax) return false;
  if (/^[ -~]*$/.test(input)) return true;
  return !Array.from(input).some(isControl);
}

function isControl(character: string): boolean {
  const code = character.codePointAt(0) ?? 0;
  const isLoneSurrogate = code >= 0xd800 && code <= 0xdfff;
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || isLoneSurrogate;
}
