import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { SignJWT } from 'jose';
import { vi } from 'vitest';

import { connectBuyer } from '../../../packages/socket-adapter/test/test-buyer.js';
import type {
  ConnectOptions,
  TestBuyer,
} from '../../../packages/socket-adapter/test/test-buyer.js';

export const SECRET = 'a secret of the tests, long enough for HS256';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
/** What a test waits for comes within this time, or not at all. */
const PATIENCE_MS = 10_000;

/**
 * Twenty events that tests share out among themselves: 50 tickets in category 1, 5 in category 2.
 */
const EVENTS = Array.from({ length: 20 }, (_, index) => ({
  eventId: index + 1,
  name: `Event ${index + 1}`,
  categories: [
    { categoryId: 1, name: 'Stalls', capacity: 50 },
    { categoryId: 2, name: 'Box', capacity: 5 },
  ],
}));

const folders: string[] = [];
const services: ServiceProcess[] = [];

export function inventoryFile(content: unknown = { events: EVENTS }): string {
  const folder = mkdtempSync(join(tmpdir(), 'ticket-locks-'));
  folders.push(folder);
  const path = join(folder, 'inventory.json');
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

/** A real process of the built service. */
export class ServiceProcess {
  readonly #child: ChildProcess;
  readonly #buyers: TestBuyer[] = [];
  readonly #ended: Promise<unknown[]>;
  output = '';
  port = 0;

  constructor(environment: Record<string, string>) {
    // Nothing outlives a service, unless a test wants it to.
    const env = { PATH: process.env['PATH'], DATA_DIR: 'none', ...environment };
    this.#child = spawn(process.execPath, [MAIN], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child.stdout?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    this.#child.stderr?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    this.#ended = once(this.#child, 'close');
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Waits until the service says that it is ready. */
  async ready(): Promise<this> {
    await vi.waitFor(
      () => {
        const found = /"port":(\d+),"msg":"the service is ready"/.exec(this.output);
        if (found === null) throw new Error(`the service is not ready: ${this.output}`);
        this.port = Number(found[1]);
      },
      { timeout: PATIENCE_MS, interval: 10 },
    );
    return this;
  }

  /** The exit code, once the process has ended. */
  async exitCode(): Promise<number | null> {
    const [code] = await this.#ended;
    return code as number | null;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  async buyer(userId: number | string, options: ConnectOptions = {}): Promise<TestBuyer> {
    return this.connect({ auth: { token: await tokenFor(userId) }, ...options });
  }

  async connect(options: ConnectOptions): Promise<TestBuyer> {
    const buyer = await connectBuyer(`${this.url}/realtime`, options);
    this.#buyers.push(buyer);
    return buyer;
  }

  async get(path: string): Promise<{ status: number; body: Record<string, unknown> }> {
    const response = await fetch(`${this.url}${path}`);
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }

  async end(): Promise<void> {
    for (const buyer of this.#buyers) buyer.socket.close();
    if (this.isRunning) this.kill('SIGKILL');
    await this.#ended;
  }
}

export function spawnService(environment: Record<string, string>): ServiceProcess {
  const service = new ServiceProcess(environment);
  services.push(service);
  return service;
}

/** A service on a free port with the twenty events. */
export async function startService(
  environment: Record<string, string> = {},
): Promise<ServiceProcess> {
  const service = spawnService({
    WEBSOCKET_PORT: '0',
    HOST: '127.0.0.1',
    JWT_SECRET: SECRET,
    INVENTORY_FILE: inventoryFile(),
    ...environment,
  });
  return service.ready();
}

/** For `afterEach` or `afterAll`: no process and no folder is left behind. */
export async function endServices(): Promise<void> {
  await Promise.all(services.splice(0).map((service) => service.end()));
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
}

export async function tokenFor(
  userId: number | string,
  { expiresInS = 600, secret = SECRET } = {},
): Promise<string> {
  return new SignJWT()
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(String(userId))
    .setExpirationTime(Math.floor(Date.now() / 1000) + expiresInS)
    .sign(new TextEncoder().encode(secret));
}
