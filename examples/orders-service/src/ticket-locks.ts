import { Inject, Injectable, Logger } from '@nestjs/common';
import type { ClientProxy } from '@nestjs/microservices';
import { defer, firstValueFrom, retry, timer, timeout } from 'rxjs';

import { SETTINGS } from './settings.js';
import type { Settings } from './settings.js';

export const REALTIME = Symbol('the realtime service');

/** What is certain: it was done, or it was refused for good. */
export type Decision =
  | { readonly ok: true; readonly late: boolean }
  | { readonly ok: false; readonly code: string };

/** How long to wait for an answer: the broker or the realtime service may be away. */
const ANSWER_TIMEOUT_MS = 5_000;
const PAUSE_MS = 200;
const PAUSE_MS_MAX = 5_000;
/** These refuse nothing: whether anything was done is not known, or it can be tried again. */
const NOT_DECIDED = new Set(['OUTCOME_UNKNOWN', 'UNAVAILABLE', 'RATE_LIMITED']);

/**
 * Asks the realtime service, and asks again with the same ids until the answer is certain: no
 * answer, a lost connection and "unknown" are never taken for a no. Each request may arrive twice;
 * the realtime service carries it out once.
 */
@Injectable()
export class TicketLocks {
  readonly #log = new Logger(TicketLocks.name);

  constructor(
    @Inject(REALTIME) private readonly realtime: ClientProxy,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  /** From now on the lock belongs to the order: it outlives the buyer's connection. */
  beginPayment(lockId: string, orderId: string): Promise<Decision> {
    const ttlSeconds = this.settings.paymentSeconds;
    return this.#decide('begin-ticket-payment', { lockId, orderId, ttlSeconds });
  }

  /** What is given of the order must be true of the lock. */
  confirm(order: {
    readonly lockId: string;
    readonly orderId: string;
    readonly userId: number;
    readonly eventId: number;
    readonly categoryId: number;
    readonly quantity: number;
  }): Promise<Decision> {
    const { lockId, orderId, userId, eventId, categoryId, quantity } = order;
    const claims = { lockId, orderId, userId, eventId, categoryId, quantity };
    return this.#decide('confirm-ticket-lock', claims);
  }

  release(lockId: string, orderId: string): Promise<Decision> {
    return this.#decide('release-ticket-lock', { lockId, orderId, reason: 'order-failed' });
  }

  async #decide(pattern: string, data: object): Promise<Decision> {
    const answer = defer(() => this.#ask(pattern, data)).pipe(
      retry({ delay: (error, count) => this.#pause(pattern, error, count) }),
    );
    return firstValueFrom(answer);
  }

  /** Rejects when the answer is not certain. */
  async #ask(pattern: string, data: object): Promise<Decision> {
    try {
      const answer = this.realtime.send<{ late?: boolean }>(pattern, data);
      const { late } = await firstValueFrom(answer.pipe(timeout(ANSWER_TIMEOUT_MS)));
      return { ok: true, late: late === true };
    } catch (error) {
      const code = codeOf(error);
      if (code !== undefined && !NOT_DECIDED.has(code)) return { ok: false, code };
      throw error;
    }
  }

  #pause(pattern: string, error: unknown, count: number) {
    this.#log.warn(`${pattern}: no certain answer (${String(error)}), asking again`);
    return timer(Math.min(PAUSE_MS * 2 ** (count - 1), PAUSE_MS_MAX));
  }
}

/** A refusal is a plain object with a code; everything else is a failure on the way. */
function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || error instanceof Error) return undefined;
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : undefined;
}
