import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const READY = /"port":(\d+),"msg":"the service is ready"/;

export interface LoadStats {
  readonly connections: number;
  readonly connectedUsers: number;
  readonly activeLocks: number;
}

/** How the event loop did since it was last asked for. */
export interface LoopDelay {
  readonly p99Ms: number;
  readonly longestMs: number;
  /** CPU time of the process since its start: what a busy machine does not change. */
  readonly cpuMs: number;
}

/** The service as built, in a process of its own, on a free port of this machine. */
export class ServiceUnderLoad {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown[]>;
  #output = '';
  #port = 0;

  private constructor(environment: Readonly<Record<string, string>>) {
    const env = { PATH: process.env['PATH'], ...environment };
    this.#child = spawn(process.execPath, [MAIN], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const keep = (chunk: Buffer) => (this.#output = (this.#output + String(chunk)).slice(-10_000));
    this.#child.stdout?.on('data', keep);
    this.#child.stderr?.on('data', keep);
    this.#ended = once(this.#child, 'close');
  }

  /** Rejects with what it said when it does not become ready. */
  static async start(environment: Readonly<Record<string, string>>): Promise<ServiceUnderLoad> {
    const service = new ServiceUnderLoad(environment);
    const ready = new Promise<void>((resolve) => {
      service.#child.stdout?.on('data', () => {
        service.#port = Number(READY.exec(service.#output)?.[1] ?? 0);
        if (service.#port > 0) resolve();
      });
    });
    const ended = service.#ended.then((): never => {
      throw new Error(`the service ended:\n${service.#output}`);
    });
    await Promise.race([ready, ended]);
    ended.catch(() => {});
    return service;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async stats(): Promise<LoadStats> {
    const response = await fetch(`${this.url}/stats`);
    const body = (await response.json()) as LoadStats & { readonly ticketLocks: LoadStats };
    const { connections, connectedUsers, ticketLocks } = body;
    return { connections, connectedUsers, activeLocks: ticketLocks.activeLocks };
  }

  async loopDelay(): Promise<LoopDelay> {
    const text = await this.#metrics();
    return {
      p99Ms: 1000 * figureIn(text, 'nodejs_eventloop_lag_p99_seconds'),
      longestMs: 1000 * figureIn(text, 'nodejs_eventloop_lag_max_seconds'),
      cpuMs: 1000 * figureIn(text, 'process_cpu_seconds_total'),
    };
  }

  async memoryBytes(): Promise<number> {
    return figureIn(await this.#metrics(), 'process_resident_memory_bytes');
  }

  /** Ends it in order. Returns the exit code. */
  async stop(): Promise<number | null> {
    this.#child.kill('SIGTERM');
    const [code] = await this.#ended;
    return code as number | null;
  }

  async #metrics(): Promise<string> {
    return (await fetch(`${this.url}/metrics`)).text();
  }
}

function figureIn(metrics: string, name: string): number {
  const found = new RegExp(`^${name} (\\S+)$`, 'm').exec(metrics);
  if (found === null) throw new Error(`${name} is not in /metrics`);
  return Number(found[1]);
}
