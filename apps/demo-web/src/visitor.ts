/** Who looks at what: `/?eventId=1&user=alice`. */
export interface Visitor {
  readonly userId: string;
  readonly eventId: number | string;
}

const USER_KEY = 'ticket-locks.user';
const DECIMAL = /^(?:0|[1-9]\d{0,14})$/;

/**
 * Reads the address; a user who is not named there gets a made-up name, kept while the tab lives.
 */
export function readVisitor(search: string, storage: Storage): Visitor {
  const parameters = new URLSearchParams(search);
  const eventId = parameters.get('eventId')?.trim() || '1';
  const user = parameters.get('user')?.trim() || storage.getItem(USER_KEY) || madeUpName();
  storage.setItem(USER_KEY, user);
  return { userId: user, eventId: DECIMAL.test(eventId) ? Number(eventId) : eventId };
}

function madeUpName(): string {
  const [number = 0] = crypto.getRandomValues(new Uint32Array(1));
  return `guest-${number.toString(36)}`;
}
