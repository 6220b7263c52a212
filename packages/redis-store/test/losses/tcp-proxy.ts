import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

/** The two ends of one connection. */
interface Pair {
  readonly client: Socket;
  readonly server: Socket;
}

/** A way to a server that can be cut, held up, made to swallow answers, and led elsewhere. */
export class TcpProxy {
  readonly port: number;
  readonly #listener: Server;
  readonly #pairs = new Set<Pair>();
  #target: number;
  #isHeld = false;
  #cut = { word: '', times: 0 };

  private constructor(listener: Server, target: number) {
    this.#listener = listener;
    this.#target = target;
    this.port = (listener.address() as AddressInfo).port;
    listener.on('connection', (client) => this.#join(client));
  }

  static async open(target: number): Promise<TcpProxy> {
    const listener = createServer().listen(0, '127.0.0.1');
    await once(listener, 'listening');
    return new TcpProxy(listener, target);
  }

  /** The port that connections lead to. */
  get target(): number {
    return this.#target;
  }

  /** Resets every connection, as a broken network does. */
  cut(): void {
    for (const { client, server } of this.#pairs) {
      client.resetAndDestroy();
      server.resetAndDestroy();
    }
  }

  /** Connections lead to another port from now on; those that are there are cut. */
  leadTo(target: number): void {
    this.#target = target;
    this.cut();
  }

  /** Nothing passes any more, in either direction, and nothing is closed. */
  hold(): void {
    this.#isHeld = true;
    for (const { client, server } of this.#pairs) {
      client.unpipe().pause();
      server.unpipe().pause();
    }
  }

  /** What was held up passes. */
  letGo(): void {
    this.#isHeld = false;
    for (const pair of this.#pairs) pass(pair);
  }

  /** What is asked passes, what is answered does not, on the connections that are there. */
  swallowAnswers(): void {
    for (const { server } of this.#pairs) server.unpipe().resume();
  }

  /** Cuts a connection as soon as its client says a word, so many times. */
  cutAt(word: string, times: number): void {
    this.#cut = { word, times };
  }

  /** How often it will still be cut. */
  get cutsLeft(): number {
    return this.#cut.times;
  }

  async close(): Promise<void> {
    const closed = once(this.#listener, 'close');
    this.#listener.close();
    this.cut();
    await closed;
  }

  #join(client: Socket): void {
    const server = connect(this.#target, '127.0.0.1');
    const pair = { client, server };
    this.#pairs.add(pair);
    for (const socket of [client, server]) {
      socket.setNoDelay();
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#pairs.delete(pair);
        client.destroy();
        server.destroy();
      });
    }
    client.on('data', (bytes) => {
      if (this.#cut.times === 0 || !bytes.toString('latin1').includes(this.#cut.word)) return;
      this.#cut.times -= 1;
      client.resetAndDestroy();
    });
    if (this.#isHeld) client.pause();
    else pass(pair);
  }
}

function pass({ client, server }: Pair): void {
  client.unpipe().pipe(server);
  server.unpipe().pipe(client);
}
