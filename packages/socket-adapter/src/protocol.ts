// What a web page needs to speak with the service: names at run time, everything else as types.
import type { Id, LimitName, LockErrorCode, ReleaseReason } from '@ticket-locks/lock-engine';

export type { Id } from '@ticket-locks/lock-engine';

/** The socket.io namespace. */
export const REALTIME_NAMESPACE = '/realtime';

/**
 * What a client may send, and the event that answers it when it gave no acknowledgement callback.
 */
export const ANSWER_EVENTS = {
  'extend-lock': 'extend-lock-response',
  'get-my-locks': 'my-locks-response',
  heartbeat: 'heartbeat-response',
  'join-event-room': 'joined-event-room',
  'leave-event-room': 'left-event-room',
  'lock-tickets': 'lock-tickets-response',
  'refresh-token': 'refresh-token-response',
  'unlock-tickets': 'unlock-tickets-response',
} as const;

export type RequestEvent = keyof typeof ANSWER_EVENTS;

/** What the server sends without being asked. */
export const NEWS_EVENTS = [
  'connected',
  'availability-update',
  'lock-expiring',
  'lock-expired',
  'lock-released',
  'lock-confirmed',
  'order-completed',
  'order-cancelled',
  'error',
] as const;

/**
 * Every refusal, in the order in which the checks are made: the earliest one that applies is
 * answered.
 */
export const ERROR_CODES = [
  'UNAUTHORIZED',
  'FORBIDDEN',
  'RATE_LIMITED',
  'INVALID_REQUEST',
  'REQUEST_CONFLICT',
  'EVENT_NOT_FOUND',
  'CATEGORY_NOT_FOUND',
  'LOCK_NOT_FOUND',
  'ORDER_CONFLICT',
  'LOCK_MISMATCH',
  'LOCK_CONFIRMED',
  'LOCK_RELEASED',
  'LOCK_EXPIRED',
  'LOCK_LOST',
  'DUPLICATE_LOCK',
  'LIMIT_EXCEEDED',
  'INSUFFICIENT_TICKETS',
  'OUTCOME_UNKNOWN',
  'UNAVAILABLE',
] as const satisfies readonly LockErrorCode[];

export type ErrorCode = LockErrorCode;

/** The room that hears of an event's availability. */
export function eventRoom(eventId: Id): string {
  return `event_${eventId}`;
}

// --- the handshake
// ---------------------------------------------------------------------------------

/** `auth` of socket.io-client. May be a function there, so that each reconnect sends the newest. */
export interface HandshakeAuth {
  /** A JWT; its subject is the user. */
  readonly token: string;
  /** From an earlier `connected`: takes that session up again, with its locks. */
  readonly resumeToken?: string | undefined;
}

/** `err.data` of `connect_error`. socket.io-client does not try again by itself after one. */
export interface ConnectRefusal {
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryAfterMs?: number;
}

// --- what clients send
// -----------------------------------------------------------------------------

interface Claims {
  /** May be given for compatibility; one that is not the token's user is `FORBIDDEN`. */
  readonly userId?: Id | undefined;
}

interface Repeatable {
  /**
   * Made by the client, one for each attempt: the same id again has one effect and the same answer.
   */
  readonly requestId?: string | undefined;
}

export interface EventRoomRequest extends Claims, Repeatable {
  readonly eventId: Id;
}

interface LockRequestBase extends Claims, Repeatable {
  readonly eventId: Id;
  /**
   * What to do when the user has a lock in the category: refuse (unset), replace its quantity, add.
   */
  readonly onExisting?: 'set' | 'add' | undefined;
}

export interface LockLineRequest {
  readonly categoryId: Id;
  readonly quantity: number;
}

/** One category, or several of one event, all or nothing. */
export type LockTicketsRequest =
  | (LockRequestBase & LockLineRequest)
  | (LockRequestBase & { readonly items: readonly LockLineRequest[] });

