// The routes that exist only in the demo. A shop has its own sign-in and its own catalogue.
import type { Id } from '@ticket-locks/socket-adapter/protocol';

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

async function fetchJson<Body>(path: string): Promise<Body> {
  const response = await fetch(path, { headers: { accept: 'application/json' } });
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return (await response.json()) as Body;
}
