import { canonicalId } from '@ticket-locks/lock-engine';
import type {
  CategoryAvailability,
  Id,
  LockPolicy,
  LockStats,
  RefundRequired,
  TicketLock,
} from '@ticket-locks/lock-engine';

import { figuresOf, lockOf, refundOf } from './answer.js';
import type { EventCalls } from './event-calls.js';
import { eventTag, routeOf } from './event-key.js';
import type { FunctionCall } from './function-call.js';
import type { Presence } from './presence.js';
import { RedisError } from './redis-error.js';
import type { Reply } from './reply.js';
import { textOf } from './wire-text.js';

export interface EventQueriesOptions {
  readonly events: EventCalls;
  readonly presence: Presence;
  readonly policy: LockPolicy;
}

/** Sales in one page. */
const PAGE = 500;

/** What can be asked of locks and events. Every query rejects with `RedisError`. */
export class EventQueries {
  readonly #options: EventQueriesOptions;

  constructor(options: EventQueriesOptions) {
    this.#options = options;
  }

  async lockById(lockId: unknown): Promise<TicketLock | undefined> {
    const route = typeof lockId === 'string' ? routeOf(lockId) : undefined;
    if (route === undefined) return undefined;
    const call = { name: 'locks', args: [String(lockId)] };
    return (await this.#locks(route.tag, call))[0];
  }

  async locksOfUser(userId: unknown): Promise<TicketLock[]> {
    const user = canonicalId(userId);
    if (user === undefined) return [];
    const { presence } = this.#options;
    const events = await presence.eventsOf(user);
    const found = await Promise.all(
      events.map(async (eventId) => {
        const locks = await this.#locksIn(eventId, user);
        if (locks.length === 0) await presence.userLeft({ eventId, userId: user });
        return locks;
      }),
    );
    return sorted(found.flat());
  }

  async locksOfSession(sessionId: unknown): Promise<TicketLock[]> {
    if (typeof sessionId !== 'string' || sessionId === '') return [];
    const places = await this.#options.presence.placesOf(sessionId);
    const found = await Promise.all(
      places.map(({ eventId, userId }) => this.#locksIn(eventId, userId)),
    );
    return sorted(found.flat().filter((lock) => lock.sessionId === sessionId));
  }

  /** The figures of an event; `undefined` when it is not in Redis. */
  async figures(eventId: Id): Promise<CategoryAvailability[] | undefined> {
    const reply = await this.#reply(eventTag(eventId), { name: 'availability', args: [] });
    return reply?.rest.lists(1).map((fields) => figuresOf(fields, eventId));
  }

  async unsettledLocks(eventId: unknown): Promise<TicketLock[]> {
    const id = canonicalId(eventId);
    if (id === undefined) return [];
    const locks: TicketLock[] = [];
    for (const { categoryId } of (await this.figures(id)) ?? []) {
      for (let after = '0', size = PAGE; size === PAGE;) {
        const call = { name: 'unsettled', args: [textOf(categoryId), after, PAGE] };
        const reply = await this.#reply(eventTag(id), call);
        if (reply === undefined) return locks;
        const page = this.#views(reply, id, 1);
        locks.push(...page);
        after = reply.rest.text(0);
        size = page.length;
      }
    }
    return locks;
  }

  /** Of all these events, the oldest first. */
  async refundsRequired(eventIds: readonly Id[]): Promise<RefundRequired[]> {
    const refunds: RefundRequired[] = [];
    for (const eventId of eventIds) {
      for (let from: number | undefined = 0; from !== undefined;) {
        const call = { name: 'refunds', args: [from] };
        const reply = await this.#reply(eventTag(eventId), call);
        if (reply === undefined) break;
        refunds.push(...reply.rest.lists(1).map((fields) => refundOf(fields, eventId)));
        from = reply.rest.optionalNumber(0);
      }
    }
    return refunds.toSorted(
      (a, b) => a.requiredAtMs - b.requiredAtMs || (a.lockId < b.lockId ? -1 : 1),
    );
  }

  /** Sums over all these events; a user counts in each of them. */
  async stats(eventIds: readonly Id[]): Promise<LockStats> {
    const replies = await Promise.all(
      eventIds.map((eventId) => this.#reply(eventTag(eventId), { name: 'stats', args: [] })),
    );
    const known = replies.filter((reply) => reply !== undefined);
    const sum = (index: number) => known.reduce((total, { rest }) => total + rest.number(index), 0);
    const [active, confirmed, released, expired] = [sum(0), sum(1), sum(2), sum(3)];
    return {
      totalLocks: active + confirmed + released + expired,
      activeLocks: active,
      usersWithLocks: sum(5),
      categoriesWithLocks: sum(6),
      locksByStatus: { active, expired, confirmed, released },
      unsettledLocks: sum(4),
      rememberedRequests: sum(7),
      events: known.length,
    };
  }

  #locksIn(eventId: Id, userId: Id): Promise<TicketLock[]> {
    return this.#locks(eventTag(eventId), { name: 'locksOfUser', args: [textOf(userId)] });
  }

  async #locks(tag: string, call: FunctionCall): Promise<TicketLock[]> {
    const asked = await this.#options.events.ask(tag, call, 'reading');
    if (asked.ok) return this.#views(asked.reply, asked.eventId, 0);
    return failing(asked.error) ?? [];
  }

  async #reply(tag: string, call: FunctionCall): Promise<Reply | undefined> {
    const asked = await this.#options.events.ask(tag, call, 'reading');
    return asked.ok ? asked.reply : failing(asked.error);
  }

  #views({ rest, nowMs }: Reply, eventId: Id, start: number): TicketLock[] {
    const { policy } = this.#options;
    return rest.lists(start).map((fields) => lockOf(fields, nowMs, { eventId, policy }));
  }
}

/** Nothing for an event that is not there; rejects when that is not known. */
function failing(error: object | undefined): undefined {
  if (error === undefined) return undefined;
  throw new RedisError('REDIS_UNAVAILABLE', 'Redis did not answer a query');
}

function sorted(locks: readonly TicketLock[]): TicketLock[] {
  return locks.toSorted((a, b) => a.createdAtMs - b.createdAtMs || (a.lockId < b.lockId ? -1 : 1));
}
