import type {
  BeginPaymentCommand,
  Confirmed,
  Id,
  LockGrant,
  LockLine,
  Outcome,
  PaymentBegun,
  Extended,
  Released,
  TicketLocks,
  Unlocked,
} from '@ticket-locks/lock-engine';

import { placeOf } from './journal.js';
import type { Asked, Journal, Wish } from './journal.js';
import { nowMs } from './real-time.js';

/** Somebody who buys, and the store that has his session. */
export interface Visit {
  readonly userId: string;
  readonly sessionId: string;
  readonly owner: number;
}

export interface Wanted {
  readonly eventId: Id;
  readonly items: readonly LockLine[];
  readonly requestId: string;
  readonly onExisting?: 'add';
}

/** When and where something was asked. */
type Turn = Pick<Asked, 'store' | 'calledAtMs' | 'answeredAtMs'>;
type Facts = Omit<Asked, keyof Turn | 'wish' | 'code'>;

/** Asks stores, and writes into the journal what it asked and what it was answered. */
export class Caller {
  readonly #stores: readonly TicketLocks[];
  readonly #journal: Journal;

  constructor(stores: readonly TicketLocks[], journal: Journal) {
    this.#stores = stores;
    this.#journal = journal;
  }

  async openSession(store: number, userId: string): Promise<Outcome<Visit>> {
    const [outcome] = await this.#timed(store, (locks) => locks.openSession({ userId }));
    if (!outcome.ok) return outcome;
    return { ok: true, value: { userId, sessionId: outcome.value.sessionId, owner: store } };
  }

