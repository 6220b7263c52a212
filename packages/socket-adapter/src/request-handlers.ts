import type { Clock, Id, Outcome, TicketLocks } from '@ticket-locks/lock-engine';

import { grantedLock, grantedLocks, iso, myLock } from './answers.js';
import type { AskedReleases, LockName } from './asked-releases.js';
import type { AvailabilityFeed } from './availability-feed.js';
import type { Answers, AvailabilityUpdate, Refusal, RequestEvent } from './protocol.js';
import type { ReadRequests } from './request-reader.js';

/** Who asks, with an open session. */
export interface Buyer {
  readonly userId: Id;
  readonly sessionId: string;
  readonly releases: AskedReleases;
  /** Returns whether he was not in it before. */
  joinRoom(eventId: Id): boolean;
  leaveRoom(eventId: Id): void;
  /** Takes over a newer token of the same user; answers its end. */
  refreshToken(token: string): Promise<Outcome<number>>;
}

type Success<Event extends RequestEvent> = Exclude<Answers[Event], Refusal>;

/** An answer, and what is sent right after it. */
type Handled<Event extends RequestEvent> = Outcome<Success<Event>> & {
  readonly news?: readonly AvailabilityUpdate[];
};

export type RequestHandlers = {
  readonly [Event in RequestEvent]: (
    buyer: Buyer,
    request: ReadRequests[Event],
  ) => Promise<Handled<Event>>;
};

export interface RequestHandlerOptions {
  readonly locks: TicketLocks;
  readonly feed: AvailabilityFeed;
  readonly clock: Clock;
}

/**
 * Each event's command for the store, and the store's answer in the words of the wire.
 *
 * What reaches the store reaches it before the first `await`, so that a client's commands keep
 * their order.
 */
export function requestHandlers({ locks, feed, clock }: RequestHandlerOptions): RequestHandlers {
  return {
    'lock-tickets': async ({ userId, sessionId }, request) => {
      // Field by field: this is the busiest request, and copying objects costs as much as the lock.
      const { eventId, onExisting, requestId } = request;
      const who = { eventId, userId, sessionId, onExisting, requestId };
      if ('items' in request) {
        const granted = await locks.lockMany({ ...who, items: request.items });
        return mapped(granted, (value) => ({ ...grantedLocks(value), success: true }));
      }
      const { categoryId, quantity } = request;
      const granted = await locks.lock({
        eventId,
        categoryId,
        quantity,
        userId,
        sessionId,
        onExisting,
        requestId,
      });
      return mapped(granted, (value) => ({ ...grantedLock(value), success: true }));
    },

    'unlock-tickets': async ({ userId, releases }, request) => {
      const name: LockName = request;
      releases.ask(name);
      const unlocked = await locks.unlock({ ...request, userId });
      const isGone = unlocked.ok && unlocked.value.quantity > 0 && unlocked.value.remaining === 0;
      releases.answered(name, isGone ? unlocked.value.lockId : undefined);
      return mapped(unlocked, ({ lockId, quantity, remaining }) => ({
        success: true,
        lockId,
        quantity,
        remaining,
        message: 'Tickets unlocked successfully',
      }));
    },

    'extend-lock': async ({ userId }, { lockId, requestId }) => {
      const extended = await locks.extend({ lockId, userId, requestId });
      return mapped(extended, ({ expiresAtMs, expiresInMs, extensionsLeft }) => ({
        success: true,
        lockId,
        expiresAt: iso(expiresAtMs),
        expiresInMs,
        extensionsLeft: Number.isFinite(extensionsLeft) ? extensionsLeft : null,
      }));
    },

    'join-event-room': async (buyer, { eventId }) => {
      // In the room first: what changes while the snapshot is on its way is not missed.
      const isNew = buyer.joinRoom(eventId);
      const snapshot = await feed.snapshot(eventId);
      if (!snapshot.ok) {
        if (isNew) buyer.leaveRoom(eventId);
        return snapshot;
      }
      const availability = snapshot.value;
      const message = `Joined event ${eventId} room`;
      return {
        ok: true,
        value: { success: true, eventId, availability, message },
        news: availability,
      };
    },

    'leave-event-room': async (buyer, { eventId }) => {
      buyer.leaveRoom(eventId);
      return succeed({ success: true, eventId, message: `Left event ${eventId} room` });
    },

    'get-my-locks': async ({ userId }) => {
      const locksOfUser = await locks.locksOfUser(userId);
      return succeed({ locks: locksOfUser.map(myLock) });
    },

    heartbeat: async ({ sessionId }) => {
      const now = iso(clock.nowMs());
      return succeed({ timestamp: now, serverTime: now, sessionId });
    },

    'refresh-token': async (buyer, { token }) => {
      const refreshed = await buyer.refreshToken(token);
      return mapped(refreshed, (expiresAtMs) => ({ success: true, expiresAt: iso(expiresAtMs) }));
    },
  };
}

function mapped<Value, Answer>(
  outcome: Outcome<Value>,
  answer: (value: Value) => Answer,
): Outcome<Answer> {
  return outcome.ok ? succeed(answer(outcome.value)) : outcome;
}

function succeed<Value>(value: Value): { readonly ok: true; readonly value: Value } {
  return { ok: true, value };
}
