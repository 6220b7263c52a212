import { afterEach, describe, expect, test } from 'vitest';

import type { LockChange } from '../../engine/lock-change.js';
import { LockEngine } from '../../engine/lock-engine.js';
import type { LockSnapshot } from '../../engine/lock-snapshot.js';
import type { ChangeOutbox } from '../../ports/change-outbox.js';
import type { LedgerContents, LockLedger } from '../../ports/lock-ledger.js';
import { recordedCalls } from '../recorded-calls.js';
import type { Supports } from './support.js';
import { testOf } from './support.js';

/** A ledger that also keeps what a publisher has not told yet, as each of ours can. */
export type PublishedLedger = LockLedger & ChangeOutbox;

/** What a ledger's contract needs of it. */
export interface LedgerUnderTest {
  /** A ledger that was not loaded yet, on a record of its own that is empty. */
  readonly ledger: PublishedLedger;
  /** Another ledger on the same record, not loaded yet: that of the process after this one. */
  readonly reopen: () => PublishedLedger | Promise<PublishedLedger>;
  /** Ends the newest ledger as `kill -9` would: nothing that it has begun goes on. */
  readonly crash?: () => void | Promise<void>;
  /** From now on nothing can be written: the next `append` fails. */
  readonly breakDisk?: () => void | Promise<void>;
  /** Lets go of everything, whatever a test left open. */
  readonly dispose?: () => void | Promise<void>;
}

export type LedgerFeature =
  /** `crash` can be tried. */
  | 'crash'
  /** `breakDisk` can be tried. */
  | 'failing disk'
  /** A record that is open is not opened a second time. */
  | 'one owner';

export interface LockLedgerContract {
  /** Names the implementation in the titles. */
  readonly name: string;
  readonly create: () => LedgerUnderTest | Promise<LedgerUnderTest>;
  readonly supports?: Supports<LedgerFeature>;
}

