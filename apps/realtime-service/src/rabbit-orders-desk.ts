import { AmqpCaller, RpcFailure } from '@ticket-locks/amqp-adapter';
import type { AdapterLog, RpcFailureCode } from '@ticket-locks/amqp-adapter';
import type { Timers } from '@ticket-locks/lock-engine';

import type { DeskAnswer, DeskOrder, OrdersDesk } from './orders-desk.js';

export interface RabbitOrdersDeskOptions {
  readonly url: string;
  readonly queue: string;
  /** How long an answer is waited for, in milliseconds. Default 5,000. */
  readonly timeoutMs?: number;
  readonly log: AdapterLog;
  readonly timers: Timers;
}

const TIMEOUT_MS = 5000;
const UNAVAILABLE: DeskAnswer = { ok: false, error: { code: 'UNAVAILABLE' } };
const OUTCOME_UNKNOWN: DeskAnswer = { ok: false, error: { code: 'OUTCOME_UNKNOWN' } };
/** The request reached nobody. */
const UNASKED: ReadonlySet<RpcFailureCode> = new Set(['BUSY', 'NO_ROUTE']);

/** Over RabbitMQ, in the frames of a NestJS client, as the real orders service asks. */
export class RabbitOrdersDesk implements OrdersDesk {
  readonly #caller: AmqpCaller;

  /** Begins to connect. */
  constructor(options: RabbitOrdersDeskOptions) {
    this.#caller = new AmqpCaller({ timeoutMs: TIMEOUT_MS, ...options });
    void this.#caller.start();
  }

  /** Whether the broker is there. */
  get isOpen(): boolean {
    return this.#caller.isOpen;
  }

  async beginPayment({ orderId, lockIds }: DeskOrder): Promise<DeskAnswer> {
    for (const lockId of lockIds) {
      const answer = await this.#ask('begin-ticket-payment', { lockId, orderId });
      if (!answer.ok) return answer;
    }
    return { ok: true, late: false };
  }

  async confirm(order: DeskOrder): Promise<DeskAnswer> {
    return this.#ask('confirm-ticket-locks', order);
  }

  async release(order: DeskOrder): Promise<DeskAnswer> {
    return this.#ask('release-ticket-locks', order);
  }

  close(): Promise<void> {
    return this.#caller.close();
  }

  async #ask(pattern: string, data: object): Promise<DeskAnswer> {
    if (!this.#caller.isOpen) return UNAVAILABLE;
    try {
      return accepted(await this.#caller.request(pattern, data));
    } catch (error) {
      if (!(error instanceof RpcFailure)) throw error;
      if (UNASKED.has(error.code)) return UNAVAILABLE;
      return error.code === 'REFUSED' ? refused(error.cause) : OUTCOME_UNKNOWN;
    }
  }
}

function accepted(response: unknown): DeskAnswer {
  const { locks } = { locks: [], ...(response as object) } as { locks: { late?: true }[] };
  return { ok: true, late: locks.some(({ late }) => late === true) };
}

/** The facts of a refusal; an error without a code is nobody's word about the locks. */
function refused(cause: unknown): DeskAnswer {
  if (typeof cause !== 'object' || cause === null || !('code' in cause)) return OUTCOME_UNKNOWN;
  const {
    status: _status,
    message: _message,
    ...error
  } = cause as { code: string } & Record<string, unknown>;
  return { ok: false, error };
}