  /** One line or several; `isFirst` says that nobody was asked for this before. */
  async lock(
    store: number,
    wanted: Wanted,
    { visit, isFirst }: { visit: Visit; isFirst: boolean },
  ): Promise<Outcome<readonly LockGrant[]>> {
    const { userId, sessionId, owner } = visit;
    const { eventId, items, requestId, onExisting } = wanted;
    const common = { eventId, userId, sessionId, requestId, onExisting };
    const [line] = items;
    const [outcome, turn] = await this.#timed(store, async (locks) => {
      if (items.length > 1 || line === undefined)
        return grants(await locks.lockMany({ ...common, items }));
      return single(await locks.lock({ ...common, ...line }));
    });
    this.#journal.count(`lock ${codeOf(outcome)}`);
    if (!outcome.ok) return outcome;
    for (const { lockId, categoryId, quantity, expiresInMs } of outcome.value) {
      const isKnownToOwner = isFirst && store === owner;
      const about = { lockId, place: placeOf(eventId, categoryId), userId, owner, isKnownToOwner };
      this.#journal.grant(about, { ...turn, wish: 'lock', code: 'ok', quantity, expiresInMs });
    }
    return outcome;
  }

  /** Gives tickets back; `left` is how many stay locked if that is carried out. */
  async unlock(
    store: number,
    lockId: string,
    {
      visit,
      given,
      left,
      requestId,
    }: { visit: Visit; given?: number; left: number; requestId: string },
  ): Promise<Outcome<Unlocked>> {
    const { userId } = visit;
    const [outcome, turn] = await this.#timed(store, (locks) =>
      locks.unlock({ lockId, userId, quantity: given, requestId }),
    );
    const isReleased = outcome.ok && left === 0 && outcome.value.quantity > 0;
    const facts = { quantity: left, ...(isReleased && { isReleased: true as const }) };
    this.#note('give-back', outcome, turn, [lockId], () => facts);
    return outcome;
  }

  async extend(store: number, lockId: string, requestId: string): Promise<Outcome<Extended>> {
    const [outcome, turn] = await this.#timed(store, (locks) =>
      locks.extend({ lockId, requestId }),
    );
    this.#note('extend', outcome, turn, [lockId], () => lifeOf(outcome));
    return outcome;
  }

  async beginPayment(store: number, command: BeginPaymentCommand): Promise<Outcome<PaymentBegun>> {
    const { lockId } = command;
    const [outcome, turn] = await this.#timed(store, (locks) => locks.beginPayment(command));
    this.#note('begin-payment', outcome, turn, [lockId], () => lifeOf(outcome));
    return outcome;
  }

  /** One lock or several. */
  async confirm(
    store: number,
    lockIds: readonly string[],
    orderId: Id,
  ): Promise<Outcome<readonly Confirmed[]>> {
    const [lockId = ''] = lockIds;
    const [outcome, turn] = await this.#timed(store, async (locks) => {
      if (lockIds.length > 1) return listed(await locks.confirmMany({ lockIds, orderId }));
      return single(await locks.confirm({ lockId, orderId }));
    });
    this.#note('confirm', outcome, turn, lockIds, (id) => {
      const confirmed = outcome.ok ? outcome.value.find((one) => one.lockId === id) : undefined;
      if (confirmed === undefined) return { orderId };
      const { quantity, late } = confirmed;
      return { orderId, quantity, ...(late === true && { late }) };
    });
    return outcome;
  }

  /** One lock or several. */
  async release(
    store: number,
    lockIds: readonly string[],
    orderId: Id | undefined,
  ): Promise<Outcome<readonly Released[]>> {
    const [lockId = ''] = lockIds;
    const [outcome, turn] = await this.#timed(store, async (locks) => {
      if (lockIds.length > 1) return listed(await locks.releaseMany({ lockIds, orderId }));
      return single(await locks.release({ lockId, orderId }));
    });
    this.#note('release', outcome, turn, lockIds, (id) => {
      const released = outcome.ok ? outcome.value.find((one) => one.lockId === id) : undefined;
      return released?.status === 'RELEASED' ? { isReleased: true } : {};
    });
    return outcome;
  }

  /** Says goodbye: the locks of the session may be given back from now on. */
  async leave({ sessionId, owner }: Visit, lockIds: readonly string[]): Promise<void> {
    const calledAtMs = nowMs();
    await this.#stores[owner]?.leaveSession({ sessionId, how: 'goodbye' });
    const turn = { store: owner, calledAtMs, answeredAtMs: nowMs() };
    for (const lockId of lockIds) this.#journal.ask(lockId, { ...turn, wish: 'leave', code: 'ok' });
  }

  async #timed<Value>(
    store: number,
    ask: (locks: TicketLocks) => Promise<Outcome<Value>>,
  ): Promise<readonly [Outcome<Value>, Turn]> {
    const locks = this.#stores[store];
    if (locks === undefined) throw new RangeError(`there is no store ${store}`);
    const calledAtMs = nowMs();
    const outcome = await ask(locks);
    return [outcome, { store, calledAtMs, answeredAtMs: nowMs() }];
  }

  #note(
    wish: Wish,
    outcome: Outcome<unknown>,
    turn: Turn,
    lockIds: readonly string[],
    factsOf: (lockId: string) => Facts,
  ): void {
    const code = codeOf(outcome);
    const culprit = outcome.ok || !('lockId' in outcome.error) ? undefined : outcome.error.lockId;
    this.#journal.count(`${wish} ${code}`);
    for (const lockId of lockIds) {
      const isForAnother = culprit !== undefined && culprit !== lockId;
      const facts = { ...factsOf(lockId), ...(isForAnother && { isForAnother: true as const }) };
      this.#journal.ask(lockId, { ...turn, wish, code, ...facts });
    }
  }
}

function codeOf(outcome: Outcome<unknown>): Asked['code'] {
  return outcome.ok ? 'ok' : outcome.error.code;
}

function single<Value>(outcome: Outcome<Value>): Outcome<readonly Value[]> {
  return outcome.ok ? { ok: true, value: [outcome.value] } : outcome;
}

function listed<Value>(
  outcome: Outcome<{ readonly locks: readonly Value[] }>,
): Outcome<readonly Value[]> {
  return outcome.ok ? { ok: true, value: outcome.value.locks } : outcome;
}

const grants = listed<LockGrant>;

function lifeOf(outcome: Outcome<{ readonly expiresInMs: number }>): Facts {
  return outcome.ok ? { expiresInMs: outcome.value.expiresInMs } : {};
}
