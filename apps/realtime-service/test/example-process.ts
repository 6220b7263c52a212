import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { vi } from 'vitest';

const READY_MS = 60_000;

const examples: ExampleProcess[] = [];

/** A service of `examples/`, as built, in a process of its own. */
export class ExampleProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown[]>;
  output = '';

  constructor(name: 'events-service' | 'orders-service', environment: Record<string, string>) {
    const main = new URL(`../../../examples/${name}/dist/main.js`, import.meta.url);
    const env = { PATH: process.env['PATH'], NO_COLOR: '1', ...environment };
    const stdio: ['ignore', 'pipe', 'pipe'] = ['ignore', 'pipe', 'pipe'];
    this.#child = spawn(process.execPath, [fileURLToPath(main)], { env, stdio });
    this.#child.stdout?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    this.#child.stderr?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    this.#ended = once(this.#child, 'close');
    examples.push(this);
  }

  /** Resolves with what it listens on: a URL, or a queue. */
  async listening(): Promise<string> {
    return vi.waitFor(
      () => {
        const found = /: listening on (\S+)/.exec(this.output)?.[1];
        if (found === undefined) throw new Error(`it is not listening: ${this.output}`);
        return found;
      },
      { timeout: READY_MS, interval: 10 },
    );
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  async kill(): Promise<void> {
    if (this.isRunning) this.#child.kill('SIGKILL');
    await this.#ended;
  }
}

/** For `afterAll`: no process is left behind. */
export async function endExamples(): Promise<void> {
  await Promise.all(examples.splice(0).map((example) => example.kill()));
}