/** Without `quantity` all tickets of the lock are given back. */
export type UnlockTicketsRequest = Claims &
  Repeatable & { readonly quantity?: number | undefined } & (
    | { readonly lockId: string }
    | { readonly eventId: Id; readonly categoryId: Id }
  );

export interface ExtendLockRequest extends Claims, Repeatable {
  readonly lockId: string;
}

export interface RefreshTokenRequest extends Claims, Repeatable {
  readonly token: string;
}

// --- what they are answered
// ------------------------------------------------------------------------

/**
 * A refusal. `code` is the contract, `message` is for people, the rest are the facts of the code.
 */
export interface Refusal {
  readonly success: false;
  readonly code: ErrorCode;
  readonly message: string;
  readonly requestId?: string;
  /** `INVALID_REQUEST`: what is wrong, such as `items[0].quantity`. */
  readonly field?: string;
  /** `INVALID_REQUEST`: how many tickets the lock has, when more were to be given back. */
  readonly locked?: number;
  readonly retryAfterMs?: number;
  readonly eventId?: Id;
  readonly categoryId?: Id;
  readonly lockId?: string;
  readonly limit?: LimitName;
  readonly max?: number;
  /** `INSUFFICIENT_TICKETS`: what is free, of the first line that fell short. */
  readonly available?: number;
  /** The same number under its older name. */
  readonly availableTickets?: number;
  readonly requested?: number;
  readonly lines?: readonly ShortLine[];
  /** `DUPLICATE_LOCK`: the lock that the user has already. */
  readonly lock?: MyLock;
}

export interface ShortLine {
  readonly categoryId: Id;
  readonly requested: number;
  readonly available: number;
}

interface Success {
  readonly success: true;
  readonly requestId?: string;
}

export interface GrantedLock {
  readonly lockId: string;
  readonly eventId: Id;
  readonly categoryId: Id;
  readonly quantity: number;
  /**
   * ISO 8601, by the server's clock. Count down from `expiresInMs` instead: clocks of users are
   * wrong.
   */
  readonly expiresAt: string;
  readonly expiresInMs: number;
  readonly availableTickets: number;
}

/**
 * With `items` in the request, `locks` has one lock for each, and the fields beside it are those of
 * the first.
 */
export type LocksGranted = Success & GrantedLock & { readonly locks?: readonly GrantedLock[] };

export interface TicketsUnlocked extends Success {
  readonly lockId: string;
  /** Tickets given back. */
  readonly quantity: number;
  /** Tickets still locked. */
  readonly remaining: number;
  readonly message: string;
}

export interface LockExtended extends Success {
  readonly lockId: string;
  readonly expiresAt: string;
  readonly expiresInMs: number;
  /** `null`: as often as one likes. */
  readonly extensionsLeft: number | null;
}

export interface EventRoomJoined extends Success {
  readonly eventId: Id;
  readonly availability: readonly AvailabilityUpdate[];
  readonly message: string;
}

export interface EventRoomLeft extends Success {
  readonly eventId: Id;
  readonly message: string;
}

export interface TokenRefreshed extends Success {
  readonly expiresAt: string;
}

/** The user's active locks, of all his sessions. */
export interface MyLocks {
  readonly locks: readonly MyLock[];
  readonly requestId?: string;
}

export interface MyLock {
  readonly lockId: string;
  readonly eventId: Id;
  readonly categoryId: Id;
  readonly quantity: number;
  readonly userId: Id;
  readonly sessionId: string;
  readonly status: 'active' | 'confirmed' | 'released' | 'expired';
  readonly createdAt: string;
  readonly expiresAt: string;
  readonly expiresInMs: number;
  /** The order in payment; only the orders service changes the lock now. */
  readonly orderId?: Id;
}

export interface Heartbeat {
  /** ISO 8601, as `serverTime`; the older name. */
  readonly timestamp: string;
  readonly serverTime: string;
  readonly sessionId: string;
  readonly requestId?: string;
}

// --- news
// ------------------------------------------------------------------------------------------

