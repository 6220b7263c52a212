// The engine against what its work costs at the least. Every sample is a process of its own; the
// kernels take turns, so that a busy machine is busy for all of them, and only ratios between
// neighbours count.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import type {
  KernelName,
  MassExpirySample,
  PairName,
  SampleRequest,
  StallSample,
  ThroughputSample,
} from './engine-sample.js';
import { ratioOf, spreadOf } from './spread.js';
import type { Spread } from './spread.js';
import { printTable } from './table.js';

const KERNELS: readonly KernelName[] = ['engine', 'bare', 'plain', 'slot'];
const PAIRS = {
  lockConfirm: 'lock + confirm',
  lockUnlock: 'lock + unlock',
  lockExpire: 'lock + expire',
} satisfies Record<PairName, string>;
const PLANS = {
  full: { sizes: [10_000, 100_000, 1_000_000], rounds: 5, seconds: 0.5 },
  quick: { sizes: [10_000, 100_000], rounds: 3, seconds: 0.1 },
} as const;
/** Below this, compiled code and the like outweigh what the locks need. */
const MEMORY_SIZE_MIN = 100_000;

interface ThroughputRow {
  readonly pair: PairName;
  readonly size: number;
  readonly kernel: KernelName;
  readonly opsPerSecond: Spread;
  /** This kernel's operations per second as a ratio to the baseline's, round by round. */
  readonly toBare: Spread;
  readonly toPlain: Spread | undefined;
}

interface FigureRow {
  readonly name: string;
  readonly size: number;
  readonly kernel: KernelName;
  readonly figure: Spread;
}

export interface EngineReport {
  readonly throughput: readonly ThroughputRow[];
  readonly bytesPerLock: readonly FigureRow[];
  readonly stallMs: readonly FigureRow[];
  readonly massExpiryMs: readonly FigureRow[];
}

/**
 * Measures, prints tables, and returns the same figures. Takes about five minutes; `quick` half a
 * minute.
 */
export async function benchmarkEngine({ quick }: { quick: boolean }): Promise<EngineReport> {
  const { sizes, rounds, seconds } = quick ? PLANS.quick : PLANS.full;
  const throughput: ThroughputRow[] = [];
  const bytesPerLock: FigureRow[] = [];
  for (const size of sizes) {
    const request = { kind: 'throughput', size, seconds } as const;
    const samples = await sampleByTurns<ThroughputSample>(request, KERNELS, rounds);
    throughput.push(...throughputRows(size, samples));
    if (size >= MEMORY_SIZE_MIN) {
      bytesPerLock.push(...figureRows('', size, samples, ({ bytesPerLock: bytes }) => bytes));
    }
  }
  const size = sizes.at(-1) ?? 0;
  const request = { size, seconds } as const;
  const both: readonly KernelName[] = ['engine', 'bare'];
  const stalls = await sampleByTurns<StallSample>({ ...request, kind: 'stalls' }, both, rounds);
  const expiries = await sampleByTurns<MassExpirySample>(
    { ...request, kind: 'massExpiry' },
    both,
    rounds,
  );
  const report = {
    throughput,
    bytesPerLock,
    stallMs: [
      ...figureRows('while growing', size, stalls, ({ growingMs }) => growingMs),
      ...figureRows('steady', size, stalls, ({ steadyMs }) => steadyMs),
    ],
    massExpiryMs: [
      ...figureRows('in all', size, expiries, ({ totalMs }) => totalMs),
      ...figureRows('worst slice', size, expiries, ({ worstSliceMs }) => worstSliceMs),
    ],
  };
  print(report);
  return report;
}

type Samples<Sample> = ReadonlyMap<KernelName, readonly Sample[]>;

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

function throughputRows(size: number, samples: Samples<ThroughputSample>): ThroughputRow[] {
  const rows: ThroughputRow[] = [];
  for (const pair of Object.keys(PAIRS) as PairName[]) {
    const figuresOf = (kernel: KernelName) =>
      (samples.get(kernel) ?? []).flatMap(({ opsPerSecond }) => opsPerSecond[pair] ?? []);
    for (const kernel of samples.keys()) {
      const figures = figuresOf(kernel);
      if (figures.length === 0) continue;
      const plain = figuresOf('plain');
      rows.push({
        pair,
        size,
        kernel,
        opsPerSecond: spreadOf(figures),
        toBare: ratioOf(figures, figuresOf('bare')),
        toPlain: plain.length === 0 ? undefined : ratioOf(figures, plain),
      });
    }
  }
  return rows;
}

function figureRows<Sample>(
  name: string,
  size: number,
  samples: Samples<Sample>,
  figureOf: (sample: Sample) => number,
): FigureRow[] {
  return [...samples].map(([kernel, taken]) => ({
    name,
    size,
    kernel,
    figure: spreadOf(taken.map(figureOf)),
  }));
}

function print({ throughput, bytesPerLock, stallMs, massExpiryMs }: EngineReport): void {
  const ratio = (spread: Spread | undefined) => formatted(spread, (figure) => figure.toFixed(2));
  const millions = (figure: number) => (figure / 1e6).toFixed(2);
  const ms = (figure: number) => figure.toFixed(figure < 10 ? 2 : 0);
  printTable(
    'Throughput: million operations a second, min / median / max',
    ['pair', 'active locks', 'kernel', 'Mops/s', 'to bare', 'to plain'],
    throughput.map((row) => [
      PAIRS[row.pair],
      row.size.toLocaleString('en'),
      row.kernel,
      formatted(row.opsPerSecond, millions),
      ratio(row.toBare),
      ratio(row.toPlain),
    ]),
  );
  const figures = (rows: readonly FigureRow[], format: (figure: number) => string) =>
    rows.map(({ size, kernel, name, figure }) => [
      size.toLocaleString('en'),
      kernel,
      name,
      formatted(figure, format),
    ]);
  const columns = ['active locks', 'kernel', '', 'min / median / max'];
  printTable('Heap bytes for each active lock, everything included', columns, [
    ...figures(bytesPerLock, (figure) => figure.toFixed(0)),
  ]);
  printTable('Longest single operation, ms', columns, figures(stallMs, ms));
  printTable('A tenth of the locks due at once, in slices of 1,000, ms', columns, [
    ...figures(massExpiryMs, ms),
  ]);
}

function formatted(spread: Spread | undefined, format: (figure: number) => string): string {
  if (spread === undefined) return '';
  const { min, median, max } = spread;
  return `${format(min)} / ${format(median)} / ${format(max)}`;
}
