import { askUntilFinal } from './caller.js';
import type { Answer, Asked, Caller } from './caller.js';
import type { ReturningBuyer } from './returning-buyer.js';

/** What must have become of the lock, by the answers that were given. */
type End = 'confirmed' | 'released';

/** One lock from its grant to its end, and everything that was said about it. */
export interface Visit {
  readonly lockId: string;
  readonly eventId: number;
  readonly categoryId: number;
  readonly quantity: number;
  readonly orderId: string;
  readonly asked: readonly Asked[];
  readonly end: End;
  /** Answers that must not be. */
  readonly surprises: readonly string[];
}

export interface VisitPlan {
  readonly buyer: ReturningBuyer;
  readonly caller: Caller;
  readonly eventId: number;
  readonly name: string;
  readonly random: (below: number) => number;
}

/**
 * A buyer locks tickets and decides: his order is paid and confirmed, or confirmed at once, or it
 * fails before or after that, or he changes his mind. Resolves with `undefined` when the tickets
 * are too few.
 */
export async function visit(plan: VisitPlan): Promise<Visit | undefined> {
  const { buyer, eventId, name, random } = plan;
  const line = { eventId, categoryId: 1 + random(2), quantity: 1 + random(3) };
  const granted = await buyer.ask('lock-tickets', { ...line, requestId: `lock-${name}` });
  if (granted.code === 'INSUFFICIENT_TICKETS') return undefined;
  if (!granted.success) throw new Error(`a lock was refused: ${JSON.stringify(granted)}`);
  const decisions = new Decisions(plan, String(granted['lockId']));
  const end = await decisions.make();
  const { lockId, orderId, asked, surprises } = decisions;
  return { lockId, ...line, orderId, asked, end, surprises };
}

class Decisions {
  readonly lockId: string;
  readonly orderId: string;
  readonly asked: Asked[] = [];
  readonly surprises: string[] = [];
  readonly #plan: VisitPlan;

  constructor(plan: VisitPlan, lockId: string) {
    this.#plan = plan;
    this.lockId = lockId;
    this.orderId = `order-${plan.name}`;
  }

  async make(): Promise<End> {
    const { buyer, name, random } = this.#plan;
    const { lockId, orderId } = this;
    const order = { lockId, orderId };
    const choice = random(10);
    if (choice === 0) {
      const requestId = `unlock-${name}`;
      const answer = await buyer.ask('unlock-tickets', { lockId, requestId });
      // Whoever asks again hears how the lock has ended.
      if (answer.code !== 'LOCK_RELEASED') this.#expect('unlock', answer, undefined);
      return 'released';
    }
    if (choice <= 2) {
      await this.#ask('release-ticket-lock', { lockId, reason: 'order-failed' });
      return 'released';
    }
    if (choice <= 7) await this.#ask('begin-ticket-payment', order);
    const confirms = [this.#ask('confirm-ticket-lock', order)];
    if (random(3) === 0) confirms.push(this.#ask('confirm-ticket-lock', order));
    await Promise.all(confirms);
    await this.#ask('confirm-ticket-lock', { lockId, orderId: 'another' }, 'ORDER_CONFLICT');
    if (choice < 9) return 'confirmed';
    await this.#ask('release-ticket-lock', order);
    return 'released';
  }

  async #ask(pattern: string, data: object, code?: string): Promise<void> {
    const asked: Asked = { request: { pattern, data }, answers: [], sentCount: 0 };
    this.asked.push(asked);
    this.#expect(pattern, await askUntilFinal(this.#plan.caller, asked), code);
  }

  #expect(what: string, answer: Answer, code: string | undefined): void {
    if (answer.code === code && answer.success === (code === undefined)) return;
    this.surprises.push(`${what} of ${this.lockId}: ${JSON.stringify(answer)}`);
  }
}
