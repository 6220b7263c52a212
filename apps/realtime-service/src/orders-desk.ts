import type { Id, LockError, TicketLocks } from '@ticket-locks/lock-engine';

/** One order for some locks of one event. */
export interface DeskOrder {
  readonly orderId: Id;
  readonly lockIds: readonly string[];
}

/** A refusal has at least its code; its facts are those of the code. */
export type DeskAnswer =
  | { readonly ok: true; readonly late: boolean }
  | { readonly ok: false; readonly error: Readonly<Record<string, unknown>> & { code: string } };

/**
 * What an orders service asks of the locks.
 *
 * Does not reject: what is not known is answered as `OUTCOME_UNKNOWN`, and may be asked again with
 * the same ids.
 */
export interface OrdersDesk {
  /** Ties every lock to the order. The first refusal ends it; the locks before it stay tied. */
  beginPayment(order: DeskOrder): Promise<DeskAnswer>;
  /** All or nothing. `late`: a lock had expired, and took fresh tickets. */
  confirm(order: DeskOrder): Promise<DeskAnswer>;
  /** All or nothing; what the order confirmed goes back on sale too. */
  release(order: DeskOrder): Promise<DeskAnswer>;
  close(): Promise<void>;
}

/** In this process, where there is no RabbitMQ. */
export class LocalOrdersDesk implements OrdersDesk {
  readonly #locks: TicketLocks;

  constructor(locks: TicketLocks) {
    this.#locks = locks;
  }

  async beginPayment({ orderId, lockIds }: DeskOrder): Promise<DeskAnswer> {
    for (const lockId of lockIds) {
      const outcome = await this.#locks.beginPayment({ lockId, orderId });
      if (!outcome.ok) return refused(outcome.error);
    }
    return { ok: true, late: false };
  }

  async confirm(order: DeskOrder): Promise<DeskAnswer> {
    const outcome = await this.#locks.confirmMany(order);
    if (!outcome.ok) return refused(outcome.error);
    return { ok: true, late: outcome.value.locks.some(({ late }) => late === true) };
  }

  async release(order: DeskOrder): Promise<DeskAnswer> {
    const outcome = await this.#locks.releaseMany(order);
    return outcome.ok ? { ok: true, late: false } : refused(outcome.error);
  }

  async close(): Promise<void> {}
}

function refused(error: LockError): DeskAnswer {
  return { ok: false, error };
}
