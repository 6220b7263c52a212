import { canonicalId } from '@ticket-locks/lock-engine';
import type {
  Confirmed,
  ConfirmCommand,
  DecideManyCommand,
  EventCancelled,
  Id,
  LockCommand,
  LockError,
  LockManyCommand,
  LockPolicy,
  Outcome,
  ReleaseCommand,
  Released,
} from '@ticket-locks/lock-engine';

import { refusalOf } from './answer.js';
import { CommandShape } from './command-shape.js';
import { eventTag, routeOf } from './event-key.js';
import type { LockRoute } from './event-key.js';
import { decisionCall } from './function-call.js';
import type { FunctionCall } from './function-call.js';
import { LockRouter } from './lock-router.js';
import type { Reply } from './reply.js';
import type { StoreParts } from './store-parts.js';

export type Read<Value> = (reply: Reply, eventId: Id) => Value;

/**
 * Runs commands whose shape was checked: finds their event, calls it, and reads what it replies.
 */
export class CommandDesk {
  readonly shape = new CommandShape();
  readonly #parts: StoreParts;
  readonly #policy: LockPolicy;
  readonly #router: LockRouter;

  constructor(parts: StoreParts, policy: LockPolicy) {
    this.#parts = parts;
    this.#policy = policy;
    this.#router = new LockRouter(parts.events, (lockId) => parts.decisions.endOf(lockId));
  }

  /** Runs a command that takes tickets: the event is loaded first, the session noted beside it. */
  take<Value>(
    command: LockCommand | LockManyCommand,
    eventId: Id,
    call: () => FunctionCall,
    read: Read<Value>,
  ): Promise<Outcome<Value>> {
    const { presence, inventory } = this.#parts;
    const { sessionId } = command;
    const userId = canonicalId(command.userId) ?? command.userId;
    return this.withEvent(eventId, () => {
      if (inventory.isTooOld(eventId)) return Promise.resolve(refused({ code: 'UNAVAILABLE' }));
      // Its socket left while the command was under way: nobody would give these tickets back.
      if (presence.isGone(sessionId)) return Promise.resolve(refused({ code: 'FORBIDDEN' }));
      const placed = presence.place(sessionId, { eventId, userId })?.catch(() => undefined);
      const outcome = this.run(eventId, call, read);
      return placed === undefined ? outcome : placed.then(() => outcome);
    });
  }

  /** Runs something on an event that is in Redis; once more when Redis has lost it meanwhile. */
  async withEvent<Value>(
    eventId: Id,
    run: () => Promise<Outcome<Value> | undefined>,
  ): Promise<Outcome<Value>> {
    for (let turn = 0; turn < 2; turn += 1) {
      const { inventory } = this.#parts;
      const state = inventory.isLoaded(eventId) ? 'known' : await inventory.ensure(eventId);
      if (state === 'unavailable') return refused({ code: 'UNAVAILABLE' });
      if (state === 'unknown') break;
      const outcome = await run();
      if (outcome !== undefined) return outcome;
      this.#parts.inventory.forget();
    }
    return refused({ code: 'EVENT_NOT_FOUND', eventId });
  }

  /** Calls a function of an event; `undefined` when it is not in Redis. */
  async run<Value>(
    eventId: Id,
    call: FunctionCall | (() => FunctionCall),
    read: Read<Value>,
  ): Promise<Outcome<Value> | undefined> {
    const asked = await this.#parts.events.ask(eventTag(eventId), call, 'changing');
    if (asked.ok) return this.#outcomeOf(asked.reply, asked.eventId, read);
    return asked.error && refused(asked.error);
  }

  /** Runs a command on a lock, whose id says where it is. */
  ofLock<Value>(lockId: string, call: FunctionCall, read: Read<Value>): Promise<Outcome<Value>> {
    return this.#routed([lockId], async ({ tag }) => {
      const asked = await this.#parts.events.ask(tag, call, 'changing');
      if (asked.ok) return this.#outcomeOf(asked.reply, asked.eventId, read);
      return refused(asked.error ?? { code: 'LOCK_NOT_FOUND', lockId });
    });
  }

  async confirm(
    name: 'confirm' | 'confirmMany',
    command: ConfirmCommand | DecideManyCommand,
  ): Promise<Outcome<readonly Confirmed[]>> {
    const call = decisionCall(name, command);
    return this.#routed(lockIdsOf(command), ({ tag }) => this.#parts.decisions.confirm(tag, call));
  }

  async release(
    name: 'release' | 'releaseMany',
    command: ReleaseCommand | DecideManyCommand,
  ): Promise<Outcome<readonly Released[]>> {
    const call = decisionCall(name, command);
    return this.#routed(lockIdsOf(command), ({ tag }) => this.#parts.decisions.release(tag, call));
  }

  /** Releases the locks of an event, slice by slice; `undefined` when it is not in Redis. */
  async cancel(eventId: Id): Promise<Outcome<EventCancelled> | undefined> {
    const lockIds: string[] = [];
    const call = { name: 'cancelEvent', args: [] };
    for (let more = true; more;) {
      const outcome = await this.run(eventId, call, ({ rest }) => rest);
      if (outcome?.ok !== true) return outcome;
      lockIds.push(...outcome.value.fields(1).texts());
      more = outcome.value.number(0) === 1;
    }
    return { ok: true, value: { eventId, lockIds } };
  }

  async #routed<Value>(
    lockIds: readonly string[],
    run: (route: LockRoute) => Promise<Outcome<Value>>,
  ): Promise<Outcome<Value>> {
    if (!(await this.#isUpTo(lockIds))) return refused({ code: 'UNAVAILABLE' });
    const route = await this.#router.routeOfAll(lockIds);
    if ('code' in route) return refused(route);
    const outcome = await run(route);
    return outcome.ok ? outcome : refused(await this.#router.withLost(outcome.error));
  }

  /** Whether this instance knows the epoch of the locks: others may have gone on without it. */
  async #isUpTo(lockIds: readonly string[]): Promise<boolean> {
    const newest = Math.max(...lockIds.map((lockId) => routeOf(lockId)?.epoch ?? 0));
    if (newest <= this.#parts.events.epoch) return true;
    try {
      await this.#parts.epoch.check();
      return true;
    } catch {
      return false;
    }
  }

  #outcomeOf<Value>(reply: Reply, eventId: Id, read: Read<Value>): Outcome<Value> {
    if (reply.code === 'OK') return { ok: true, value: read(reply, eventId) };
    return refused(refusalOf(reply, { eventId, policy: this.#policy }));
  }
}

function lockIdsOf(command: { readonly lockId: string } | DecideManyCommand): readonly string[] {
  return 'lockIds' in command ? command.lockIds : [command.lockId];
}

function refused(error: LockError): { readonly ok: false; readonly error: LockError } {
  return { ok: false, error };
}
