import { afterEach, describe, expect, test, vi } from 'vitest';

import type { LockChange } from '../../engine/lock-change.js';
import type { ChangeOutbox, OutboxEntry } from '../../ports/change-outbox.js';
import { recordedCalls } from '../recorded-calls.js';
import type { LedgerUnderTest } from './lock-ledger-contract.js';
import type { Supports } from './support.js';
import { testOf } from './support.js';

/** What an outbox's contract needs of it. */
export interface OutboxUnderTest {
  /** Ready to be attached to. */
  readonly outbox: ChangeOutbox;
  /** Makes so many changes durable, or a few more; those of one lock among them in their order. */
  readonly make: (count: number) => Promise<readonly LockChange[]>;
  /** Stops the publisher's process in good order, and begins another on the same record. */
  readonly restart: () => Promise<OutboxUnderTest>;
  /** Ends the publisher's process as `kill -9` would, and begins another on the same record. */
  readonly crash?: () => Promise<OutboxUnderTest>;
  /** Lets go of everything. */
  readonly dispose?: () => void | Promise<void>;
}

export type OutboxFeature =
  /** `crash` can be tried. */
  'crash';

export interface ChangeOutboxContract {
  /** Names the implementation in the titles. */
  readonly name: string;
  /** An outbox on a record of its own that is empty. */
  readonly create: () => OutboxUnderTest | Promise<OutboxUnderTest>;
  readonly supports?: Supports<OutboxFeature>;
}

/** An instance that died keeps its turn for a while. */
const TURN_MS = 10_000;
const PAGE = 7;

/** Every implementation of `ChangeOutbox` passes these tests. */
export function describeChangeOutboxContract(contract: ChangeOutboxContract): void {
  const testFeature = testOf(contract.supports);
  let disposals: (() => void | Promise<void>)[] = [];

  async function create(): Promise<OutboxUnderTest> {
    const made = await contract.create();
    if (made.dispose !== undefined) disposals.push(() => made.dispose?.());
    return made;
  }

  afterEach(async () => {
    for (const dispose of disposals) await dispose();
    disposals = [];
  });

  describe(`${contract.name} keeps the contract of ChangeOutbox`, () => {
    test('it gives every durable change once, in order per lock, in pages', async () => {
      const { outbox, make } = await create();
      const changes = await make(40);
      await attached(outbox);
      const entries = await readAtLeast(outbox, changes.length);
      expectSame(entries, changes);
      expect(await outbox.read(PAGE)).toEqual([]);
      await outbox.detach();
    });

    test('it tells its reader of what comes, and gives that, too', async () => {
      const { outbox, make } = await create();
      const onMore = await attached(outbox);
      await readAtLeast(outbox, 0);
      onMore.mockClear();
      const changes = [...(await make(3)), ...(await make(20))];
      await vi.waitUntil(() => onMore.mock.calls.length > 0, { timeout: TURN_MS });
      expectSame(await readAtLeast(outbox, changes.length), changes);
      await outbox.detach();
    });

    test('what was read and not marked is given again, with the same ids', async () => {
      const { outbox, make, restart } = await create();
      await attached(outbox);
      const { length } = await make(20);
      const first = await readAtLeast(outbox, length);
      await outbox.detach();
      const next = await restart();
      await attached(next.outbox);
      expect(idsOf(await readAtLeast(next.outbox, length)).toSorted()).toEqual(
        idsOf(first).toSorted(),
      );
      await next.outbox.detach();
    });

    test('a mark outlives its process, and never goes back', async () => {
      const { outbox, make, restart } = await create();
      await attached(outbox);
      const { length } = await make(20);
      const entries = await readAtLeast(outbox, length);
      for (const { position } of entries.slice(0, 12)) outbox.markPublished(position);
      outbox.markPublished(positionOf(entries, 4));
      await outbox.detach();
      const second = await restart();
      await attached(second.outbox);
      const rest = await readAtLeast(second.outbox, length - 12);
      expect(idsOf(rest).toSorted()).toEqual(idsOf(entries.slice(12)).toSorted());
      for (const { position } of rest) second.outbox.markPublished(position);
      second.outbox.markPublished(positionOf(rest, 0));
      await second.outbox.detach();
      const third = await second.restart();
      await attached(third.outbox);
      const { length: moreCount } = await third.make(1);
      const more = await readAtLeast(third.outbox, moreCount);
      const known = new Set(idsOf(entries));
      expect(more.filter(({ id }) => known.has(id))).toEqual([]);
      await third.outbox.detach();
    });

    testFeature('crash', 'a crash leaves a mark that was set, or an older one', async () => {
      const { outbox, make, crash, restart } = await create();
      await attached(outbox);
      const { length } = await make(20);
      const entries = await readAtLeast(outbox, length);
      for (const { position } of entries.slice(0, 9)) outbox.markPublished(position);
      const next = await (crash ?? restart)();
      await attached(next.outbox);
      const again = idsOf(await readAtLeast(next.outbox, length - 9));
      expect(idsOf(entries.slice(9)).filter((id) => !again.includes(id))).toEqual([]);
      expect(again.filter((id) => !idsOf(entries).includes(id))).toEqual([]);
      await next.outbox.detach();
    });

    test('whoever is not attached is given nothing', async () => {
      const { outbox, make } = await create();
      await make(5);
      expect(await outbox.read(PAGE)).toEqual([]);
      expect(outbox.outboxStats().isPublisher).toBe(false);
      await attached(outbox);
      await readAtLeast(outbox, 5);
      expect(outbox.outboxStats()).toEqual({ unread: 0, dropped: 0, isPublisher: true });
      await outbox.detach();
      await make(5);
      expect(await outbox.read(PAGE)).toEqual([]);
      expect(outbox.outboxStats().isPublisher).toBe(false);
    });

    test('the ids of two records have nothing in common', async () => {
      const ids: string[] = [];
      for (let record = 0; record < 2; record += 1) {
        const { outbox, make } = await create();
        const { length } = await make(10);
        await attached(outbox);
        ids.push(...idsOf(await readAtLeast(outbox, length)));
        await outbox.detach();
      }
      expect(new Set(ids).size).toBe(ids.length);
    });
  });
}

