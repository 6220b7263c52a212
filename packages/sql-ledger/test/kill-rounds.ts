import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { LocalTicketLocks } from '@ticket-locks/lock-engine';
import type { LockLedger, TicketLock } from '@ticket-locks/lock-engine';

import type { BusyCommand } from './busy-options.js';
import { busyOptions } from './busy-options.js';

const CHILD = fileURLToPath(new URL('./busy-child.ts', import.meta.url));

type Answer = {
  readonly ok: boolean;
  readonly value?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly code: string };
};

export interface Asked {
  readonly command: BusyCommand;
  readonly answer?: Answer;
}

/** What a buyer knows of a lock. */
interface Known {
  readonly status: string;
  readonly quantity: number;
  readonly expiresAtMs: number;
}

export interface KillRoundsOptions {
  readonly folder: string;
  readonly rounds: number;
  readonly openLedger: () => LockLedger;
  /** An integer below the bound, for the instant of each kill. */
  readonly random: (below: number) => number;
}

export interface KillReport {
  readonly rounds: number;
  readonly answers: number;
  readonly unanswered: number;
  /** Commands without an answer that turned out to be recorded. */
  readonly carriedOut: number;
  readonly locks: number;
  readonly problems: readonly string[];
}

/**
 * Kills a busy service again and again, and compares what is in its ledger with what its buyers
 * were told.
 */
export async function killRounds(options: KillRoundsOptions): Promise<KillReport> {
  const audit = new Audit(options.openLedger);
  for (let round = 1; round <= options.rounds; round += 1) {
    const { asked, signal } = await busyRun(options.folder, round, {
      killAfterMs: options.random(120),
    });
    if (signal !== 'SIGKILL') throw new Error(`the service ended by itself in round ${round}`);
    await audit.compare(asked, `round ${round}`);
  }
  return { rounds: options.rounds, ...audit.count, locks: audit.size, problems: audit.problems };
}

export interface BusyRun {
  readonly asked: readonly Asked[];
  /** What the service said when it stopped by itself. */
  readonly failure: string | undefined;
  readonly exitCode: number | null;
  readonly signal: string | null;
}

/**
 * Starts a busy service, lets it work until it is killed or ends, and returns what was asked and
 * told by then.
 */
export async function busyRun(
  folder: string,
  round: number,
  {
    killAfterMs,
    command = [],
  }: { readonly killAfterMs?: number; readonly command?: readonly string[] },
): Promise<BusyRun> {
  const notesFolder = mkdtempSync(join(tmpdir(), 'ticket-locks-notes-'));
  const notes = join(notesFolder, 'notes.jsonl');
  const node = [process.execPath, '--import', 'tsx', CHILD, folder, String(round), notes];
  const [program = '', ...args] = [...command, ...node];
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  if (killAfterMs !== undefined) {
    child.stdout.once('data', () => setTimeout(() => child.kill('SIGKILL'), killAfterMs));
  }
  const [exitCode, signal] = (await exited) as [number | null, string | null];
  const asked = new Map<number, { command: BusyCommand; answer?: Answer }>();
  let failure: string | undefined;
  for (const line of readFileSync(notes, 'utf8').split('\n')) {
    // The last line may be cut off: then it was not told.
    const note = parsed(line);
    if (note?.asked !== undefined) asked.set(note.id, { command: note.asked });
    if (note?.told !== undefined) Object.assign(asked.get(note.id) ?? {}, { answer: note.told });
    failure ??= note?.failure;
  }
  rmSync(notesFolder, { recursive: true });
  return { asked: [...asked.values()], failure, exitCode, signal };
}

/** Knows what buyers were told, over all runs on one ledger, and compares. */
export class Audit {
  readonly problems: string[] = [];
  readonly count = { answers: 0, unanswered: 0, carriedOut: 0 };
  readonly #openLedger: () => LockLedger;
  readonly #known = new Map<string, Known>();

  constructor(openLedger: () => LockLedger) {
    this.#openLedger = openLedger;
  }

  /** How many locks are known. */
  get size(): number {
    return this.#known.size;
  }

