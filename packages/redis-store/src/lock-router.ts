import type { LockError } from '@ticket-locks/lock-engine';

import type { EventCalls } from './event-calls.js';
import { routeOf } from './event-key.js';
import type { LockRoute } from './event-key.js';
import type { LockDecisions } from './lock-decisions.js';

/** Finds the event of locks by their ids, and tells lost locks from those that never were. */
export class LockRouter {
  readonly #events: EventCalls;
  readonly #endOf: LockDecisions['endOf'];

  constructor(events: EventCalls, endOf: LockDecisions['endOf']) {
    this.#events = events;
    this.#endOf = endOf;
  }

  /**
   * The route of locks of one event. Fails with `INVALID_REQUEST` when locks of several events are
   * named, `LOCK_NOT_FOUND` when none of the ids is ours, `UNAVAILABLE`.
   */
  async routeOfAll(lockIds: readonly string[]): Promise<LockRoute | LockError> {
    const routes = new Map<string, LockRoute>();
    for (const lockId of lockIds) {
      const route = routeOf(lockId);
      if (route !== undefined && !routes.has(route.tag)) routes.set(route.tag, route);
    }
    const [first] = routes.values();
    if (first === undefined) return { code: 'LOCK_NOT_FOUND', lockId: lockIds[0] ?? '' };
    return routes.size === 1 ? first : this.#routeOfKnown(lockIds, [...routes.values()]);
  }

  /** Locks that nobody knows do not count: only the others must be of one event. */
  async #routeOfKnown(
    lockIds: readonly string[],
    routes: readonly LockRoute[],
  ): Promise<LockRoute | LockError> {
    const known: LockRoute[] = [];
    for (const route of routes) {
      const args = lockIds.filter((lockId) => routeOf(lockId)?.tag === route.tag);
      const asked = await this.#events.ask(route.tag, { name: 'locks', args }, 'reading');
      if (!asked.ok && asked.error !== undefined) return asked.error;
      if (asked.ok && asked.reply.rest.count > 0) known.push(route);
    }
    const [only] = known;
    if (known.length > 1) return { code: 'INVALID_REQUEST', field: 'lockIds' };
    return only ?? { code: 'LOCK_NOT_FOUND', lockId: lockIds[0] ?? '' };
  }

  /** The refusal, or how a lock ended that was granted in an epoch that is over: mostly lost. */
  async withLost(error: LockError): Promise<LockError> {
    if (error.code !== 'LOCK_NOT_FOUND' || error.lockId === undefined) return error;
    const { lockId } = error;
    const route = routeOf(lockId);
    if (route === undefined || route.epoch >= this.#events.epoch) return error;
    return (await this.#endOf(lockId)) ?? { code: 'LOCK_LOST', lockId };
  }
}
