import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Redis } from 'ioredis';
import { expect, vi } from 'vitest';

/** Found on the PATH. */
const PROGRAM = process.env['REDIS_SERVER'] ?? 'redis-server';

/** A Redis of a test's own, to be set up, stopped and spoilt as it likes. */
export class PrivateServer {
  readonly url: string;
  /** As the owner of everything. */
  readonly admin: Redis;
  readonly port: number;
  /** Where it keeps what it writes. */
  readonly folder: string;
  readonly #args: readonly string[];
  #child: ChildProcess;

  private constructor(port: number, folder: string, options: readonly string[]) {
    const place = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder];
    this.#args = [...place, '--save', '', ...options];
    this.port = port;
    this.folder = folder;
    this.#child = spawn(PROGRAM, this.#args, { stdio: 'ignore' });
    this.url = `redis://127.0.0.1:${port}`;
    this.admin = new Redis(this.url, { retryStrategy: () => 50 });
    this.admin.on('error', () => undefined);
  }

  static async start(...options: string[]): Promise<PrivateServer> {
    const folder = mkdtempSync(join(tmpdir(), 'ticket-locks-'));
    const server = new PrivateServer(await freePort(), folder, options);
    await server.#ready();
    return server;
  }

  /** Kills the server and starts it again; without persistence it is empty then. */
  async restart(): Promise<void> {
    await this.kill();
    await this.launch();
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }

  /** Starts it again, on what is in its folder by now. */
  async launch(): Promise<void> {
    this.#child = spawn(PROGRAM, this.#args, { stdio: 'ignore' });
    await this.#ready();
  }

  /** The server stands still, as does whoever waits for it. */
  holdUp(): void {
    this.#child.kill('SIGSTOP');
  }

  letGo(): void {
    this.#child.kill('SIGCONT');
  }

  async stop(): Promise<void> {
    this.admin.disconnect();
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #ready(): Promise<void> {
    const isReady = async () => expect(await this.admin.ping()).toBe('PONG');
    await vi.waitFor(isReady, { timeout: 10_000 });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