  /**
   * Opens the ledger as the next service would, and notes everything that is not as it was told.
   */
  async compare(asked: readonly Asked[], when: string): Promise<void> {
    const known = this.#known;
    const unanswered = learn(known, asked);
    this.count.answers += asked.length - unanswered.length;
    this.count.unanswered += unanswered.length;
    const locks = new LocalTicketLocks({ ...busyOptions(), ledger: this.#openLedger() });
    await locks.start();
    for (const command of unanswered) {
      if (await settle(locks, known, command)) this.count.carriedOut += 1;
    }
    for (const [lockId, expected] of known) {
      const problem = differenceOf(await locks.lockById(lockId), expected);
      if (problem !== undefined) this.problems.push(`${when}, lock ${lockId}: ${problem}`);
    }
    const strangers = await strangersIn(locks, known, asked);
    this.problems.push(...strangers.map((stranger) => `${when}: ${stranger}`));
    await locks.stop();
  }
}

function parsed(line: string) {
  try {
    return JSON.parse(line) as {
      id: number;
      asked?: BusyCommand;
      told?: Answer;
      failure?: string;
    };
  } catch {
    return undefined;
  }
}

/** Takes in what was told; returns what was asked and never answered. */
function learn(known: Map<string, Known>, asked: readonly Asked[]): BusyCommand[] {
  const unanswered: BusyCommand[] = [];
  for (const { command, answer } of asked) {
    if (answer === undefined || answer.error?.code === 'OUTCOME_UNKNOWN') unanswered.push(command);
    else if (answer.ok) carryOut(known, command, answer.value ?? {});
  }
  return unanswered;
}

function carryOut(
  known: Map<string, Known>,
  command: BusyCommand,
  value: Readonly<Record<string, unknown>>,
): void {
  if (command.verb === 'lock') {
    const expiresAtMs = Number(value['expiresAtMs']);
    const { quantity } = command;
    known.set(String(value['lockId']), { status: 'ACTIVE', quantity, expiresAtMs });
    return;
  }
  const before = known.get(command.lockId);
  if (before === undefined) return;
  known.set(command.lockId, after(before, command, Number(value['expiresAtMs'])));
}

function after(before: Known, command: BusyCommand, expiresAtMs: number): Known {
  switch (command.verb) {
    case 'extend':
      return { ...before, expiresAtMs };
    case 'confirm':
      return { ...before, status: 'CONFIRMED' };
    case 'unlock':
      return command.quantity === undefined
        ? { ...before, status: 'RELEASED' }
        : { ...before, quantity: before.quantity - command.quantity };
    case 'lock':
    case 'release':
      return { ...before, status: 'RELEASED' };
  }
}

/**
 * Finds out whether a command without an answer was carried out, and takes it in if so: all of it,
 * or none.
 */
async function settle(
  locks: LocalTicketLocks,
  known: Map<string, Known>,
  command: BusyCommand,
): Promise<boolean> {
  if (command.verb === 'lock') {
    const [lock] = await locks.locksOfUser(command.userId);
    if (lock === undefined || known.has(lock.lockId)) return false;
    // Whoever asks again with the same request id must get this very lock.
    const { verb: _verb, ...again } = command;
    const answer = (await locks.lock(again)) as Answer;
    if (answer.value?.['lockId'] !== lock.lockId) return false;
    carryOut(known, command, answer.value);
    return true;
  }
  const before = known.get(command.lockId);
  const now = await locks.lockById(command.lockId);
  if (before === undefined || now === undefined) return false;
  if (differenceOf(now, before) === undefined) return false;
  known.set(command.lockId, after(before, command, now.expiresAtMs));
  return true;
}

function differenceOf(now: TicketLock | undefined, expected: Known): string | undefined {
  if (now === undefined) return `is lost; told was ${JSON.stringify(expected)}`;
  for (const field of ['status', 'quantity', 'expiresAtMs'] as const) {
    if (now[field] !== expected[field]) {
      return `${field} is ${now[field]}; told was ${expected[field]}`;
    }
  }
  return undefined;
}

/** Active locks of this round's buyers that nobody asked for, and counters that do not add up. */
async function strangersIn(
  locks: LocalTicketLocks,
  known: ReadonlyMap<string, Known>,
  asked: readonly Asked[],
): Promise<string[]> {
  const users = new Set(asked.map(({ command }) => ('userId' in command ? command.userId : -1)));
  const strangers: string[] = [];
  for (const userId of users) {
    for (const { lockId } of await locks.locksOfUser(userId)) {
      if (!known.has(lockId)) strangers.push(`lock ${lockId} was invented`);
    }
  }
  const active = [...known.values()].filter(({ status }) => status === 'ACTIVE');
  const expected = active.reduce((sum, { quantity }) => sum + quantity, 0);
  const availability = await locks.availability(1);
  const categories = availability.ok ? availability.value.categories : [];
  const locked = categories.reduce((sum, category) => sum + category.locked, 0);
  if (locked !== expected) strangers.push(`${locked} tickets are locked, told were ${expected}`);
  return strangers;
}
