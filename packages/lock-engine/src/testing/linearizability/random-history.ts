import type { Id } from '../../engine/id.js';
import type { TicketLocks } from '../../ports/ticket-locks.js';
import type { SeededRandom } from '../seeded-random.js';
import { HistoryRecorder } from './history.js';
import type { Operation, RecordedOperation } from './history.js';

export interface RandomHistoryOptions {
  readonly eventId: Id;
  /** The event's categories as its source gives them, nothing sold or locked yet. */
  readonly categories: readonly { readonly categoryId: Id; readonly capacity: number }[];
  /** Each client uses one of them: several are instances of one store. */
  readonly stores: readonly TicketLocks[];
  readonly clientCount: number;
  /** Of each client. */
  readonly operationCount: number;
  readonly random: SeededRandom;
}

/** Orders that fight for locks. */
const ORDER_IDS = [7, 8];

/**
 * Lets clients work at once, each with one operation at a time, on few tickets and on each other's
 * locks; returns what was recorded. Locks must live longer than it takes.
 */
export async function randomHistory({
  eventId,
  categories,
  stores,
  clientCount,
  operationCount,
  random,
}: RandomHistoryOptions): Promise<readonly RecordedOperation[]> {
  const recorder = new HistoryRecorder(eventId);
  const lockIds: string[] = [];
  const work = async (client: number) => {
    const locks = stores[client % stores.length];
    if (locks === undefined) throw new RangeError('stores must not be empty');
    for (let count = 0; count < operationCount; count += 1) {
      const operation = randomOperation(client, categories, lockIds, random);
      const lockId = await recorder.record(client, locks, operation);
      if (lockId !== undefined) lockIds.push(lockId);
    }
  };
  await Promise.all(Array.from({ length: clientCount }, (_, client) => work(client)));
  return recorder.history;
}

function randomOperation(
  client: number,
  categories: RandomHistoryOptions['categories'],
  lockIds: readonly string[],
  random: SeededRandom,
): Operation {
  const kinds = ['lock', 'lock', 'lock', 'unlock', 'unlock', 'confirm', 'release'] as const;
  const kind = random.chance(0.1) ? 'availability' : random.pick(kinds);
  if (kind === 'availability') return { kind };
  if (kind === 'lock' || lockIds.length === 0) {
    const { categoryId } = random.pick(categories);
    return { kind: 'lock', userId: client, categoryId, quantity: random.pick([1, 1, 2, 3]) };
  }
  // Mostly one of the newest: those are still active, and several clients want them.
  const lockId = random.pick(random.chance(0.8) ? lockIds.slice(-4) : lockIds);
  if (kind !== 'unlock') return { kind, lockId, orderId: random.pick(ORDER_IDS) };
  return random.chance(0.4) ? { kind, lockId, quantity: 1 } : { kind, lockId };
}
