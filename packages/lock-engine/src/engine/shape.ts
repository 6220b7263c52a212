import type { OnExisting } from './command.js';
import { isOpaqueId } from './id.js';

/** Most lines or lock ids in one command. */
const BATCH_MAX = 1000;

/** Tells whether the input is an object whose fields may be read. */
export function isObject(input: unknown): input is object {
  return typeof input === 'object' && input !== null;
}

/** Tells whether the input is a number of tickets: an integer from 1 to the safe integers. */
export function isQuantity(input: unknown): input is number {
  return typeof input === 'number' && Number.isSafeInteger(input) && input >= 1;
}

/** Tells whether the input is a count of tickets that may be none. */
export function isTicketCount(input: unknown): input is number {
  return typeof input === 'number' && Number.isSafeInteger(input) && input >= 0;
}

export function isOnExisting(input: unknown): input is OnExisting | undefined {
  return input === undefined || input === 'set' || input === 'add';
}

export function isRequestId(input: unknown): input is string | undefined {
  return input === undefined || isOpaqueId(input);
}

/** Tells whether the input is a list of 1 to `BATCH_MAX` entries. */
export function isBatch(input: unknown): input is readonly unknown[] {
  return Array.isArray(input) && input.length >= 1 && input.length <= BATCH_MAX;
}
