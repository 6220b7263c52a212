import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { LocalTicketLocks } from '@ticket-locks/lock-engine';
import type { EventInventory, Id, InventorySource, LockPolicy } from '@ticket-locks/lock-engine';
import { Server } from 'socket.io';

import type { SocketAdapterOptions } from '../src/index.js';
import { SocketAdapter, socketServerOptions, tokenVerifier } from '../src/index.js';
import { connectBuyer } from './test-buyer.js';
import type { ConnectOptions, TestBuyer } from './test-buyer.js';
import { SECRET, tokenFor } from './test-tokens.js';

export interface TestServerOptions extends Partial<SocketAdapterOptions> {
  readonly policy?: Partial<LockPolicy>;
  readonly disconnectGraceMs?: number;
  readonly source?: InventorySource;
  readonly origins?: readonly string[];
}

/** Event 1 has 50 tickets in category 1 and 5 in category 2. */
const EVENTS = new Map<Id, EventInventory>([
  [
    1,
    {
      categories: [
        { categoryId: 1, capacity: 50 },
        { categoryId: 2, capacity: 5 },
      ],
    },
  ],
]);

const open: TestServer[] = [];

/** A real server on a free port of this machine, with the real store. */
export class TestServer {
  readonly #buyers: TestBuyer[] = [];

  constructor(
    readonly url: string,
    readonly io: Server,
    readonly locks: LocalTicketLocks,
    readonly adapter: SocketAdapter,
  ) {}

  async buyer(userId: Id, options: ConnectOptions = {}): Promise<TestBuyer> {
    return this.connect({ auth: { token: await tokenFor(userId) }, ...options });
  }

  async connect(options: ConnectOptions): Promise<TestBuyer> {
    const buyer = await connectBuyer(`${this.url}/realtime`, options);
    this.#buyers.push(buyer);
    return buyer;
  }

  async close(): Promise<void> {
    for (const buyer of this.#buyers) buyer.socket.close();
    await this.adapter.stop();
    await this.io.close();
    await this.locks.stop();
  }
}

export async function startServer(options: TestServerOptions = {}): Promise<TestServer> {
  const { policy = {}, disconnectGraceMs = 15_000, origins = ['*'], ...rest } = options;
  const source = options.source ?? { load: async (eventId) => EVENTS.get(eventId) };
  const http = createServer();
  const io = new Server(http, socketServerOptions({ origins }));
  const locks = new LocalTicketLocks({ source, policy, disconnectGraceMs });
  await locks.start();
  const verifyToken = tokenVerifier({ key: { secret: SECRET } });
  const adapter = new SocketAdapter({ io, locks, verifyToken, ...rest });
  adapter.start();
  await new Promise<void>((resolve) => {
    http.listen(0, '127.0.0.1', resolve);
  });
  const { port } = http.address() as AddressInfo;
  const server = new TestServer(`http://127.0.0.1:${port}`, io, locks, adapter);
  open.push(server);
  return server;
}

/** For `afterEach`: nothing of a test is left running. */
export async function closeServers(): Promise<void> {
  await Promise.all(open.splice(0).map((server) => server.close()));
}
