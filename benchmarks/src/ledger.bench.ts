// What it costs to answer only what is on the disk: the same service with the embedded ledger and
// without one, by turns, so that a busy machine is busy for both, and only the ratio of neighbours
// counts.
import { lockInProcess } from './ledger-in-process.js';
import { lockOverSockets } from './ledger-over-sockets.js';
import { measureWrites } from './ledger-writes.js';
import type { WriteRow } from './ledger-writes.js';
import { ratioOf, spreadOf } from './spread.js';
import type { Spread } from './spread.js';
import { printTable } from './table.js';

const CLIENTS = [1, 100, 1000];
const PLANS = {
  full: { rounds: 5, seconds: 2 },
  quick: { rounds: 3, seconds: 0.5 },
} as const;

export interface LedgerSample {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of the process that serves, all its threads. */
  readonly cpuUsPerRequest: number;
}

/** Without a ledger, and with it. */
type Pair = readonly [number, number];

export interface LedgerRow {
  readonly path: 'in process' | 'over sockets';
  readonly clients: number;
  readonly without: Spread;
  readonly with: Spread;
  readonly ratio: Spread;
  readonly p50Ms: Pair;
  readonly p99Ms: Pair;
  readonly cpuUs: Pair;
}

export interface LedgerReport {
  readonly roundTrips: readonly LedgerRow[];
  readonly writes: readonly WriteRow[];
}

/**
 * Measures lock and unlock round trips, prints tables, and returns the same figures. Takes about
 * two and a half minutes.
 */
export async function benchmarkLedger({ quick }: { quick: boolean }): Promise<LedgerReport> {
  const { rounds, seconds } = quick ? PLANS.quick : PLANS.full;
  const rows: LedgerRow[] = [];
  const paths = { 'in process': lockInProcess, 'over sockets': lockOverSockets };
  for (const [path, measure] of Object.entries(paths)) {
    for (const clients of CLIENTS) {
      const without: LedgerSample[] = [];
      const withLedger: LedgerSample[] = [];
      for (let round = 0; round < rounds; round += 1) {
        without.push(await measure({ clients, seconds, hasLedger: false }));
        withLedger.push(await measure({ clients, seconds, hasLedger: true }));
      }
      rows.push(rowOf(path as LedgerRow['path'], clients, without, withLedger));
    }
  }
  printTable(
    'Lock and unlock, requests per second: without a ledger, with it, and the ratio (min / median / max)',
    ['path', 'clients', 'without', 'with the ledger', 'ratio', 'p50 ms', 'p99 ms', 'CPU us'],
    rows.map((row) => [
      row.path,
      String(row.clients),
      thousands(row.without),
      thousands(row.with),
      [row.ratio.min, row.ratio.median, row.ratio.max].map((one) => one.toFixed(2)).join(' / '),
      row.p50Ms.map((one) => one.toFixed(2)).join(' to '),
      row.p99Ms.map((one) => one.toFixed(2)).join(' to '),
      row.cpuUs.map((one) => one.toFixed(1)).join(' to '),
    ]),
  );
  const writes = measureWrites(rounds, seconds / 4);
  printTable(
    'Changes per second through one connection, a flush of the disk for so many at once',
    ['way', 'per flush', 'changes', 'ratio to a row each'],
    writes.map(({ way, changesPerFlush, changesPerSecond, ratio }) => [
      way,
      String(changesPerFlush),
      thousands(changesPerSecond),
      [ratio.min, ratio.median, ratio.max].map((one) => one.toFixed(2)).join(' / '),
    ]),
  );
  return { roundTrips: rows, writes };
}

function rowOf(
  path: LedgerRow['path'],
  clients: number,
  without: readonly LedgerSample[],
  withLedger: readonly LedgerSample[],
): LedgerRow {
  const figures = (samples: readonly LedgerSample[], name: keyof LedgerSample) =>
    samples.map((sample) => sample[name]);
  const medians = (name: keyof LedgerSample): Pair => [
    spreadOf(figures(without, name)).median,
    spreadOf(figures(withLedger, name)).median,
  ];
  const before = figures(without, 'requestsPerSecond');
  const after = figures(withLedger, 'requestsPerSecond');
  return {
    path,
    clients,
    without: spreadOf(before),
    with: spreadOf(after),
    ratio: ratioOf(after, before),
    p50Ms: medians('p50Ms'),
    p99Ms: medians('p99Ms'),
    cpuUs: medians('cpuUsPerRequest'),
  };
}

function thousands({ min, median, max }: Spread): string {
  return [min, median, max].map((one) => `${(one / 1000).toFixed(1)}k`).join(' / ');
}
