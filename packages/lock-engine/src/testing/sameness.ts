import type { TicketLock } from '../engine/ticket-lock.js';
import { literalOf } from './literal.js';
import type { ModelAvailability } from './reference-model.js';

/**
 * Tells whether two plain values are the same, down to `-0`, `NaN` and fields that are undefined.
 */
export function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (!isFields(a) || !isFields(b) || Array.isArray(a) !== Array.isArray(b)) return false;
  const names = Object.keys(a);
  if (names.length !== Object.keys(b).length) return false;
  return names.every((name) => Object.hasOwn(b, name) && isSame(a[name], b[name]));
}

/** `isSame` of two lists of locks, for the many times it is asked. */
export function areSameLocks(a: readonly TicketLock[], b: readonly TicketLock[]): boolean {
  return a.length === b.length && a.every((lock, index) => isSameLock(lock, b[index]));
}

/**
 * `isSame` of the figures of categories, for the many times it is asked. Versions are not looked
 * at.
 */
export function areSameFigures(
  a: readonly ModelAvailability[],
  b: readonly ModelAvailability[],
): boolean {
  return a.length === b.length && a.every((figures, index) => isSameFigures(figures, b[index]));
}

/** Where two values differ first, and how. */
export function differenceOf(actual: unknown, expected: unknown, path = ''): string {
  if (isFields(actual) && isFields(expected)) {
    for (const name of new Set([...Object.keys(expected), ...Object.keys(actual)])) {
      const isThere = name in actual && name in expected;
      if (isThere && isSame(actual[name], expected[name])) continue;
      if (isThere) return differenceOf(actual[name], expected[name], `${path}.${name}`);
    }
  }
  const where = path === '' ? 'it' : path.slice(1);
  return `${where} is\n${literalOf(actual)}\nbut must be\n${literalOf(expected)}`;
}

function isSameLock(a: TicketLock, b: TicketLock | undefined): boolean {
  return (
    b !== undefined &&
    a.lockId === b.lockId &&
    a.status === b.status &&
    a.quantity === b.quantity &&
    a.eventId === b.eventId &&
    a.categoryId === b.categoryId &&
    a.userId === b.userId &&
    a.sessionId === b.sessionId &&
    a.createdAtMs === b.createdAtMs &&
    a.expiresAtMs === b.expiresAtMs &&
    a.expiresInMs === b.expiresInMs &&
    a.extensionsLeft === b.extensionsLeft &&
    a.orderId === b.orderId &&
    a.late === b.late &&
    a.settled === b.settled &&
    a.endedAtMs === b.endedAtMs &&
    a.reason === b.reason
  );
}

function isSameFigures(a: ModelAvailability, b: ModelAvailability | undefined): boolean {
  return (
    b !== undefined &&
    a.eventId === b.eventId &&
    a.categoryId === b.categoryId &&
    a.capacity === b.capacity &&
    a.available === b.available &&
    a.locked === b.locked &&
    a.sold === b.sold &&
    a.deficit === b.deficit &&
    a.confirmed === b.confirmed &&
    a.soldElsewhere === b.soldElsewhere
  );
}

function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