/** Every implementation of `LockLedger` passes these tests. */
export function describeLockLedgerContract({ name, create, supports }: LockLedgerContract): void {
  const testFeature = testOf(supports);
  let disposals: (() => void | Promise<void>)[] = [];

  async function open(): Promise<LedgerUnderTest & { contents: LedgerContents }> {
    const made = await create();
    if (made.dispose !== undefined) disposals.push(() => made.dispose?.());
    return Object.assign(made, { contents: await made.ledger.load() });
  }

  async function reopened(made: LedgerUnderTest): Promise<[PublishedLedger, LedgerContents]> {
    const ledger = await made.reopen();
    return [ledger, await ledger.load()];
  }

  afterEach(async () => {
    for (const dispose of disposals) await dispose();
    disposals = [];
  });

  describe(`${name} keeps the contract of LockLedger`, () => {
    test('a new record is empty and has a key of its own', async () => {
      const one = await open();
      const other = await open();
      expect(stateOf(one.contents)).toEqual(stateOf(EMPTY));
      expect(one.contents.tokenKey.length).toBeGreaterThan(0);
      expect(one.contents.tokenKey).not.toBe(other.contents.tokenKey);
      await one.ledger.close();
      await other.ledger.close();
    });

    test('what was appended is there after reopening, in order, with the same key', async () => {
      const made = await open();
      const calls = recordedCalls();
      for (const changes of calls) await made.ledger.append(changes);
      await made.ledger.close();
      const [ledger, contents] = await reopened(made);
      expect(contents.tokenKey).toBe(made.contents.tokenKey);
      expectToHold(contents, calls);
      await ledger.close();
    });

    test('calls may overlap: they become durable in their order', async () => {
      const made = await open();
      const calls = recordedCalls();
      const durable: number[] = [];
      await Promise.all(
        calls.map(async (changes, index) => {
          await made.ledger.append(changes);
          durable.push(index);
        }),
      );
      expect(durable).toEqual(calls.map((_changes, index) => index));
      await made.ledger.close();
      const [ledger, contents] = await reopened(made);
      expectToHold(contents, calls);
      await ledger.close();
    });

    test('appending goes on after reopening', async () => {
      const made = await open();
      const calls = recordedCalls();
      const half = Math.floor(calls.length / 2);
      for (const changes of calls.slice(0, half)) await made.ledger.append(changes);
      await made.ledger.close();
      const [second] = await reopened(made);
      for (const changes of calls.slice(half)) await second.append(changes);
      await second.close();
      const [third, contents] = await reopened(made);
      expectToHold(contents, calls);
      await third.close();
    });

    test('takes the changes as they are at the call', async () => {
      const made = await open();
      const calls = recordedCalls();
      const given = calls.map((changes) => [...changes]);
      const appended = given.map((changes) => made.ledger.append(changes));
      for (const changes of given) changes.length = 0;
      await Promise.all(appended);
      await made.ledger.close();
      const [ledger, contents] = await reopened(made);
      expectToHold(contents, calls);
      await ledger.close();
    });

    test('close waits for what was appended', async () => {
      const made = await open();
      const calls = recordedCalls();
      const appended = Promise.all(calls.map((changes) => made.ledger.append(changes)));
      await made.ledger.close();
      await appended;
      const [ledger, contents] = await reopened(made);
      expectToHold(contents, calls);
      await ledger.close();
    });

    test('a closed ledger takes nothing more', async () => {
      const made = await open();
      const [first = []] = recordedCalls();
      await made.ledger.close();
      await expect(made.ledger.append(first)).rejects.toBeInstanceOf(Error);
      const [ledger, contents] = await reopened(made);
      expectToHold(contents, []);
      await ledger.close();
    });

    testFeature('one owner', 'an open record is not opened a second time', async () => {
      const made = await open();
      const [first = []] = recordedCalls();
      const intruder = await made.reopen();
      await expect(intruder.load()).rejects.toBeInstanceOf(Error);
      await made.ledger.append(first);
      await made.ledger.close();
      const [ledger, contents] = await reopened(made);
      expectToHold(contents, [first]);
      await ledger.close();
    });

    testFeature(
      'crash',
      'a crash loses nothing that was durable, and no call in part',
      async () => {
        const calls = recordedCalls();
        for (const awaited of [0, 1, 2, 7, calls.length]) {
          const made = await open();
          for (const changes of calls.slice(0, awaited)) await made.ledger.append(changes);
          const begun = calls.slice(awaited).map((changes) => made.ledger.append(changes));
          for (const append of begun) append.catch(() => undefined);
          await made.crash?.();
          const [ledger, contents] = await reopened(made);
          expectToHoldPart(contents, calls, awaited);
          await ledger.close();
        }
      },
    );

    testFeature('failing disk', 'after a failed append nothing more is taken', async () => {
      const made = await open();
      const calls = recordedCalls();
      const before = calls.slice(0, 5);
      for (const changes of before) await made.ledger.append(changes);
      await made.breakDisk?.();
      const overlapping = calls.slice(5, 8).map((changes) => made.ledger.append(changes));
      const outcomes = await Promise.allSettled(overlapping);
      expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
      await expect(made.ledger.append(calls[8] ?? [])).rejects.toBeInstanceOf(Error);
      await made.ledger.close().catch(() => undefined);
      const [ledger, contents] = await reopened(made);
      expectToHoldPart(contents, calls, before.length);
      await ledger.close();
    });

    test('an outbox that is not open tells nothing', async () => {
      const made = await create();
      if (made.dispose !== undefined) disposals.push(() => made.dispose?.());
      const reader = { onMore: () => undefined, onRevoked: () => undefined };
      await expect(made.ledger.attach(reader)).rejects.toBeInstanceOf(Error);
      await made.ledger.load();
      await made.ledger.close();
      await expect(made.ledger.attach(reader)).rejects.toBeInstanceOf(Error);
      await expect(made.ledger.read(1)).rejects.toBeInstanceOf(Error);
    });
  });
}

const EMPTY: LedgerContents = { snapshot: undefined, changes: [], tokenKey: '' };

/** The record, however it is folded, gives the state that the calls made. */
function expectToHold(contents: LedgerContents, calls: readonly (readonly LockChange[])[]): void {
  const { snapshot, changes } = contents;
  const first = (snapshot?.seq ?? 0) + 1;
  expect(changes.map((change) => change.seq)).toEqual(changes.map((_, index) => first + index));
  expect(stateOf(contents)).toEqual(stateOf({ ...EMPTY, changes: calls.flat() }));
}

/** The record holds a beginning of the calls, of which these many at least, and none in part. */
function expectToHoldPart(
  contents: LedgerContents,
  calls: readonly (readonly LockChange[])[],
  callCountMin: number,
): void {
  const { seq } = stateOf(contents);
  let callCount = 0;
  while ((calls[callCount]?.at(-1)?.seq ?? Infinity) <= seq) callCount += 1;
  expect(callCount).toBeGreaterThanOrEqual(callCountMin);
  expectToHold(contents, calls.slice(0, callCount));
}

function stateOf({ snapshot, changes }: LedgerContents): LockSnapshot {
  const engine = new LockEngine({ clock: { nowMs: () => 0 }, ids: { lockId: () => 'unused' } });
  if (snapshot !== undefined) engine.restore(snapshot);
  for (const change of changes) engine.apply(change);
  return engine.snapshot();
}
