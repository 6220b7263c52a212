import type { Outcome, SessionOpened, TicketLocks } from '@ticket-locks/lock-engine';
import type { Id } from '@ticket-locks/lock-engine';

import type { AdapterLog } from './adapter-log.js';

export interface BuyerSessionOptions {
  readonly locks: Pick<TicketLocks, 'openSession' | 'resumeSession' | 'leaveSession'>;
  readonly log: AdapterLog;
  readonly userId: Id;
  readonly resumeToken: string | undefined;
}

/**
 * One socket's part in a session of the store.
 *
 * OPENING -> OPEN -> LEFT. Whoever leaves while it is OPENING leaves as soon as it is OPEN; a
 * session that could not be opened is not left.
 */
export class BuyerSession {
  readonly #options: BuyerSessionOptions;
  readonly #opening: Promise<Outcome<SessionOpened>>;
  #opened: SessionOpened | undefined;
  #leftHow: 'goodbye' | 'lost' | undefined;

  constructor(options: BuyerSessionOptions) {
    this.#options = options;
    this.#opening = this.#open();
  }

  /** The session, or `undefined` while it is opening and when it could not be opened. */
  get opened(): SessionOpened | undefined {
    return this.#opened;
  }

  /** The session, or why there is none. Does not reject. */
  get opening(): Promise<Outcome<SessionOpened>> {
    return this.#opening;
  }

  leave(how: 'goodbye' | 'lost'): void {
    if (this.#leftHow !== undefined) return;
    this.#leftHow = how;
    if (this.#opened !== undefined) this.#tellLeft(this.#opened.sessionId, how);
  }

  async #open(): Promise<Outcome<SessionOpened>> {
    try {
      const outcome = await this.#openOrResume();
      if (!outcome.ok) return outcome;
      this.#opened = outcome.value;
      if (this.#leftHow !== undefined) this.#tellLeft(outcome.value.sessionId, this.#leftHow);
      return outcome;
    } catch (error) {
      this.#options.log.error({ err: error }, 'a session could not be opened');
      return { ok: false, error: { code: 'UNAVAILABLE' } };
    }
  }

  /** A token that does not fit, out of date or somebody else's, is no reason to stay outside. */
  async #openOrResume(): Promise<Outcome<SessionOpened>> {
    const { locks, userId, resumeToken } = this.#options;
    if (resumeToken !== undefined) {
      const resumed = await locks.resumeSession({ userId, resumeToken });
      if (resumed.ok || resumed.error.code === 'UNAVAILABLE') return resumed;
    }
    return locks.openSession({ userId });
  }

  #tellLeft(sessionId: string, how: 'goodbye' | 'lost'): void {
    const { locks, log } = this.#options;
    locks.leaveSession({ sessionId, how }).catch((error: unknown) => {
      log.error({ err: error }, 'a session could not be left');
    });
  }
}
