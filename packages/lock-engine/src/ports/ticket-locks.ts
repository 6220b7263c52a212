import type {
  BeginPaymentCommand,
  CancelEventCommand,
  ConfirmCommand,
  Confirmed,
  ConfirmedMany,
  DecideManyCommand,
  EventCancelled,
  Extended,
  ExtendCommand,
  InventorySet,
  LockCommand,
  LockGrant,
  LockManyCommand,
  LockManyGrant,
  PaymentBegun,
  RefundRequired,
  ReleaseCommand,
  Released,
  ReleasedMany,
  RequireRefundCommand,
  SetInventoryCommand,
  Settled,
  SettleCommand,
  UnlockCommand,
  Unlocked,
} from '../engine/command.js';
import type { Id } from '../engine/id.js';
import type { LockChange } from '../engine/lock-change.js';
import type { LockError } from '../engine/lock-error.js';
import type { CategoryAvailability, LockStats, TicketLock } from '../engine/ticket-lock.js';

/** What a store answers: a value or a refusal. The facts behind it come by `on('change')`. */
export type Outcome<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly error: LockError };

export interface SessionOpened {
  readonly sessionId: string;
  /**
   * A secret: whoever holds it and the user's identity takes the session up again. Worthless to any
   * other user.
   */
  readonly resumeToken: string;
  /** Whether an earlier session goes on. */
  readonly resumed: boolean;
}

export interface EventAvailability {
  readonly eventId: Id;
  readonly categories: readonly CategoryAvailability[];
  /** The source of truth could not be asked lately: these are the last known figures. */
  readonly stale: boolean;
}

/** An event's figures went stale, or are fresh again. */
export interface StaleNews {
  readonly eventId: Id;
  readonly stale: boolean;
}

/** A listener that throws harms nobody else; what it threw surfaces in a timer, as its own bug. */
export interface TicketLocksEvents {
  /** One fact, durable by now, of any instance. In order per lock. */
  change: (change: LockChange) => void;
  /**
   * The store can no longer be trusted or written: it refuses everything with `UNAVAILABLE` from
   * here on.
   */
  failure: (error: Error) => void;
  /** The source of truth could not be asked about an event, or can be again. Not durable. */
  stale: (news: StaleNews) => void;
}

/**
 * Ticket locks behind one door: in this process or shared by many instances.
 *
 * Commands are those of `LockEngine`, with the same refusals in the same order. Besides, every call
 * may answer `UNAVAILABLE` (nothing was changed) and every changing one `OUTCOME_UNKNOWN` (it may
 * have been: repeat it with the same ids). An answer leaves only when everything it shows is
 * durable. Calls reject only when the store itself is broken. The rules of grace, last socket and
 * presence live behind it, not in the adapters.
 */
export interface TicketLocks {
  /** Loads what is recorded and begins to expire. Rejects when the record cannot be had. */
  start(): Promise<void>;
  /** Finishes what runs, begins no release, lets go of timers and ledger. */
  stop(): Promise<void>;

  lock(command: LockCommand): Promise<Outcome<LockGrant>>;
  lockMany(command: LockManyCommand): Promise<Outcome<LockManyGrant>>;
  unlock(command: UnlockCommand): Promise<Outcome<Unlocked>>;
  extend(command: ExtendCommand): Promise<Outcome<Extended>>;
  beginPayment(command: BeginPaymentCommand): Promise<Outcome<PaymentBegun>>;
  confirm(command: ConfirmCommand): Promise<Outcome<Confirmed>>;
  confirmMany(command: DecideManyCommand): Promise<Outcome<ConfirmedMany>>;
  release(command: ReleaseCommand): Promise<Outcome<Released>>;
  releaseMany(command: DecideManyCommand): Promise<Outcome<ReleasedMany>>;
  setInventory(command: SetInventoryCommand): Promise<Outcome<InventorySet>>;
  cancelEvent(command: CancelEventCommand): Promise<Outcome<EventCancelled>>;
  settle(command: SettleCommand): Promise<Outcome<Settled>>;
  requireRefund(command: RequireRefundCommand): Promise<Outcome<RefundRequired>>;

  /** Begins a session with one socket. Fails with `INVALID_REQUEST`. */
  openSession(visit: { readonly userId: Id }): Promise<Outcome<SessionOpened>>;
  /**
   * Adds a socket to the session of the token. Fails with `INVALID_REQUEST` or `FORBIDDEN` (forged,
   * or another user's).
   */
  resumeSession(visit: {
    readonly userId: Id;
    readonly resumeToken: string;
  }): Promise<Outcome<SessionOpened>>;
  /**
   * Takes a socket from the session. With the last one the session's locks are released: at once
   * after a `goodbye`, after the grace when the socket was `lost`, unless the session is resumed
   * before. Locks in payment stay.
   */
  leaveSession(leave: {
    readonly sessionId: string;
    readonly how: 'goodbye' | 'lost';
  }): Promise<void>;

  lockById(lockId: string): Promise<TicketLock | undefined>;
  locksOfUser(userId: Id): Promise<readonly TicketLock[]>;
  locksOfSession(sessionId: string): Promise<readonly TicketLock[]>;
  /** Fails with `INVALID_REQUEST`, `EVENT_NOT_FOUND` or `UNAVAILABLE`. */
  availability(eventId: Id): Promise<Outcome<EventAvailability>>;
  /** Confirmed locks of the event that the source of truth does not count yet. */
  unsettledLocks(eventId: Id): Promise<readonly TicketLock[]>;
  /** Money that came too late, of locks that are remembered, the oldest first. */
  refundsRequired(): Promise<readonly RefundRequired[]>;
  stats(): Promise<LockStats>;

  on<Name extends keyof TicketLocksEvents>(name: Name, listener: TicketLocksEvents[Name]): void;
  off<Name extends keyof TicketLocksEvents>(name: Name, listener: TicketLocksEvents[Name]): void;
}