/** The outbox of a ledger, for its contract. The changes are those of a recorded run. */
export function ledgerOutbox(made: LedgerUnderTest): Promise<OutboxUnderTest> {
  return opened(made, recordedCalls().values());
}

async function opened(
  made: LedgerUnderTest,
  calls: IterableIterator<readonly LockChange[]>,
): Promise<OutboxUnderTest> {
  const { ledger } = made;
  await ledger.load();
  const reopened = async () => opened({ ...made, ledger: await made.reopen() }, calls);
  return {
    outbox: ledger,
    make: async (count) => {
      const changes: LockChange[] = [];
      while (changes.length < count) {
        const next = calls.next();
        if (next.done === true) throw new RangeError('the recorded run has no more changes');
        await ledger.append(next.value);
        changes.push(...next.value);
      }
      return changes;
    },
    restart: async () => {
      await ledger.close();
      return reopened();
    },
    ...(made.crash !== undefined && {
      crash: async () => {
        await made.crash?.();
        return reopened();
      },
    }),
    ...(made.dispose !== undefined && { dispose: () => made.dispose?.() }),
  };
}

/** Resolves to what is called whenever there is more. */
async function attached(outbox: ChangeOutbox) {
  const onMore = vi.fn<() => void>();
  await outbox.attach({ onMore, onRevoked: () => undefined });
  await vi.waitUntil(() => outbox.outboxStats().isPublisher, { timeout: TURN_MS });
  return onMore;
}

/** Reads until so many are there and nothing more comes. */
async function readAtLeast(outbox: ChangeOutbox, count: number): Promise<OutboxEntry[]> {
  const entries: OutboxEntry[] = [];
  await vi.waitUntil(
    async () => {
      const page = await outbox.read(PAGE);
      expect(page.length).toBeLessThanOrEqual(PAGE);
      entries.push(...page);
      return page.length === 0 && entries.length >= count;
    },
    { timeout: TURN_MS, interval: 1 },
  );
  return entries;
}

function expectSame(entries: readonly OutboxEntry[], changes: readonly LockChange[]): void {
  expect(new Set(idsOf(entries)).size).toBe(entries.length);
  expect(entries).toHaveLength(changes.length);
  expect(byLock(entries.map(({ change }) => change))).toEqual(byLock(changes));
}

function positionOf(entries: readonly OutboxEntry[], index: number): string {
  const position = entries[index]?.position;
  if (position === undefined) throw new RangeError(`there is no entry ${index}`);
  return position;
}

function idsOf(entries: readonly OutboxEntry[]): string[] {
  return entries.map(({ id }) => id);
}

/** The changes of each lock in their order; the others by their event, where they have one. */
function byLock(changes: readonly LockChange[]): Map<string, LockChange[]> {
  const groups = new Map<string, LockChange[]>();
  for (const change of changes) {
    const eventId = 'eventId' in change ? change.eventId : '';
    const key = 'lockId' in change ? change.lockId : `event ${eventId}`;
    groups.set(key, [...(groups.get(key) ?? []), change]);
  }
  return groups;
}
