/** Who looks at what: `/?user=alice&eventId=1`, `/?view=stage&eventId=1`, `/?view=operator`. */
export interface Visit {
  readonly view: View;
  readonly userId: string;
  readonly eventId: number | string;
}

export const VIEWS = ['buyer', 'stage', 'operator'] as const;
export type View = (typeof VIEWS)[number];

const USER_KEY = 'ticket-locks.user';
const DECIMAL = /^(?:0|[1-9]\d{0,14})$/;

/**
 * Reads the address; a user who is not named there gets a made-up name, kept while the tab lives.
 */
export function readVisit(search: string, storage: Pick<Storage, 'getItem' | 'setItem'>): Visit {
  const parameters = new URLSearchParams(search);
  const eventId = parameters.get('eventId')?.trim() || '1';
  const user = parameters.get('user')?.trim() || storage.getItem(USER_KEY) || madeUpName();
  storage.setItem(USER_KEY, user);
  return { view: readView(search), userId: user, eventId: idOf(eventId) };
}

export function readView(search: string): View {
  const view = new URLSearchParams(search).get('view');
  return VIEWS.find((known) => known === view) ?? 'buyer';
}

/** The address that `readVisit` reads. */
export function hrefOf({ view, userId, eventId }: Visit): string {
  const parameters = new URLSearchParams();
  if (view !== 'buyer') parameters.set('view', view);
  parameters.set('eventId', String(eventId));
  parameters.set('user', userId);
  return `?${parameters}`;
}

/** An id as the service writes it: `'12'` and `12` are the same. */
function idOf(text: string): number | string {
  return DECIMAL.test(text) ? Number(text) : text;
}

function madeUpName(): string {
  const [number = 0] = crypto.getRandomValues(new Uint32Array(1));
  return `guest-${number.toString(36)}`;
}
