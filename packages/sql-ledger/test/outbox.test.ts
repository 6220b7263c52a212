import type { LockChange, OutboxReader } from '@ticket-locks/lock-engine';
import { expect, test, vi } from 'vitest';

import { SqliteStore } from '../src/sqlite/sqlite-store.js';
import type { LedgerHostOptions } from '../src/thread/ledger-host.js';
import { BoxOffice } from './box-office.js';
import { inlineLedger } from './inline-ledger.js';
import { ManualTimers } from './manual-timers.js';
import { tempFolder } from './temp-folder.js';

// Real files and threads, on a machine that may be busy.
vi.setConfig({ testTimeout: 60_000 });

const folder = () => tempFolder();

const READER: OutboxReader = { onMore: () => undefined, onRevoked: () => undefined };

/** A ledger that forgets whatever it may, as soon as nobody waits. */
class Forgetful {
  readonly timers = new ManualTimers();
  readonly warnings: string[] = [];
  readonly store: SqliteStore;
  readonly ledger;
  readonly #office: BoxOffice;
  readonly changes: LockChange[] = [];

  constructor(path: string, options: Partial<LedgerHostOptions> = {}, office = new BoxOffice(3)) {
    this.#office = office;
    this.store = new SqliteStore({ folder: path });
    this.ledger = inlineLedger({
      store: this.store,
      timers: this.timers,
      historyMs: 0,
      foldAfter: 1,
      onWarning: (message) => this.warnings.push(message),
      ...options,
    });
  }

  /** Appends so many commands, and lets the ledger tidy up until nothing is left to do. */
  async work(commandCount: number): Promise<void> {
    for (let count = 0; count < commandCount; count += 1) {
      const changes = this.#office.act();
      this.changes.push(...changes);
      await this.ledger.append(changes);
    }
    for (let moment = 0; moment < 40; moment += 1) {
      this.timers.advance(20);
      await new Promise(setImmediate);
    }
  }

  /** What the record keeps for a publisher that begins now. */
  async kept(): Promise<readonly LockChange[]> {
    await this.ledger.attach(READER);
    const entries = await this.ledger.read(1_000_000);
    return entries.map(({ change }) => change);
  }

  get lastSeq(): number {
    return this.changes.at(-1)?.seq ?? 0;
  }
}

/** The oldest change that the record still has. */
function firstSeqIn(store: SqliteStore): number | undefined {
  for (const blocks of store.blocksAfter(0)) {
    for (const { firstSeq } of blocks) return firstSeq;
  }
  return undefined;
}

test('what was not published is kept, however short the history, and no longer than that', async () => {
  const run = new Forgetful(folder(), { outbox: true });
  await run.ledger.load();
  await run.work(300);
  expect(await run.kept()).toEqual(run.changes);

  const halfSeq = Math.floor(run.lastSeq / 2);
  run.ledger.markPublished(String(halfSeq));
  await run.ledger.detach();
  await run.work(300);
  expect(await run.kept()).toEqual(run.changes.slice(halfSeq));
  expect(firstSeqIn(run.store)).toBeGreaterThan(1);
  await run.ledger.close();
});

test('control: without a publisher the same record is forgotten', async () => {
  const run = new Forgetful(folder());
  await run.ledger.load();
  await expect(run.ledger.attach(READER)).rejects.toThrow(/made with the option "outbox"/);
  await run.work(300);
  expect(firstSeqIn(run.store)).toBeGreaterThan(run.changes.length / 2);
  await run.ledger.close();
});

test('beyond the bound the oldest are given up, which is said', async () => {
  const run = new Forgetful(folder(), { outbox: true, unpublishedMax: 100 });
  await run.ledger.load();
  await run.work(400);
  const kept = await run.kept();
  expect(kept[0]?.seq).toBeGreaterThan(1);
  expect(kept.length).toBeGreaterThanOrEqual(100);
  expect(kept).toEqual(run.changes.slice(-kept.length));
  expect(run.ledger.outboxStats().dropped).toBe(run.changes.length - kept.length);
  expect(run.warnings).toEqual([expect.stringContaining('too many changes wait')]);
  await run.ledger.close();
});

test('a publisher that is new to a record begins with what comes from then on', async () => {
  const path = folder();
  const office = new BoxOffice(3);
  const before = new Forgetful(path, {}, office);
  await before.ledger.load();
  await before.work(50);
  await before.ledger.close();

  const after = new Forgetful(path, { outbox: true }, office);
  await after.ledger.load();
  await after.work(10);
  expect(await after.kept()).toEqual(after.changes);
  await after.ledger.close();
});

test('a mark is written in a quiet moment, and under load when many changes have passed', async () => {
  const path = folder();
  const store = new SqliteStore({ folder: path });
  const marks = vi.spyOn(store, 'markPublished');
  const timers = new ManualTimers();
  const ledger = inlineLedger({ store, timers, outbox: true });
  await ledger.load();
  marks.mockClear();
  const office = new BoxOffice(3);
  let seq = 0;
  for (let count = 0; count < 4000 && seq < 2500; count += 1) {
    const changes = office.act();
    await ledger.append(changes);
    seq = changes.at(-1)?.seq ?? seq;
    ledger.markPublished(String(seq));
    await new Promise(setImmediate);
  }
  // The clock stands: there was no quiet moment.
  expect(marks.mock.calls.length).toBeGreaterThan(0);
  expect(marks.mock.calls.length).toBeLessThan(4);
  timers.advance(20);
  await vi.waitUntil(() => marks.mock.calls.at(-1)?.[0] === seq);
  await ledger.close();
});
