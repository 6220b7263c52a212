import { LockEngine } from '@ticket-locks/lock-engine';
import type {
  CommandResult,
  LockChange,
  LockEngineOptions,
  LockPolicy,
} from '@ticket-locks/lock-engine';
import { COMMAND_NAMES, runRandom } from '@ticket-locks/lock-engine/testing';
import type { CommandName } from '@ticket-locks/lock-engine/testing';

/** One command of the engine, the instant at which it ran, and how it came out. */
export interface RecordedCall {
  readonly name: CommandName;
  readonly input: unknown;
  readonly nowMs: number;
  /** Whether a lock was over and not yet expired. */
  readonly hadDue: boolean;
  readonly result: CommandResult<unknown>;
}

/** A random episode, in which the engine did what the reference model does. */
export interface Recording {
  readonly seed: number;
  readonly policy: LockPolicy;
  readonly calls: readonly RecordedCall[];
  /** The engine as it was at the end. */
  readonly engine: LockEngine;
  /** The instant of the end. */
  readonly nowMs: number;
}

/** Plays the episode of a seed and notes every command. */
export function record(seed: number): Recording {
  const calls: RecordedCall[] = [];
  let nowMs = 0;
  let engine: LockEngine | undefined;
  let readNowMs = () => 0;
  const createEngine = (options: LockEngineOptions): LockEngine => {
    // The latest instant that the engine has seen, in a query too, is the one it goes by.
    readNowMs = () => (nowMs = Math.max(nowMs, Math.floor(options.clock.nowMs())));
    const created = new LockEngine({ ...options, clock: { nowMs: readNowMs } });
    for (const name of COMMAND_NAMES) {
      const run = created[name].bind(created) as (input: unknown) => CommandResult<unknown>;
      const noted = (input: unknown) => {
        engine = created;
        const atMs = readNowMs();
        const hadDue = (created.nextExpiryAtMs() ?? Infinity) <= atMs;
        const call = { name, input, nowMs: atMs, hadDue, result: run(input) };
        calls.push(call);
        return call.result;
      };
      Object.assign(created, { [name]: noted });
    }
    return created;
  };
  runRandom({ seed, commandCount: 1, createEngine });
  if (engine === undefined) throw new Error(`the episode of seed ${seed} has no commands`);
  return { seed, policy: engine.policy, calls, engine, nowMs: readNowMs() };
}

/** Where a change belongs, or `undefined` for what is forgotten, which names no event. */
export function eventOf(change: LockChange): string | undefined {
  return 'eventId' in change ? JSON.stringify(change.eventId) : undefined;
}
