import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

/** A way to the broker that can be cut, and stay cut. */
export interface CuttableProxy {
  readonly url: string;
  /** Resets every connection, as a broken network does. */
  cut(): void;
  /** Refuses new connections until it is opened again. */
  setOpen(isOpen: boolean): void;
  /**
   * Says nothing more on the present connections, in neither direction, and does not close them:
   * the other end is half open.
   */
  freeze(): void;
  /** Cuts once, when the broker has said something this many times from now on. */
  cutAfter(chunkCount: number): void;
  close(): Promise<void>;
}

export async function openCuttableProxy(target: string): Promise<CuttableProxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let isOpen = true;
  let chunksUntilCut = Infinity;
  const cut = () => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  const server = createServer((client) => {
    if (!isOpen) return void client.resetAndDestroy();
    const broker = connect(Number(port), hostname);
    for (const socket of [client, broker]) {
      sockets.add(socket);
      socket.setNoDelay();
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        broker.destroy();
      });
    }
    broker.on('data', () => {
      chunksUntilCut -= 1;
      if (chunksUntilCut > 0) return;
      chunksUntilCut = Infinity;
      cut();
    });
    client.pipe(broker).pipe(client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(target);
  url.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: url.href,
    cut,
    freeze() {
      for (const socket of sockets) {
        socket.unpipe();
        socket.pause();
      }
    },
    setOpen(value) {
      isOpen = value;
    },
    cutAfter(chunkCount) {
      chunksUntilCut = chunkCount;
    },
    async close() {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}
