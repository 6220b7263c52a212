// A lock between processes: whoever draws the lowest number goes first.
//
// Each process owns exactly one file, whose name carries its number and who it is. Nobody ever
// takes over the file of another, so nothing can go wrong between "its owner is dead" and "now it
// is mine", and a process that was killed (even with -9) is skipped. (Lamport's bakery algorithm.)
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const POLL_INTERVAL_MS = 100;
/** The number of somebody who still draws one: it could turn out lower than ours, so we wait. */
const DRAWING = 0;

/**
 * Runs `action` while no other process runs one under the same directory. Calls `onWait` again and
 * again until it is our turn; it may throw to give up.
 */
export async function withQueueLock(directory, action, onWait = () => {}) {
  mkdirSync(directory, { recursive: true });
  const me = `${process.pid}-${birthOf(process.pid)}`;
  const drawing = join(directory, `${DRAWING}.${me}`);
  writeFileSync(drawing, '');
  const number = 1 + Math.max(DRAWING, ...tickets(directory).map((ticket) => ticket.number));
  const ticket = join(directory, `${number}.${me}`);
  writeFileSync(ticket, '');
  rmSync(drawing);

  const release = () => rmSync(ticket, { force: true });
  process.once('exit', release);
  try {
    while (tickets(directory).some((other) => isAhead(other, { number, owner: me }))) {
      onWait();
      await pause(POLL_INTERVAL_MS);
    }
    return await action();
  } finally {
    release();
    process.off('exit', release);
  }
}

/** The tickets of living processes; those of dead ones are swept away. */
function tickets(directory) {
  return readdirSync(directory).flatMap((name) => {
    const [number, owner] = name.split('.');
    const [pid, birth] = owner.split('-');
    if (isAlive(Number(pid), birth)) return [{ number: Number(number), owner }];
    rmSync(join(directory, name), { force: true });
    return [];
  });
}

function isAhead(other, mine) {
  if (other.owner === mine.owner) return false;
  return other.number < mine.number || (other.number === mine.number && other.owner < mine.owner);
}

function isAlive(pid, birth) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (error.code === 'ESRCH') return false;
  }
  return birthOf(pid) === birth;
}

/**
 * When a process was born, so that a pid used again is not mistaken for it; `0` without /proc.
 * A zombie (killed, but its parent has not looked yet) was never born.
 */
function birthOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? 'zombie' : fields[19];
  } catch {
    return '0';
  }
}