export interface Connected {
  readonly success: true;
  readonly sessionId: string;
  /** A secret: keep it in `sessionStorage` and send it with the next handshake. */
  readonly resumeToken: string;
  /** Whether an earlier session goes on. */
  readonly resumed: boolean;
  readonly userId: Id;
  /** ISO 8601. */
  readonly serverTime: string;
  readonly message: string;
}

/**
 * A snapshot of one category: the newest `version` is true, an older one that arrives later is not.
 */
export interface AvailabilityUpdate {
  readonly eventId: Id;
  readonly categoryId: Id;
  readonly availableTickets: number;
  readonly lockedTickets: number;
  readonly soldTickets: number;
  readonly totalTickets: number;
  /** By how much more is promised than there is: the organiser lowered the capacity. */
  readonly deficit: number;
  readonly version: number;
  readonly timestamp: string;
  /** The source of truth is silent: these are the last known figures. */
  readonly stale?: true;
}

interface LockNews {
  readonly lockId: string;
  readonly eventId: Id;
  readonly categoryId: Id;
  readonly quantity: number;
  readonly orderId?: Id;
}

export interface LockExpiring extends LockNews {
  readonly expiresAt: string;
  readonly expiresInMs: number;
}

export interface LockExpired extends LockNews {
  readonly expiresAt: string;
}

export interface LockReleased extends LockNews {
  readonly reason: ReleaseReason;
}

export interface LockConfirmed extends LockNews {
  /** The lock had expired and took fresh tickets. */
  readonly late?: true;
}

export interface OrderNews {
  readonly orderId: Id;
  readonly eventId: Id;
  readonly categoryId: Id;
  readonly quantity: number;
  readonly message: string;
}

/** A refusal of something that has no answer event of its own. */
export interface ErrorNews {
  readonly code: ErrorCode;
  readonly message: string;
  /** The event that was refused. */
  readonly event?: string;
}

// --- the maps for socket.io's type parameters
// ------------------------------------------------------

export interface Requests {
  'extend-lock': ExtendLockRequest;
  'get-my-locks': Claims & Repeatable;
  heartbeat: Claims & Repeatable;
  'join-event-room': EventRoomRequest;
  'leave-event-room': EventRoomRequest;
  'lock-tickets': LockTicketsRequest;
  'refresh-token': RefreshTokenRequest;
  'unlock-tickets': UnlockTicketsRequest;
}

export interface Answers {
  'extend-lock': LockExtended | Refusal;
  'get-my-locks': MyLocks | Refusal;
  heartbeat: Heartbeat | Refusal;
  'join-event-room': EventRoomJoined | Refusal;
  'leave-event-room': EventRoomLeft | Refusal;
  'lock-tickets': LocksGranted | Refusal;
  'refresh-token': TokenRefreshed | Refusal;
  'unlock-tickets': TicketsUnlocked | Refusal;
}

export interface News {
  connected: Connected;
  'availability-update': AvailabilityUpdate;
  'lock-expiring': LockExpiring;
  'lock-expired': LockExpired;
  'lock-released': LockReleased;
  'lock-confirmed': LockConfirmed;
  'order-completed': OrderNews;
  'order-cancelled': OrderNews;
  error: ErrorNews;
}

type Answer<Event extends RequestEvent> = (answer: Answers[Event]) => void;

export type ClientToServer = {
  [Event in Exclude<RequestEvent, 'get-my-locks' | 'heartbeat'>]: (
    request: Requests[Event],
    answer?: Answer<Event>,
  ) => void;
} & {
  [Event in 'get-my-locks' | 'heartbeat']: (
    ...request: [] | [Answer<Event>] | [Requests[Event]] | [Requests[Event], Answer<Event>]
  ) => void;
};

export type ServerToClient = {
  [Event in keyof News]: (news: News[Event]) => void;
} & {
  [Event in RequestEvent as (typeof ANSWER_EVENTS)[Event]]: (answer: Answers[Event]) => void;
};
