// Every instant at which the process could end while an answer is on its way, one after the other:
// what had been told by then must be there after the restart, and nothing that was never asked for.
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { LocalTicketLocks } from '@ticket-locks/lock-engine';
import type { LockChange, LockLedger } from '@ticket-locks/lock-engine';
import { describe, expect, test, vi } from 'vitest';

import { SqliteStore } from '../src/sqlite/sqlite-store.js';
import { countingIds } from './box-office.js';
import { inlineLedger } from './inline-ledger.js';
import { ManualTimers } from './manual-timers.js';
import { tempFolder } from './temp-folder.js';

// Real files and threads, on a machine that may be busy.
vi.setConfig({ testTimeout: 60_000 });

const EVENT = 1;
const CATEGORY = 2;
const CAPACITY = 50;
const buyer = { eventId: EVENT, categoryId: CATEGORY, userId: 7, sessionId: 'session-7' };
const other = { eventId: EVENT, categoryId: CATEGORY, userId: 8, sessionId: 'session-8' };

/** What a client was told, and up to which change that showed the state. */
interface Told {
  readonly answer: unknown;
  readonly seq: number;
}

/** The disk and the clients as they were at one instant. */
interface Instant {
  readonly step: string;
  readonly folder: string;
  readonly told: readonly Told[];
}

class Run {
  readonly timers = new ManualTimers();
  readonly #folder = tempFolder();
  readonly #live = join(this.#folder, 'live');
  readonly #instants: Instant[] = [];
  readonly #told: Told[] = [];
  readonly units: (readonly LockChange[])[] = [];
  readonly locks: LocalTicketLocks;
  #isRecording = false;
  #seq = 0;

