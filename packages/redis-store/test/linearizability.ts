/** What a client asked of one category, and what it was answered. */
export type Operation =
  | { readonly kind: 'lock'; readonly user: number; readonly quantity: number }
  | { readonly kind: 'unlock'; readonly user: number }
  | { readonly kind: 'available' };

/** `ok`, the code of a refusal, or the tickets that were free. */
export type Answer = string | number;

/** An operation between the moment at which it was asked and that of its answer. */
export interface Event {
  readonly client: number;
  readonly askedAt: number;
  readonly answeredAt: number;
  readonly operation: Operation;
  readonly answer: Answer;
}

/** What the category looks like to whoever asks one after the other. */
interface Box {
  readonly free: number;
  /** Tickets under each user's active lock; 0 without one. */
  readonly locked: readonly number[];
}

/**
 * Tells whether there is an order of the operations, each somewhere between its question and its
 * answer, in which one category that is asked by one at a time answers the same.
 *
 * Clients ask one thing after the other. Searches depth first, and does not look twice at the same
 * box after the same operations.
 */
export function isLinearizable(events: readonly Event[], capacity: number, users: number): boolean {
  const clients = new Map<number, Event[]>();
  for (const event of events.toSorted((a, b) => a.askedAt - b.askedAt)) {
    clients.set(event.client, [...(clients.get(event.client) ?? []), event]);
  }
  const queues = [...clients.values()];
  const start: Box = { free: capacity, locked: Array.from({ length: users }, () => 0) };
  const seen = new Set<string>();
  const open: { at: readonly number[]; box: Box }[] = [{ at: queues.map(() => 0), box: start }];
  for (let state = open.pop(); state !== undefined; state = open.pop()) {
    const { at, box } = state;
    const next = queues.map((queue, client) => queue[at[client] ?? 0]);
    if (next.every((event) => event === undefined)) return true;
    const earliest = Math.min(...next.map((event) => event?.answeredAt ?? Infinity));
    for (const [client, event] of next.entries()) {
      if (event === undefined || event.askedAt > earliest) continue;
      const after = apply(box, event);
      if (after === undefined) continue;
      const moved = at.with(client, (at[client] ?? 0) + 1);
      const key = `${moved.join()}|${after.free}|${after.locked.join()}`;
      if (seen.has(key)) continue;
      seen.add(key);
      open.push({ at: moved, box: after });
    }
  }
  return false;
}

/** The box after the operation; `undefined` when it would have answered something else. */
function apply({ free, locked }: Box, { operation, answer }: Event): Box | undefined {
  if (operation.kind === 'available') return answer === free ? { free, locked } : undefined;
  const { user } = operation;
  const own = locked[user] ?? 0;
  if (operation.kind === 'lock') {
    const { quantity } = operation;
    if (own > 0) return answer === 'DUPLICATE_LOCK' ? { free, locked } : undefined;
    if (quantity > free) return answer === 'INSUFFICIENT_TICKETS' ? { free, locked } : undefined;
    const taken = { free: free - quantity, locked: locked.with(user, quantity) };
    return answer === 'ok' ? taken : undefined;
  }
  if (own === 0) return answer === 'LOCK_NOT_FOUND' ? { free, locked } : undefined;
  const left = { free: free + own, locked: locked.with(user, 0) };
  return answer === 'ok' ? left : undefined;
}
