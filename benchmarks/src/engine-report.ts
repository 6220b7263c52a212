import type {
  KernelName,
  MassExpirySample,
  PairName,
  StallSample,
  ThroughputSample,
} from './engine-sample.js';
import { ratioOf, spreadOf } from './spread.js';
import type { Spread } from './spread.js';
import { printTable } from './table.js';

export type Samples<Sample> = ReadonlyMap<KernelName, readonly Sample[]>;

export interface ThroughputRow {
  readonly pair: PairName;
  readonly size: number;
  readonly kernel: KernelName;
  readonly opsPerSecond: Spread;
  /** The kernel's operations per second as a ratio to those of the baseline, round by round. */
  readonly toBare: Spread;
  readonly toPlain: Spread | undefined;
}

export interface FigureRow {
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

const PAIRS = {
  lockConfirm: 'lock + confirm',
  lockUnlock: 'lock + unlock',
  lockExpire: 'lock + expire',
} satisfies Record<PairName, string>;
/** Below this, compiled code and the like outweigh what the locks need. */
const MEMORY_SIZE_MIN = 100_000;

const BARE_RATIO_GOAL = 0.5;
const BYTES_GOAL = 400;

export function throughputRows(size: number, samples: Samples<ThroughputSample>): ThroughputRow[] {
  const rows: ThroughputRow[] = [];
  for (const pair of Object.keys(PAIRS) as PairName[]) {
    const figuresOf = (kernel: KernelName) =>
      (samples.get(kernel) ?? []).flatMap(({ opsPerSecond }) => opsPerSecond[pair] ?? []);
    const plain = figuresOf('plain');
    for (const kernel of samples.keys()) {
      const figures = figuresOf(kernel);
      if (figures.length === 0) continue;
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

export function memoryRows(size: number, samples: Samples<ThroughputSample>): FigureRow[] {
  if (size < MEMORY_SIZE_MIN) return [];
  return figureRows({ name: '', size }, samples, ({ bytesPerLock }) => bytesPerLock);
}

export function stallRows(size: number, samples: Samples<StallSample>): FigureRow[] {
  return [
    ...figureRows({ name: 'while growing', size }, samples, ({ growingMs }) => growingMs),
    ...figureRows({ name: 'steady', size }, samples, ({ steadyMs }) => steadyMs),
  ];
}

export function massExpiryRows(size: number, samples: Samples<MassExpirySample>): FigureRow[] {
  return [
    ...figureRows({ name: 'in all', size }, samples, ({ totalMs }) => totalMs),
    ...figureRows({ name: 'worst slice', size }, samples, ({ worstSliceMs }) => worstSliceMs),
  ];
}

function figureRows<Sample>(
  row: Pick<FigureRow, 'name' | 'size'>,
  samples: Samples<Sample>,
  figureOf: (sample: Sample) => number,
): FigureRow[] {
  return [...samples].map(([kernel, taken]) => ({
    ...row,
    kernel,
    figure: spreadOf(taken.map(figureOf)),
  }));
}

export function printReport(report: EngineReport): void {
  const { throughput, bytesPerLock, stallMs, massExpiryMs } = report;
  const ratio = (spread: Spread | undefined) => formatted(spread, (figure) => figure.toFixed(2));
  const millions = (figure: number) => (figure / 1e6).toFixed(2);
  const ms = (figure: number) => figure.toFixed(figure < 10 ? 2 : 0);
  printTable(
    'Million operations per second of CPU time (two operations a pair), min / median / max',
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
  const printFigures = (
    title: string,
    rows: readonly FigureRow[],
    format: (figure: number) => string,
  ) => {
    const cells = rows.map(({ size, kernel, name, figure }) => [
      size.toLocaleString('en'),
      kernel,
      name,
      formatted(figure, format),
    ]);
    printTable(title, ['active locks', 'kernel', '', 'min / median / max'], cells);
  };
  printFigures('Heap bytes for each active lock, all included', bytesPerLock, (bytes) =>
    bytes.toFixed(0),
  );
  printFigures('Longest single operation, ms', stallMs, ms);
  printFigures('A tenth of the locks due at once, in slices of 1,000, ms', massExpiryMs, ms);
  printGoals(report);
}

function printGoals({ throughput, bytesPerLock }: EngineReport): void {
  const isEngine = ({ kernel }: { kernel: KernelName }) => kernel === 'engine';
  const lowest = Math.min(...throughput.filter(isEngine).map(({ toBare }) => toBare.median));
  const most = Math.max(...bytesPerLock.filter(isEngine).map(({ figure }) => figure.median));
  const goals = [
    ['engine to bare, lowest median', `>= ${BARE_RATIO_GOAL}`, lowest.toFixed(2)],
    ['bytes for each active lock, highest median', `<= ${BYTES_GOAL}`, most.toFixed(0)],
  ];
  const isMet = [lowest >= BARE_RATIO_GOAL, most <= BYTES_GOAL];
  printTable(
    'Goals',
    ['figure', 'goal', 'measured', ''],
    goals.map((cells, index) => [...cells, isMet[index] === true ? 'met' : 'missed']),
  );
}

function formatted(spread: Spread | undefined, format: (figure: number) => string): string {
  if (spread === undefined) return '';
  const { min, median, max } = spread;
  return `${format(min)} / ${format(median)} / ${format(max)}`;
}