  /** `promises: 'early'` answers before the flush, as nobody should: the control of these tests. */
  constructor({ promises = 'kept' }: { readonly promises?: 'kept' | 'early' } = {}) {
    const ledger = inlineLedger({
      store: new SqliteStore({ folder: this.#live, onStep: (step) => this.#onStep(step) }),
      onStep: (step) => this.#onStep(step),
      timers: this.timers,
      // Folds after every write, so that its steps are among those at which the process ends.
      foldAtLatest: 1,
    });
    this.locks = storeOn(this.#spiedOn(ledger, promises), this.timers);
    this.locks.on('change', (change) => this.#tell(change, change.seq));
  }

  /** Notes an answer when it comes, and up to where it showed the state when it was made. */
  async ask<Answer>(question: () => Promise<Answer>): Promise<Answer> {
    const asked = question();
    const seq = this.#seq;
    const answer = await asked;
    this.#tell(answer, seq);
    return answer;
  }

  async record(act: () => Promise<unknown>): Promise<readonly Instant[]> {
    this.#isRecording = true;
    this.#onStep('before everything');
    await act();
    this.#onStep('after everything');
    await this.locks.stop();
    this.#isRecording = false;
    return this.#instants;
  }

  #tell(answer: unknown, seq: number): void {
    if (!this.#isRecording) return;
    this.#told.push({ answer, seq });
    this.#onStep('told');
  }

  #onStep(step: string): void {
    if (!this.#isRecording) return;
    const folder = join(this.#folder, `instant-${this.#instants.length}`);
    mkdirSync(folder);
    // As kill -9 leaves it: what was written is there, flushed or not; the process's own lock and
    // memory are gone.
    cpSync(this.#live, folder, {
      recursive: true,
      filter: (path) => !path.endsWith('-shm') && !path.endsWith('.lock'),
    });
    this.#instants.push({ step, folder, told: [...this.#told] });
  }

  #spiedOn(ledger: LockLedger, promises: 'kept' | 'early'): LockLedger {
    return {
      load: () => ledger.load(),
      close: () => ledger.close(),
      append: (changes) => {
        this.units.push(changes);
        this.#seq = changes.at(-1)?.seq ?? this.#seq;
        const written = ledger.append(changes);
        return promises === 'kept' ? written : Promise.resolve();
      },
    };
  }
}

function storeOn(ledger: LockLedger, timers: ManualTimers, prefix = 'a'): LocalTicketLocks {
  return new LocalTicketLocks({
    source: {
      load: () => Promise.resolve({ categories: [{ categoryId: CATEGORY, capacity: CAPACITY }] }),
    },
    ledger,
    clock: timers,
    timers,
    ids: countingIds(prefix),
    policy: { ttlMs: 60_000, expiringNoticeMs: 5_000 },
  });
}

type Value<Answer> = Answer extends { ok: true; value: infer Given } ? Given : never;

function valueOf<Answer extends { ok: boolean }>(answer: Answer): Value<Answer> {
  expect(answer).toMatchObject({ ok: true });
  return (answer as unknown as { value: Value<Answer> }).value;
}

interface Story {
  readonly name: string;
  readonly before?: (run: Run) => Promise<string>;
  readonly act: (run: Run, lockId: string) => Promise<unknown>;
}

const locked = async (run: Run) =>
  valueOf(await run.locks.lock({ ...buyer, quantity: 4, requestId: 'first' })).lockId;

const confirmed = async (run: Run) => {
  const lockId = await locked(run);
  valueOf(await run.locks.confirm({ lockId, orderId: 99 }));
  return lockId;
};

const lockAnew = (run: Run, requestId = 'second') =>
  run.ask(() => run.locks.lock({ ...buyer, quantity: 3, requestId }));

const STORIES: readonly Story[] = [
  { name: 'lock', act: (run) => lockAnew(run) },
  {
    name: 'unlock some',
    before: locked,
    act: (run, lockId) => run.ask(() => run.locks.unlock({ lockId, quantity: 1, requestId: 'u' })),
  },
  {
    name: 'unlock all',
    before: locked,
    act: (run, lockId) => run.ask(() => run.locks.unlock({ lockId, requestId: 'u' })),
  },
  {
    name: 'extend',
    before: async (run) => {
      const lockId = await locked(run);
      run.timers.advance(10_000);
      return lockId;
    },
    act: (run, lockId) => run.ask(() => run.locks.extend({ lockId, requestId: 'e' })),
  },
  {
    name: 'begin payment',
    before: locked,
    act: (run, lockId) => run.ask(() => run.locks.beginPayment({ lockId, orderId: 99 })),
  },
  {
    name: 'confirm',
    before: locked,
    act: (run, lockId) => run.ask(() => run.locks.confirm({ lockId, orderId: 99 })),
  },
  {
    name: 'release',
    before: locked,
    act: (run, lockId) => run.ask(() => run.locks.release({ lockId })),
  },
  {
    name: 'return',
    before: confirmed,
    act: (run, lockId) => run.ask(() => run.locks.release({ lockId, orderId: 99 })),
  },
  {
    name: 'expire',
    before: locked,
    act: async (run, lockId) => {
      run.timers.advance(60_000);
      await run.ask(() => run.locks.lockById(lockId));
    },
  },
  {
    name: 'settle',
    before: confirmed,
    act: (run, lockId) =>
      run.ask(() =>
        run.locks.setInventory({
          eventId: EVENT,
          categories: [{ categoryId: CATEGORY, capacity: CAPACITY, soldElsewhere: 4 }],
          completed: [{ orderId: 99, categoryId: CATEGORY, quantity: 4, userId: 7, lockId }],
        }),
      ),
  },
  {
    name: 'goodbye',
    before: locked,
    act: async (run) => {
      const session = valueOf(await run.locks.openSession({ userId: 9 }));
      const { sessionId } = session;
      await run.ask(() => run.locks.lock({ ...other, userId: 9, sessionId, quantity: 1 }));
      await run.ask(() => run.locks.leaveSession({ sessionId, how: 'goodbye' }));
    },
  },
  {
    name: 'a repeat while the first is on its way',
    act: (run) => Promise.all([lockAnew(run), lockAnew(run)]),
  },
  {
    name: 'DUPLICATE_LOCK while the first is on its way',
    act: (run) => Promise.all([lockAnew(run), lockAnew(run, 'third')]),
  },
  {
    name: 'a query while a confirm is on its way',
    before: locked,
    act: (run, lockId) =>
      Promise.all([
        run.ask(() => run.locks.confirm({ lockId, orderId: 99 })),
        run.ask(() => run.locks.lockById(lockId)),
        run.ask(() => run.locks.locksOfUser(7)),
        run.ask(() => run.locks.stats()),
      ]),
  },
  {
    name: 'availability while a lock is on its way',
    act: (run) => Promise.all([lockAnew(run), run.ask(() => run.locks.availability(EVENT))]),
  },
  {
    name: 'a refusal for want of tickets while the others are on their way',
    act: async (run) => {
      const all = Array.from({ length: 5 }, (_, index) => ({ ...other, userId: 20 + index }));
      await Promise.all(all.map((who) => run.ask(() => run.locks.lock({ ...who, quantity: 10 }))));
      await Promise.all([
        run.ask(() => run.locks.release({ lockId: 'lock-a-2' })),
        lockAnew(run),
        run.ask(() => run.locks.lock({ ...other, quantity: 9 })),
      ]);
    },
  },
];

describe('the process ends at any instant', () => {
  const points = new Map<string, number>();

  test.each(STORIES)('$name', async (story) => {
    const { run, instants } = await told(story);
    for (const instant of instants) await expectNothingLost(run, instant);
    points.set(story.name, instants.length);
    // Before and after every write, the fold's too, and around every answer.
    const steps = new Set(instants.map(({ step }) => step));
    expect([...steps]).toEqual(
      expect.arrayContaining(['request', 'write: begin', 'write: inserted', 'write: committed']),
    );
    expect([...steps]).toEqual(
      expect.arrayContaining(['write: marked', 'reply', 'answered', 'told', 'fold: committed']),
    );
  });

  test('control: answers that leave too early are found out', async () => {
    const [lock] = STORIES;
    const { run, instants } = await told(lock as Story, new Run({ promises: 'early' }));
    const verdicts = await Promise.allSettled(
      instants.map((instant) => expectNothingLost(run, instant)),
    );
    expect(verdicts.some(({ status }) => status === 'rejected')).toBe(true);
  });

  test('so many instants were tried', () => {
    const total = [...points.values()].reduce((sum, count) => sum + count, 0);
    expect(points.size).toBe(STORIES.length);
    expect(total).toBeGreaterThan(250);
  });
});

async function told({ before, act }: Story, run = new Run()) {
  await run.locks.start();
  valueOf(await run.locks.availability(EVENT));
  const lockId = (await before?.(run)) ?? '';
  return { run, instants: await run.record(() => act(run, lockId)) };
}

async function expectNothingLost(run: Run, { step, folder, told: answers }: Instant) {
  const contents = inlineLedger({ store: new SqliteStore({ folder }) });
  const { snapshot, changes } = await contents.load();
  await contents.close();
  const recoveredSeq = changes.at(-1)?.seq ?? snapshot?.seq ?? 0;

  // Nothing lost: all that any answer showed is there.
  const shownSeq = Math.max(0, ...answers.map(({ seq }) => seq));
  expect(recoveredSeq, `told at "${step}"`).toBeGreaterThanOrEqual(shownSeq);

  // Nothing invented: what is there was asked for, command by command, each whole.
  const ends = new Set([0, ...run.units.map((unit) => unit.at(-1)?.seq)]);
  expect(ends, `recovered at "${step}"`).toContain(recoveredSeq);
  const asked = new Map(run.units.flat().map((change) => [change.seq, change]));
  for (const change of changes) expect(change).toEqual(asked.get(change.seq));

  // And the restarted service says of every lock what its owner was told.
  const timers = new ManualTimers(run.timers.nowMs());
  const ledger = inlineLedger({ store: new SqliteStore({ folder }), timers });
  const locks = storeOn(ledger, timers, 'b');
  await locks.start();
  for (const { answer } of answers) await expectStillTrue(locks, answer);
  await locks.stop();
}

async function expectStillTrue(locks: LocalTicketLocks, answer: unknown): Promise<void> {
  const { ok, value } = (answer ?? {}) as { ok?: boolean; value?: Record<string, unknown> };
  const lockId = ok === true ? value?.['lockId'] : undefined;
  if (typeof lockId !== 'string') return;
  const now = await locks.lockById(lockId);
  const { expiresAtMs, status, remaining } = value ?? {};
  const expected =
    status === 'CONFIRMED' ? ['CONFIRMED', 'RELEASED'] : ['ACTIVE', 'CONFIRMED', 'RELEASED'];
  expect(expected, `lock ${lockId}`).toContain(now?.status);
  if (status === 'RELEASED' || remaining === 0) expect(now?.status).toBe('RELEASED');
  if (expiresAtMs !== undefined && now?.status === 'ACTIVE') {
    expect(now.expiresAtMs).toBeGreaterThanOrEqual(Number(expiresAtMs));
  }
}
