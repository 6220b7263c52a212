// Compares what callers were told with what the service knows, through the same door as they.
import { askUntilFinal, isFinal } from './caller.js';
import type { Answer, Asked, Caller } from './caller.js';
import type { Visit } from './visit.js';

interface Category {
  readonly categoryId: number;
  readonly soldTickets: number;
  readonly lockedTickets: number;
  readonly totalTickets: number;
}

/** What a repeat may be told that comes after the later requests of its visit. */
const TOLD_LATER: Readonly<Record<string, Readonly<Record<Visit['end'], readonly string[]>>>> = {
  'begin-ticket-payment': {
    confirmed: ['LOCK_CONFIRMED'],
    released: ['LOCK_CONFIRMED', 'LOCK_RELEASED'],
  },
  'confirm-ticket-lock': { confirmed: [], released: ['LOCK_RELEASED'] },
};

/** Everything that is not as it was told, over all visits of one event. All of them are over. */
export async function auditEvent(
  caller: Caller,
  eventId: number,
  visits: readonly Visit[],
): Promise<string[]> {
  const problems = visits.flatMap(({ surprises }) => surprises);
  problems.push(...(await auditLocks(caller, visits)));
  const event = await ask(caller, 'get-event-availability', { eventId });
  for (const category of event['categories'] as Category[]) {
    const { categoryId, soldTickets, lockedTickets, totalTickets } = category;
    const place = `category ${categoryId} of event ${eventId}`;
    const sold = visits
      .filter((visit) => visit.end === 'confirmed' && visit.categoryId === categoryId)
      .reduce((sum, { quantity }) => sum + quantity, 0);
    if (soldTickets !== sold) problems.push(`${place}: ${soldTickets} sold, told were ${sold}`);
    if (sold > totalTickets) problems.push(`${place}: ${sold} of ${totalTickets} were sold`);
    if (lockedTickets !== 0) problems.push(`${place}: ${lockedTickets} are locked by nobody`);
  }
  return problems;
}

/** Each lock is what its callers were told; who asks again hears what he has heard before. */
export async function auditLocks(caller: Caller, visits: readonly Visit[]): Promise<string[]> {
  const problems = visits.map(async (visit) => {
    const { lockId, end, orderId, asked } = visit;
    const found: string[] = [];
    const record = await ask(caller, 'get-ticket-lock', { lockId });
    const isOrders = end === 'released' || record['orderId'] === orderId;
    if (record['status'] !== end || !isOrders) {
      found.push(`lock ${lockId}: told was ${end}, but it is ${JSON.stringify(record)}`);
    }
    const decisions = asked.filter(({ request }) => request.pattern !== 'begin-ticket-payment');
    await Promise.all(decisions.map((decision) => askUntilFinal(caller, decision)));
    found.push(...contradictions(visit));
    return found;
  });
  return (await Promise.all(problems)).flat();
}

/** A request that was answered twice was answered alike. */
function contradictions({ asked, end }: Visit): string[] {
  return asked.flatMap(({ request, answers }) => {
    const words = new Set(answers.filter(isFinal).map(wordOf));
    // Nest 10 sends after a reconnect what nobody waits for any more: such a repeat may come when
    // the order has gone on, and is told of that.
    for (const word of TOLD_LATER[request.pattern]?.[end] ?? []) words.delete(word);
    if (words.size <= 1) return [];
    return [`${JSON.stringify(request)} was answered ${[...words].join(' and ')}`];
  });
}

function wordOf({ success, code, status }: Answer): string {
  return success ? `success ${String(status)}` : String(code);
}

function ask(caller: Caller, pattern: string, data: object): Promise<Answer> {
  const asked: Asked = { request: { pattern, data }, answers: [], sentCount: 0 };
  return askUntilFinal(caller, asked);
}
