import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** What the process has used of the processors so far, all its threads, in microseconds. */
export function cpuUsOf({ pid }: ChildProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  // User and system time, in hundredths of a second.
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}
