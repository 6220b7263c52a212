import { describe, expect } from 'vitest';

import type { Outcome } from '../../ports/ticket-locks.js';
import { CallGenerator } from '../call-generator.js';
import { literalOf } from '../literal.js';
import type { CommandCall, CommandName, LockCall } from '../lock-call.js';
import { lineOf } from '../lock-call.js';
import { Lockstep } from '../lockstep.js';
import { isSame } from '../sameness.js';
import { SeededRandom } from '../seeded-random.js';
import type { BoxOffice, BoxOffices, TicketLocksFeature } from './box-office.js';
import type { Supports } from './support.js';
import { testOf } from './support.js';

/** A policy under which nothing is forgotten, since when that happens is up to the store. */
const POLICIES = [
  { ttlMs: 1_000, lateConfirm: 'if-available', ticketsPerLockMax: 4 },
  { ttlMs: 60_000, lateConfirm: 'reject', locksPerUserMax: 2, extensionsMax: 1 },
  { ttlMs: 5_000, ticketsPerUserPerEventMax: 4, lockAgeMsMax: 7_000, paymentTtlMs: 3_000 },
] as const;

const SEEDS = [1, 2, 3, 4];
const CALL_COUNT = 150;
/** Begins the name of a lock that the run never made: the store may have one of the same name. */
const UNKNOWN = 'unknown lock-';

type Command = (input: unknown) => Promise<Outcome<unknown>>;

/** Gives the store the random commands that an engine and the model agree on. */
export function describeRandomCommands(
  offices: BoxOffices,
  supports: Supports<TicketLocksFeature> | undefined,
): void {
  describe('random commands', () => {
    for (const [index, policy] of POLICIES.entries()) {
      const title = `come out as the reference model says, with policy ${index}`;
      testOf(supports)('equality with the model', title, async () => {
        for (const seed of SEEDS) {
          const office = await offices.open({ expiringNoticeMs: 0, ...policy });
          office.source.remove(1);
          office.source.remove('gala');
          await new Comparison(office, policy, seed).play();
          await office.locks.stop();
        }
      });
    }
  });
}

/** One run of the store beside the engine; ids of its locks are translated there and back. */
class Comparison {
  readonly #office: BoxOffice;
  readonly #lockstep: Lockstep;
  readonly #generator: CallGenerator;
  readonly #seed: number;
  readonly #toStore = new Map<string, string>();
  readonly #fromStore = new Map<string, string>();

  constructor(office: BoxOffice, policy: (typeof POLICIES)[number], seed: number) {
    const startMs = office.clock.nowMs();
    const unlimited = { extensionsMax: Infinity, lockAgeMsMax: Infinity, expiringNoticeMs: 0 };
    this.#office = office;
    this.#seed = seed;
    this.#lockstep = new Lockstep({
      policy: { paymentTtlMs: 120_000, ...unlimited, ...policy },
      sweeping: 'prompt',
      startMs,
    });
    this.#generator = new CallGenerator(new SeededRandom(seed), this.#lockstep);
  }

  async play(): Promise<void> {
    for (let count = 0; count < CALL_COUNT; count += 1) {
      const call = this.#generator.next();
      if (call.kind === 'advance' && Number.isInteger(call.ms)) {
        this.#lockstep.run(call);
        await this.#office.clock.advanceAsync(call.ms);
      } else if (isForStores(call)) await this.#compare(call);
    }
  }

  async #compare(call: CommandCall): Promise<void> {
    const expected = this.#lockstep.run(call);
    const command = this.#office.locks[call.name as 'lock'].bind(this.#office.locks) as Command;
    const toStore = (id: string) => this.#toStore.get(id) ?? id.replace(/^lock-/, UNKNOWN);
    const fromStore = (id: string) => this.#fromStore.get(id) ?? id.replace(UNKNOWN, 'lock-');
    const outcome = await command(translated(call.input, toStore));
    if (outcome.ok && expected?.ok === true) this.#learn(outcome.value, expected.value);
    const actual = translated(withoutChanges(outcome), fromStore);
    const wanted = withoutChanges(expected);
    if (isSame(sorted(call.name, actual), sorted(call.name, wanted))) return;
    const where = `seed ${this.#seed}, call ${this.#lockstep.calls.length}: ${lineOf(call)}`;
    expect.fail(`${where}\nanswers ${literalOf(actual)}\nbut must answer ${literalOf(wanted)}`);
  }

  /** Notes which of the store's new locks is which of the engine's. */
  #learn(actual: unknown, expected: unknown): void {
    for (const [index, own] of lockIdsOf(actual).entries()) {
      const theirs = lockIdsOf(expected)[index];
      if (theirs === undefined || this.#toStore.has(theirs)) continue;
      this.#toStore.set(theirs, own);
      this.#fromStore.set(own, theirs);
    }
  }
}

/** Commands of the port; the others are the store's own business. */
function isForStores(call: LockCall): call is CommandCall {
  if (call.kind !== 'command') return false;
  return !['releaseSession', 'expireDue', 'forgetEnded'].includes(call.name);
}

function lockIdsOf(value: unknown): string[] {
  const { lockId, locks } = value as { lockId?: string; locks?: { lockId: string }[] };
  if (locks !== undefined) return locks.map((lock) => lock.lockId);
  return lockId === undefined ? [] : [lockId];
}

function withoutChanges(outcome: Outcome<unknown> | undefined): unknown {
  if (outcome === undefined) return undefined;
  return outcome.ok ? { ok: true, value: outcome.value } : { ok: false, error: outcome.error };
}

/** In which order an event's locks are released is not promised. */
function sorted(name: CommandName, outcome: unknown): unknown {
  const { value } = outcome as { value?: { lockIds?: string[] } };
  if (name !== 'cancelEvent' || value?.lockIds === undefined) return outcome;
  return { ok: true, value: { ...value, lockIds: value.lockIds.toSorted() } };
}

function translated(value: unknown, idOf: (id: string) => string): unknown {
  if (typeof value === 'string') return idOf(value);
  if (Array.isArray(value)) return value.map((item) => translated(item, idOf));
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).map(([name, field]) => [name, translated(field, idOf)]);
  return Object.fromEntries(fields) as unknown;
}
