// What a request over RabbitMQ costs beyond the transport: the adapter with a store in memory, and
// bare amqplib that echoes, on the same broker, by turns, each in a process of its own.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { AmqpCaller, lockIdAt } from './amqp-caller.js';
import { closedLoop } from './closed-loop.js';
import { cpuUsOf } from './process-cpu.js';
import { ratioOf, spreadOf } from './spread.js';
import type { Spread } from './spread.js';
import { printTable } from './table.js';

const SERVER = fileURLToPath(new URL('./amqp-server.ts', import.meta.url));
const SERVICES = fileURLToPath(new URL('../../scripts/services.mjs', import.meta.url));
const CALLERS = [1, 100];
/** `repeat`: one lock, again and again. `confirm`: each a new one, and a change is published. */
const WORKLOADS = ['repeat', 'confirm'] as const;
const PLANS = {
  full: { rounds: 5, seconds: 2, lockCount: 60_000 },
  quick: { rounds: 3, seconds: 0.5, lockCount: 20_000 },
} as const;

type Workload = (typeof WORKLOADS)[number];

export interface AmqpRow {
  readonly workload: Workload;
  readonly callers: number;
  readonly echo: Spread;
  readonly adapter: Spread;
  readonly ratio: Spread;
  /** Of the process that answers, in the median: the echo, and the adapter. */
  readonly cpuUs: readonly [number, number];
}

interface Sample {
  readonly requestsPerSecond: number;
  /** Of the process that answers. */
  readonly cpuUsPerRequest: number;
}

interface Request {
  readonly url: string;
  readonly kind: 'echo' | 'adapter';
  readonly workload: Workload;
  readonly callers: number;
  readonly seconds: number;
  readonly lockCount: number;
}

/**
 * Measures confirms, prints a table, and returns the same figures. Takes about two minutes.
 */
export async function benchmarkAmqp({ quick }: { quick: boolean }): Promise<readonly AmqpRow[]> {
  const { rounds, seconds, lockCount } = quick ? PLANS.quick : PLANS.full;
  const broker = await openBroker();
  const rows: AmqpRow[] = [];
  for (const workload of WORKLOADS) {
    for (const callers of CALLERS) {
      const request = { url: broker.url, workload, callers, seconds, lockCount };
      const echo: Sample[] = [];
      const adapter: Sample[] = [];
      for (let round = 0; round < rounds; round += 1) {
        echo.push(await measure({ ...request, kind: 'echo' }));
        adapter.push(await measure({ ...request, kind: 'adapter' }));
      }
      rows.push(rowOf(workload, callers, echo, adapter));
    }
  }
  await broker.close();
  printTable(
    'confirm-ticket-lock over RabbitMQ, requests per second: bare echo, the adapter, and the ratio (min / median / max)',
    ['workload', 'at once', 'bare echo', 'adapter', 'ratio', 'CPU us'],
    rows.map((row) => [
      row.workload,
      String(row.callers),
      figures(row.echo, 0),
      figures(row.adapter, 0),
      figures(row.ratio, 2),
      row.cpuUs.map((one) => one.toFixed(0)).join(' to '),
    ]),
  );
  return rows;
}

function rowOf(
  workload: Workload,
  callers: number,
  echo: readonly Sample[],
  adapter: readonly Sample[],
): AmqpRow {
  const speeds = (samples: readonly Sample[]) => samples.map((one) => one.requestsPerSecond);
  const cpuUs = (samples: readonly Sample[]) =>
    spreadOf(samples.map((one) => one.cpuUsPerRequest)).median;
  return {
    workload,
    callers,
    echo: spreadOf(speeds(echo)),
    adapter: spreadOf(speeds(adapter)),
    ratio: ratioOf(speeds(adapter), speeds(echo)),
    cpuUs: [cpuUs(echo), cpuUs(adapter)],
  };
}

async function measure(request: Request): Promise<Sample> {
  const { url, kind, workload, callers, seconds, lockCount } = request;
  const queue = `bench_${randomUUID()}`;
  const args = ['--import', 'tsx', SERVER, kind, url, queue, String(lockCount)];
  const server = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  await firstLine(server);
  const caller = await AmqpCaller.open(url, queue);
  let next = 0;
  const visit: Parameters<typeof closedLoop>[2] = async (_caller, ask) => {
    if (workload === 'confirm') next = Math.min(next + 1, lockCount - 1);
    const lockId = lockIdAt(next);
    await ask(() => caller.ask('confirm-ticket-lock', { lockId, orderId: 7 }));
  };
  await closedLoop(callers, seconds / 4, visit);
  const cpuBeforeUs = cpuUsOf(server);
  const { requestCount, elapsedMs } = await closedLoop(callers, seconds, visit);
  const cpuUsPerRequest = (cpuUsOf(server) - cpuBeforeUs) / requestCount;
  server.kill('SIGKILL');
  await once(server, 'exit');
  await caller.close();
  if (next === lockCount - 1) throw new RangeError('more requests than locks: raise lockCount');
  return { requestsPerSecond: (requestCount / elapsedMs) * 1000, cpuUsPerRequest };
}

/** The broker of the environment, or one for this run. */
async function openBroker(): Promise<{ readonly url: string; close(): Promise<void> }> {
  const given = process.env['TEST_AMQP_URL'];
  if (given !== undefined && given !== '') return { url: given, close: async () => undefined };
  const services = spawn(process.execPath, [SERVICES, 'rabbitmq'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const { TEST_AMQP_URL: url } = JSON.parse(await firstLine(services)) as Record<string, string>;
  if (url === undefined) throw new Error('the broker did not start');
  const close = async () => {
    services.stdin.end();
    await once(services, 'exit');
  };
  return { url, close };
}

async function firstLine({ stdout }: ChildProcess): Promise<string> {
  if (stdout === null) throw new TypeError('a process without output');
  for await (const line of createInterface({ input: stdout })) return line;
  throw new Error('the process has ended');
}

function figures({ min, median, max }: Spread, digits: number): string {
  return [min, median, max].map((one) => one.toFixed(digits)).join(' / ');
}
