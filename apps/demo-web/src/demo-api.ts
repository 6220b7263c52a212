// The routes that exist only in the demo. A shop has its own sign-in, catalogue and orders service.
import type { Id, Refusal } from '@ticket-locks/socket-adapter/protocol';

export interface DemoEvent {
  readonly eventId: Id;
  readonly name: string;
  readonly categories: readonly DemoCategory[];
}

export interface DemoCategory {
  readonly categoryId: Id;
  readonly name: string;
  readonly capacity: number;
}

/** One order for some locks, as the demo's orders service takes it. */
export interface DemoOrder {
  readonly orderId: string;
  readonly lockIds: readonly string[];
}

export type OrderStep = 'begin-payment' | 'confirm' | 'fail';

/** `late`: a lock had expired, and took fresh tickets. */
export type OrderAnswer =
  | { readonly success: true; readonly orderId: string; readonly late?: true }
  | Refusal;

const TRIES = 3;
const NO_ANSWER: Refusal = {
  success: false,
  code: 'OUTCOME_UNKNOWN',
  message: 'The service did not answer.',
};

/** A token for any user who is named: nobody is asked for a password here. */
export async function fetchToken(userId: string): Promise<string> {
  const { token } = await fetchJson<{ token: string }>(
    `/demo/token?userId=${encodeURIComponent(userId)}`,
  );
  return token;
}

export async function fetchEvents(): Promise<readonly DemoEvent[]> {
  const { events } = await fetchJson<{ events: readonly DemoEvent[] }>('/demo/events');
  return events;
}

export function newOrderId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return `demo-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

/** Asks until there is an answer, at most a few times: the same order again has one effect. */
export async function askOrders(step: OrderStep, order: DemoOrder): Promise<OrderAnswer> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const answer = await postJson<OrderAnswer>(`/demo/orders/${step}`, order).catch(
      () => NO_ANSWER,
    );
    if (answer.success || answer.code !== 'OUTCOME_UNKNOWN') return answer;
  }
  return NO_ANSWER;
}

/** Gives back what the demo's orders bought in the event. Returns how many tickets that were. */
export async function returnAll(eventId: Id): Promise<number> {
  const { quantity } = await postJson<{ quantity: number }>('/demo/orders/return-all', { eventId });
  return quantity;
}

/** Rejects when there is no answer, or one with another status than 200. */
export async function fetchJson<Body>(path: string): Promise<Body> {
  return bodyOf(await fetch(path, { headers: { accept: 'application/json' } }));
}

async function postJson<Body>(path: string, body: object): Promise<Body> {
  const headers = { accept: 'application/json', 'content-type': 'application/json' };
  return bodyOf(await fetch(path, { method: 'POST', headers, body: JSON.stringify(body) }));
}

async function bodyOf<Body>(response: Response): Promise<Body> {
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}`);
  return (await response.json()) as Body;
}
