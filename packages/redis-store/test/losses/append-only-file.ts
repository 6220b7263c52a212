import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';

/** Where a server keeps it, inside its folder. */
export const APPEND_ONLY_FOLDER = 'appendonlydir';
const CHECKER = process.env['REDIS_CHECK_AOF'] ?? 'redis-check-aof';

/** The newest file that commands are appended to. */
function newestIn(folder: string): string {
  const files = readdirSync(join(folder, APPEND_ONLY_FOLDER))
    .map((name) => ({ name, number: Number(/\.(\d+)\.incr\.aof$/.exec(name)?.[1] ?? -1) }))
    .filter(({ number }) => number >= 0)
    .sort((a, b) => b.number - a.number);
  const [newest] = files;
  if (newest === undefined) throw new Error('the server has no append-only file');
  return join(folder, APPEND_ONLY_FOLDER, newest.name);
}

/** Cuts bytes off the end of the newest file of a server that is down; answers how many. */
export function cutBytes(folder: string, byteCount: number): number {
  const path = newestIn(folder);
  const { length } = readFileSync(path);
  const cut = Math.min(byteCount, length);
  truncateSync(path, length - cut);
  return cut;
}

/** Cuts whole commands off the end; answers how many bytes that were. */
export function cutCommands(folder: string, commandCount: number): number {
  const path = newestIn(folder);
  const bytes = readFileSync(path);
  const ends = commandEnds(bytes);
  const end = ends.at(-1 - commandCount) ?? 0;
  truncateSync(path, end);
  return bytes.length - end;
}

/** Lets Redis's own tool mend the end of the file. */
export async function mendEnd(folder: string): Promise<void> {
  const child = spawn(CHECKER, ['--fix', newestIn(folder)], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.stdin.end('y\n');
  const [exitCode] = (await once(child, 'exit')) as [number | null];
  if (exitCode !== 0) throw new Error(`${CHECKER} ended with ${exitCode}`);
}

/** The offset after each whole command: arrays of texts in the protocol of Redis. */
function commandEnds(bytes: Buffer): number[] {
  const ends: number[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = commandEnd(bytes, at);
    if (end === undefined || end > bytes.length) return ends;
    ends.push(end);
    at = end;
  }
  return ends;
}

function commandEnd(bytes: Buffer, start: number): number | undefined {
  let { value: count, next } = numberAt(bytes, start) ?? { value: -1, next: 0 };
  if (count < 0) return undefined;
  for (; count > 0; count -= 1) {
    const size = numberAt(bytes, next);
    if (size === undefined) return undefined;
    next = size.next + size.value + 2;
  }
  return next;
}

/** The number of a line such as `*3` or `$5`, and where the next line begins. */
function numberAt(bytes: Buffer, start: number): { value: number; next: number } | undefined {
  const end = bytes.indexOf('\r\n', start);
  if (end < 0) return undefined;
  return { value: Number(bytes.toString('latin1', start + 1, end)), next: end + 2 };
}
