// The engine against what its work costs at the least. Every sample is a process of its own; the
// kernels take turns, so that a busy machine is busy for all of them. Only ratios count, and only
// between neighbours.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import {
  massExpiryRows,
  memoryRows,
  printReport,
  stallRows,
  throughputRows,
} from './engine-report.js';
import type { EngineReport, FigureRow, Samples, ThroughputRow } from './engine-report.js';
import type {
  KernelName,
  MassExpirySample,
  SampleRequest,
  StallSample,
  ThroughputSample,
} from './engine-sample.js';

interface Plan {
  readonly sizes: readonly number[];
  readonly kernels: readonly KernelName[];
  /** How often every kernel takes its turn. */
  readonly rounds: number;
  /** CPU time for each kind of pair. */
  readonly seconds: number;
}

const FULL: Plan = {
  sizes: [10_000, 100_000, 1_000_000],
  kernels: ['engine', 'bare', 'plain', 'slot'],
  rounds: 5,
  seconds: 0.5,
};
const QUICK: Plan = {
  sizes: [10_000, 100_000],
  kernels: ['engine', 'bare', 'plain'],
  rounds: 3,
  seconds: 0.2,
};
const ENGINE_AND_BARE: readonly KernelName[] = ['engine', 'bare'];

/** Measures, prints tables, and returns the same figures. Takes ten minutes; `quick` one. */
export async function benchmarkEngine({ quick }: { quick: boolean }): Promise<EngineReport> {
  const { sizes, kernels, rounds, seconds } = quick ? QUICK : FULL;
  const throughput: ThroughputRow[] = [];
  const bytesPerLock: FigureRow[] = [];
  for (const size of sizes) {
    const request = { kind: 'throughput', size, seconds } as const;
    const samples = await sampleByTurns<ThroughputSample>(request, kernels, rounds);
    throughput.push(...throughputRows(size, samples));
    bytesPerLock.push(...memoryRows(size, samples));
  }
  const size = sizes.at(-1) ?? 0;
  const stalls = await sampleByTurns<StallSample>(
    { kind: 'stalls', size, seconds },
    ENGINE_AND_BARE,
    rounds,
  );
  const expiries = await sampleByTurns<MassExpirySample>(
    { kind: 'massExpiry', size, seconds },
    ENGINE_AND_BARE,
    rounds,
  );
  const report = {
    throughput,
    bytesPerLock,
    stallMs: stallRows(size, stalls),
    massExpiryMs: massExpiryRows(size, expiries),
  };
  printReport(report);
  return report;
}

/** Every kernel once a round, each round beginning with another one. */
async function sampleByTurns<Sample>(
  request: Omit<SampleRequest, 'kernel'>,
  kernels: readonly KernelName[],
  rounds: number,
): Promise<Samples<Sample>> {
  const samples = new Map<KernelName, Sample[]>(kernels.map((kernel) => [kernel, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (let turn = 0; turn < kernels.length; turn += 1) {
      const kernel = kernels[(round + turn) % kernels.length];
      if (kernel === undefined) continue;
      const progress = `${request.kind} at ${request.size}, round ${round + 1} of ${rounds}`;
      console.error(`${progress}: ${kernel}`);
      samples.get(kernel)?.push((await sample({ ...request, kernel })) as Sample);
    }
  }
  return samples;
}

async function sample(request: SampleRequest): Promise<unknown> {
  const file = fileURLToPath(new URL('./engine-sample.ts', import.meta.url));
  const child = fork(file, [JSON.stringify(request)], {
    execArgv: [...process.execArgv, '--expose-gc'],
  });
  let answer: unknown;
  child.once('message', (message) => {
    answer = message;
  });
  const [exitCode] = (await once(child, 'close')) as [number | null];
  if (exitCode !== 0 || answer === undefined) throw new Error(`the sample ended with ${exitCode}`);
  return answer;
}
