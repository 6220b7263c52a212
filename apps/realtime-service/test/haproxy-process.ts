import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

import { vi } from 'vitest';

import type { ServiceProcess } from './service-process.js';

/** The one that operators are shown. */
const CONFIG = fileURLToPath(new URL('../../../docs/haproxy.cfg', import.meta.url));
const READY_MS = 10_000;

/** A real HAProxy in front of three instances. */
export class HaproxyProcess {
  readonly #child: ChildProcess;
  #output = '';

  private constructor(
    readonly url: string,
    program: string,
    environment: Record<string, string>,
  ) {
    // Without a master process: this one ends, and all of it has.
    this.#child = spawn(program, ['-db', '-f', CONFIG], {
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.stdout?.on('data', (chunk: Buffer) => (this.#output += chunk.toString()));
    this.#child.stderr?.on('data', (chunk: Buffer) => (this.#output += chunk.toString()));
  }

  static async start(instances: readonly ServiceProcess[]): Promise<HaproxyProcess> {
    const program = process.env['HAPROXY_PATH'];
    if (program === undefined || program === '') {
      throw new Error('HAPROXY_PATH must name a HAProxy for tests; `npm test` finds one');
    }
    const listen = `127.0.0.1:${await freePort()}`;
    const [one, two, three] = instances.map(({ port }) => `127.0.0.1:${port}`);
    const environment = {
      LISTEN: listen,
      INSTANCE_1: one ?? '',
      INSTANCE_2: two ?? '',
      INSTANCE_3: three ?? '',
    };
    const proxy = new HaproxyProcess(`http://${listen}`, program, environment);
    await proxy.#ready();
    return proxy;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }

  async #ready(): Promise<void> {
    const answers = async () => {
      if (this.#child.exitCode !== null) throw new Error(`HAProxy has ended: ${this.#output}`);
      const { status } = await fetch(`${this.url}/health/ready`);
      if (status !== 200) throw new Error(`HAProxy answers ${status}`);
    };
    await vi.waitFor(answers, { timeout: READY_MS, interval: 50 });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await once(server.close(), 'close');
  return port;
}
