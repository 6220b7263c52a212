import type { ConnectRefusal, ErrorCode, Refusal } from '@ticket-locks/socket-adapter/protocol';

import type { LockClientState, PersonalNews } from './lock-client.js';

type Facts = Partial<Refusal>;

const WORDS = {
  UNAUTHORIZED: () => 'Your sign-in has ended. We are signing you in again.',
  FORBIDDEN: () => 'That belongs to somebody else.',
  RATE_LIMITED: ({ retryAfterMs }) =>
    `That was very quick. Please wait ${seconds(retryAfterMs)} and try again.`,
  INVALID_REQUEST: ({ locked }) =>
    locked === undefined
      ? 'That is not possible. Please check the number of tickets.'
      : `You have only ${tickets(locked)} locked.`,
  REQUEST_CONFLICT: () => 'Something got mixed up. Please try again.',
  EVENT_NOT_FOUND: () => 'There is no such event.',
  CATEGORY_NOT_FOUND: () => 'This category is not on sale.',
  LOCK_NOT_FOUND: () => 'These tickets are not locked for you any more.',
  ORDER_CONFLICT: () => 'These tickets are being paid for right now.',
  LOCK_MISMATCH: () => 'These are not the tickets you locked.',
  LOCK_CONFIRMED: () => 'These tickets are yours already: they are sold to you.',
  LOCK_RELEASED: () => 'These tickets were given back.',
  LOCK_EXPIRED: ({ available }) =>
    available === undefined
      ? 'Your time is up, and the tickets are back on sale.'
      : `Your time is up, and ${left(available)}.`,
  LOCK_LOST: () => 'We lost your tickets in a failure. Please lock them again.',
  DUPLICATE_LOCK: () => 'You have tickets in this category already.',
  LIMIT_EXCEEDED: ({ limit, max }) => limitWords(limit, max),
  INSUFFICIENT_TICKETS: ({ available = 0 }) =>
    available === 0
      ? 'Sorry, none are left right now. Some may come back.'
      : `Sorry, ${left(available)}.`,
  OUTCOME_UNKNOWN: () => 'We did not hear back. What you see here is what we know.',
  UNAVAILABLE: () => 'That does not work at the moment. Nothing was changed; please try again.',
} satisfies Record<ErrorCode, (facts: Facts) => string>;

const NEWS = {
  'lock-expiring': (what) => `Your ${what} will be back on sale in a minute.`,
  'lock-expired': (what) => `Your time is up: your ${what} went back on sale.`,
  'lock-released': (what) => `Your ${what} went back on sale.`,
  'lock-confirmed': (what) => `Sold: ${what}. Enjoy the show!`,
  'order-completed': (what) => `Your order of ${what} is complete.`,
  'order-cancelled': (what) => `Your order of ${what} was cancelled.`,
} satisfies Record<PersonalNews, (what: string) => string>;

const CONNECTION = {
  connecting: 'Connecting …',
  online: 'Live',
  lost: 'Reconnecting …',
  refused: 'Not let in',
} satisfies Record<LockClientState['connection'], string>;

/** Why a door stays shut is not why a request is refused. Other codes mean the same at both. */
const AT_THE_DOOR: Partial<Record<ErrorCode, (refusal: Facts) => string>> = {
  UNAUTHORIZED: () => 'Signing in …',
  FORBIDDEN: () => 'This sign-in is for somebody else.',
  RATE_LIMITED: ({ retryAfterMs }) =>
    `Too many windows or visitors. Next try in ${seconds(retryAfterMs)}.`,
  UNAVAILABLE: () => 'The service is starting or stopping. We keep trying.',
};

/** What a buyer reads instead of a code. */
export function plainWords(refusal: Facts & { readonly code: ErrorCode }): string {
  return WORDS[refusal.code](refusal);
}

/** What happened to the user's own tickets, without his doing. */
export function newsWords(name: PersonalNews, quantity: number): string {
  return NEWS[name](tickets(quantity));
}

/** How it stands with the connection, and why. */
export function connectionWords(
  connection: LockClientState['connection'],
  refusal: ConnectRefusal | undefined,
): string {
  if (refusal === undefined || connection === 'lost') return CONNECTION[connection];
  return (AT_THE_DOOR[refusal.code] ?? WORDS[refusal.code])(refusal);
}

export function tickets(count: number): string {
  return `${count} ${count === 1 ? 'ticket' : 'tickets'}`;
}

function left(available: number): string {
  if (available === 0) return 'none are left';
  return `only ${tickets(available)} ${available === 1 ? 'is' : 'are'} left`;
}

function seconds(durationMs: number | undefined): string {
  if (durationMs === undefined) return 'a moment';
  const count = Math.max(1, Math.ceil(durationMs / 1000));
  return `${count} ${count === 1 ? 'second' : 'seconds'}`;
}

function limitWords(limit: Refusal['limit'], max: number | undefined): string {
  if (limit === 'ticketsPerLockMax') return `You can lock at most ${max} tickets at once.`;
  if (limit === 'ticketsPerUserPerEventMax') return `At most ${max} tickets for each person.`;
  if (limit === 'locksPerUserMax') return `You can lock tickets in at most ${max} categories.`;
  return 'There is no more time for these tickets. Please pay now, or let them go.';
}
