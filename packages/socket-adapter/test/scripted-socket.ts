import type { RealtimeSocket } from '../src/realtime-socket.js';

type Listener = (...args: unknown[]) => void;

/** A request and how often it was answered, in which way soever. */
export interface ScriptedRequest {
  readonly event: string;
  readonly answers: Record<string, unknown>[];
}

/**
 * The server's end of a connection, without a network: what the adapter needs of a socket, and
 * what a client does to it.
 */
export class ScriptedSocket {
  readonly heard: { readonly event: string; readonly payload: unknown }[] = [];
  readonly requests: ScriptedRequest[] = [];
  readonly rooms = new Set<string>();
  readonly conn = { close: () => this.end('transport close') };
  connected = true;
  #onAny: Listener = () => {};
  readonly #onDisconnect: Listener[] = [];

  constructor(readonly id: string) {}

  /** As the adapter takes it. */
  get asSocket(): RealtimeSocket {
    return this as unknown as RealtimeSocket;
  }

  // --- what the adapter calls ---

  onAny(listener: Listener): void {
    this.#onAny = listener;
  }

  on(_event: 'disconnect', listener: Listener): void {
    this.#onDisconnect.push(listener);
  }

  emit(event: string, payload: unknown): void {
    this.heard.push({ event, payload });
  }

  join(room: string): void {
    this.rooms.add(room);
  }

  leave(room: string): void {
    this.rooms.delete(room);
  }

  disconnect(): void {
    this.end('server namespace disconnect');
  }

  // --- what a client does ---

  ask(event: string, payload: object): ScriptedRequest {
    const request: ScriptedRequest = { event, answers: [] };
    this.requests.push(request);
    this.#onAny(event, payload, (answer: Record<string, unknown>) => request.answers.push(answer));
    return request;
  }

  /** Once, whatever happens afterwards. */
  end(reason: string): void {
    if (!this.connected) return;
    this.connected = false;
    for (const listener of this.#onDisconnect) listener(reason);
  }
}
