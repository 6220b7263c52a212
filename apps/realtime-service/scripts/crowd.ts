// npm run crowd -- [--sockets=10000] [--locks=1000]
import { parseArgs } from 'node:util';

import { runCrowd } from './crowd-run.js';
import type { CrowdReport } from './crowd-run.js';

/** For what a process has open besides its sockets. */
const SPARE_FILES = 100;
const SETTLED_MS_MAX = 5000;
const DELAY_MS_AIM = 200;

const { values } = parseArgs({
  options: { sockets: { type: 'string', default: '10000' }, locks: { type: 'string' } },
});
const socketCount = positive('sockets', values.sockets);
const lockCount = positive('locks', values.locks ?? String(Math.ceil(socketCount / 10)));
const needed = socketCount + SPARE_FILES;
const allowed = openFilesMax();
if (lockCount > socketCount) {
  fail(`--locks must be at most --sockets, got ${lockCount} and ${socketCount}`);
} else if (allowed < needed) {
  fail(
    `${socketCount} sockets need ${needed} open files, ${allowed} are allowed: ulimit -n ${needed}`,
  );
} else {
  const report = await runCrowd({ socketCount, lockCount });
  console.log(linesOf(report).join('\n'));
  const broken = brokenPromises(report);
  for (const promise of broken) fail(promise);
}

function positive(option: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new RangeError(`--${option} must be a positive integer, got "${text}"`);
}

function fail(reason: string): void {
  console.error(`crowd: ${reason}`);
  process.exitCode = 1;
}

/** The limit of this process, which its children inherit. Infinity where the system has none. */
function openFilesMax(): number {
  // Else it looks up the name of every address of the machine.
  Object.assign(process.report, { excludeNetwork: true });
  const { userLimits } = process.report.getReport() as unknown as {
    readonly userLimits?: { readonly open_files?: { readonly soft: number | 'unlimited' } };
  };
  const soft = userLimits?.open_files?.soft ?? 'unlimited';
  return soft === 'unlimited' ? Infinity : soft;
}

function linesOf(report: CrowdReport): string[] {
  const { dropDelay, freeDelay, memoryBytes } = report;
  const count = (figure: number) => figure.toLocaleString('en');
  const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;
  const delay = ({ p99Ms, longestMs }: typeof dropDelay) =>
    `p99 ${p99Ms.toFixed(0)} ms, longest ${longestMs.toFixed(0)} ms`;
  return [
    `${count(report.socketCount)} sockets in one room, ${count(report.lockCount)} of them with a lock`,
    `  connected in                  ${seconds(report.connectedMs)}`,
    `  memory of the service         ${count(Math.round(memoryBytes / 1e6))} MB`,
    `all dropped at once`,
    `  settled after                 ${seconds(report.settledMs)} (promised: 5 s)`,
    `  event-loop delay              ${delay(dropDelay)} (aim: p99 under ${DELAY_MS_AIM} ms)`,
    `  CPU time of the service       ${seconds(report.dropCpuMs)}`,
    `  locks lost in the grace       ${count(report.lockCount - report.fewestLocks)}`,
    `  owners back with their lock   ${report.keptCount} of ${report.returnedCount}`,
    `the grace is over`,
    `  all others free after         ${seconds(report.freedMs)}`,
    `  event-loop delay              ${delay(freeDelay)}`,
  ];
}

function brokenPromises(report: CrowdReport): string[] {
  const { returnedCount, keptCount } = report;
  const promises: [boolean, string][] = [
    [report.settledMs <= SETTLED_MS_MAX, 'it took more than 5 s to settle'],
    [report.fewestLocks === report.lockCount, 'locks were lost within the grace'],
    [returnedCount > 0 && keptCount === returnedCount, 'an owner came back and lost his lock'],
    [report.availableTickets === report.lockCount, 'not all tickets are on sale again'],
    [report.exitCode === 0, `the service ended with ${report.exitCode}`],
  ];
  return promises.filter(([isKept]) => !isKept).map(([, sentence]) => sentence);
}
