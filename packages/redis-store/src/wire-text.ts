import type { Id } from '@ticket-locks/lock-engine';

/** Separate the fields of a change and the changes of a command: no id may contain them. */
export const FIELD = '\u001F';
export const LINE = '\u001E';

/** An id as it is kept: JSON, so that `12` and `'012'` stay what they are. */
export function textOf(id: Id): string {
  return typeof id === 'number' ? String(id) : JSON.stringify(id);
}

export function idOf(text: string): Id {
  return text.startsWith('"') ? (JSON.parse(text) as string) : Number(text);
}

/** An id that may be left out. */
export function textOrNone(id: Id | undefined): string {
  return id === undefined ? '' : textOf(id);
}

export function idOrNone(text: string): Id | undefined {
  return text === '' ? undefined : idOf(text);
}
