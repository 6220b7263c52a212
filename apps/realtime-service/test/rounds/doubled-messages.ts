// Messages as they come from a broker at its worst: each of them up to five times, in any order,
// some before the end of their lock and some after it.
import type { TestBuyer } from '../../../../packages/socket-adapter/test/test-buyer.js';
import type { Answer, Caller, Request } from './caller.js';

export interface Decision {
  readonly verb: 'confirm' | 'release';
  readonly orderId: string | undefined;
  /** When it was sent and answered, counted in messages sent so far. */
  readonly sentAt: number;
  readonly answeredAt: number;
  readonly answer: Answer;
}

/** A lock, and what was said to those who wanted to decide on it, in the order of the answers. */
export interface DecidedLock {
  readonly lockId: string;
  readonly categoryId: number;
  readonly quantity: number;
  readonly decisions: Decision[];
}

/** One delivery of a message. */
interface Copy {
  readonly lock: DecidedLock;
  readonly request: Request;
  readonly verb: Decision['verb'];
  readonly orderId: string | undefined;
}

/** Before the locks end, while they end, after they have ended. */
export type Waves = readonly [Copy[], Copy[], Copy[]];

const IN_FLIGHT = 200;
const ANSWER_TIMEOUT_MS = 30_000;

/** Locks tickets of all categories of an event at once: a few hundred locks in a few messages. */
export async function lockAll(
  buyer: TestBuyer,
  { eventId, categoryIds }: { readonly eventId: number; readonly categoryIds: readonly number[] },
  random: (below: number) => number,
): Promise<{ readonly locks: DecidedLock[]; readonly expiresAtMs: number }> {
  const items = categoryIds.map((categoryId) => ({ categoryId, quantity: 1 + random(4) }));
  const answer = await buyer.ask('lock-tickets', { eventId, items });
  if (answer['success'] !== true) throw new Error(JSON.stringify(answer));
  const lines = answer['locks'] as Omit<DecidedLock, 'decisions'>[];
  const locks = lines.map(({ lockId, categoryId, quantity }) => ({
    lockId,
    categoryId,
    quantity,
    decisions: [],
  }));
  return { locks, expiresAtMs: Date.parse(String(answer['expiresAt'])) };
}

/**
 * Makes one to five different messages for each lock, each of them one to five times, and deals
 * them out over the waves.
 */
export function dealOut(
  locks: readonly DecidedLock[],
  random: (below: number) => number,
): { readonly waves: Waves; readonly messageCount: number } {
  const waves: Waves = [[], [], []];
  let messageCount = 0;
  for (const lock of locks) {
    const wanted = shuffled(DECISIONS, random).slice(0, 1 + random(5));
    messageCount += wanted.length;
    const waveOfLock = [0, 0, 0, 1, 2][random(5)];
    const isSplit = random(4) === 0;
    for (const { verb, order } of wanted) {
      const orderId = order && `${order}-${lock.lockId}`;
      const requestId = random(2) === 0 ? `${verb}-${orderId}-${lock.lockId}` : undefined;
      const data = { lockId: lock.lockId, orderId, requestId };
      const request = { pattern: `${verb}-ticket-lock`, data };
      for (let copies = 1 + random(5); copies > 0; copies -= 1) {
        const wave = waves[isSplit ? random(3) : (waveOfLock ?? 0)];
        wave?.push({ lock, request, verb, orderId });
      }
    }
  }
  const [first, second, third] = waves.map((wave) => shuffled(wave, random)) as unknown as Waves;
  return { waves: [first, second, third], messageCount };
}

const DECISIONS = [
  { verb: 'confirm', order: 'a' },
  { verb: 'confirm', order: 'b' },
  { verb: 'confirm', order: undefined },
  { verb: 'release', order: 'a' },
  { verb: 'release', order: undefined },
] as const;

/** Sends the copies in their order, hundreds at a time, and notes what each of them was told. */
export class Deliveries {
  readonly #caller: Caller;
  #sentCount = 0;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  get sentCount(): number {
    return this.#sentCount;
  }

  /** Rejects when a copy is not answered in time. */
  async send(copies: readonly Copy[]): Promise<void> {
    const waiting = copies.values();
    const work = async () => {
      for (const copy of waiting) await this.#sendOne(copy);
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, work));
  }

  async #sendOne({ lock, request, verb, orderId }: Copy): Promise<void> {
    const sentAt = (this.#sentCount += 1);
    let timer: NodeJS.Timeout | undefined;
    const answer = await new Promise<Answer>((resolve, reject) => {
      const late = () => reject(new Error(`no answer in time to ${JSON.stringify(request)}`));
      timer = setTimeout(late, ANSWER_TIMEOUT_MS);
      this.#caller.send(request, resolve);
    });
    clearTimeout(timer);
    lock.decisions.push({ verb, orderId, sentAt, answeredAt: this.#sentCount, answer });
  }
}

function shuffled<Item>(items: readonly Item[], random: (below: number) => number): Item[] {
  const result = [...items];
  for (let last = result.length - 1; last > 0; last -= 1) {
    const other = random(last + 1);
    [result[last], result[other]] = [result[other]!, result[last]!];
  }
  return result;
}
