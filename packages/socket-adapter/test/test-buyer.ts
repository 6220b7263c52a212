import { io } from 'socket.io-client';
import type { ManagerOptions, Socket, SocketOptions } from 'socket.io-client';
import { vi } from 'vitest';

import type { ClientToServer, News, ServerToClient } from '../src/protocol.js';

/** What a test waits for comes within this time, or not at all. */
const PATIENCE_MS = 5000;

type Incoming = keyof News | Extract<keyof ServerToClient, string>;
type Payload<Event extends Incoming> = Parameters<ServerToClient[Event]>[0];

/** A client as a web page would have one, which writes down everything that it hears. */
export class TestBuyer {
  readonly heard: { readonly event: string; readonly payload: unknown }[] = [];
  disconnectReason: string | undefined;

  constructor(readonly socket: Socket<ServerToClient, ClientToServer>) {
    socket.onAny((event: string, payload: unknown) => this.heard.push({ event, payload }));
    socket.on('disconnect', (reason) => (this.disconnectReason = reason));
  }

  /** Asks with a callback, in any shape: tests send nonsense, too. */
  async ask(event: string, ...payload: unknown[]): Promise<Record<string, unknown>> {
    const socket = this.socket as unknown as Socket;
    const answer: unknown = await socket.timeout(PATIENCE_MS).emitWithAck(event, ...payload);
    return answer as Record<string, unknown>;
  }

  /** Sends without a callback. */
  send(event: string, ...payload: unknown[]): void {
    (this.socket as unknown as Socket).emit(event, ...payload);
  }

  allHeard<Event extends Incoming>(event: Event): Payload<Event>[] {
    const heard = this.heard.filter((message) => message.event === event);
    return heard.map(({ payload }) => payload as Payload<Event>);
  }

  /** Waits for the first message of that kind. */
  async hears<Event extends Incoming>(
    event: Event,
    isIt: (payload: Payload<Event>) => boolean = () => true,
  ): Promise<Payload<Event>> {
    return vi.waitFor(
      () => {
        const found = this.allHeard(event).find(isIt);
        if (found === undefined) throw new Error(`no such ${event} was heard`);
        return found;
      },
      { timeout: PATIENCE_MS, interval: 5 },
    );
  }

  async disconnected(): Promise<string> {
    return vi.waitFor(
      () => {
        if (this.disconnectReason === undefined) throw new Error('still connected');
        return this.disconnectReason;
      },
      { timeout: PATIENCE_MS, interval: 5 },
    );
  }

  /** Loses the connection as a cut cable does: without a word. */
  loseConnection(): void {
    this.socket.io.engine.close();
  }
}

export type ConnectOptions = Partial<ManagerOptions & SocketOptions>;

/** Opens a connection and waits until the server has said its first word. */
export async function connectBuyer(url: string, options: ConnectOptions): Promise<TestBuyer> {
  const socket: Socket<ServerToClient, ClientToServer> = io(url, {
    transports: ['websocket'],
    reconnection: false,
    forceNew: true,
    ...options,
  });
  const buyer = new TestBuyer(socket);
  const refused = new Promise<never>((_resolve, reject) => {
    socket.once('connect_error', (error) => reject(error));
    socket.once('disconnect', (reason) => reject(new Error(reason)));
  });
  refused.catch(() => socket.close());
  await Promise.race([buyer.hears('connected'), refused]);
  return buyer;
}
