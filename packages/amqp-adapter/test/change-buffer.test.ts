import type { ChangeOutbox, LockChange } from '@ticket-locks/lock-engine';
import { describe, expect, test, vi } from 'vitest';

import type { AdapterLog } from '../src/adapter-log.js';
import { ChangeBuffer } from '../src/change-buffer.js';
import { silentLog } from './silent-log.js';

const about = { atMs: 0, lockId: 'a', eventId: 1, categoryId: 2, userId: 'bo', quantity: 1 };

function change(seq: number, type: 'expired' | 'refund-required' = 'expired'): LockChange {
  return type === 'expired' ? { type, seq, expiresAtMs: 0, ...about } : { type, seq, ...about };
}

function silent(seq: number): LockChange {
  return { type: 'forgotten', seq, atMs: 0, lockCount: 0, requestCount: 0 };
}

/** A record that is read when the test says so. */
class RecordedOutbox implements ChangeOutbox {
  readonly changes: LockChange[] = [];
  readonly marks: number[] = [];
  readonly reads: { afterSeq: number; limit: number }[] = [];
  publishedSeq = 0;
  isBroken = false;

  async position() {
    return { outboxId: 'box', publishedSeq: this.publishedSeq };
  }

  async changesAfter(afterSeq: number, limit: number) {
    this.reads.push({ afterSeq, limit });
    if (this.isBroken) throw new Error('the disk is gone');
    return this.changes.filter(({ seq }) => seq > afterSeq).slice(0, limit);
  }

  markPublished(seq: number): void {
    if (seq !== this.marks.at(-1)) this.marks.push(seq);
  }
}

function bufferOn(outbox: ChangeOutbox | undefined, changesMax: number) {
  const error = vi.fn<AdapterLog['error']>();
  const due: (() => void)[] = [];
  const buffer = new ChangeBuffer({
    outbox,
    runId: 'run',
    changesMax,
    log: { ...silentLog, error },
    timers: {
      after: (_delayMs, callback) => {
        due.push(callback);
        return () => undefined;
      },
    },
    onMore: () => buffer.refill(),
  });
  const seqs = () => {
    const all: number[] = [];
    for (let index = 0; ; index += 1) {
      const entry = buffer.at(index);
      if (entry === undefined) return all;
      all.push(entry.change.seq);
    }
  };
  /** The oldest are confirmed. */
  const confirm = (count: number) => {
    for (let index = 0; index < count; index += 1) buffer.at(index)!.state = 'confirmed';
    buffer.settle();
    buffer.refill();
  };
  const said = () => error.mock.calls.map(([, text]) => text);
  return { buffer, seqs, confirm, said, due };
}

const turn = () => new Promise(setImmediate);
const range = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe('with an outbox', () => {
  test('begins after the mark, and goes on live without reading again', async () => {
    const outbox = new RecordedOutbox();
    outbox.publishedSeq = 2;
    outbox.changes.push(...range(1, 5).map((seq) => change(seq)));
    const { buffer, seqs } = bufferOn(outbox, 10);
    await buffer.open();
    buffer.refill();
    await turn();
    expect(seqs()).toEqual([3, 4, 5]);
    expect(buffer.idPrefix).toBe('box');
    buffer.offer(change(6));
    expect(seqs()).toEqual([3, 4, 5, 6]);
    expect(outbox.reads).toHaveLength(1);
  });

  test('takes once what is told live while it is read', async () => {
    const outbox = new RecordedOutbox();
    outbox.changes.push(...range(1, 4).map((seq) => change(seq)));
    const { buffer, seqs } = bufferOn(outbox, 10);
    await buffer.open();
    buffer.refill();
    buffer.offer(change(1));
    buffer.offer(change(2));
    await turn();
    await turn();
    expect(seqs()).toEqual([1, 2, 3, 4]);
  });

  test('holds no more than its bound, and misses nothing', async () => {
    const outbox = new RecordedOutbox();
    const { buffer, seqs, confirm } = bufferOn(outbox, 10);
    await buffer.open();
    buffer.refill();
    await turn();
    for (const seq of range(1, 40)) {
      outbox.changes.push(change(seq));
      buffer.offer(change(seq));
    }
    expect(seqs()).toEqual(range(1, 10));
    expect(buffer.waitingCount).toBe(40);
    const told: number[] = [];
    while (!buffer.isEmpty) {
      told.push(...seqs());
      confirm(seqs().length);
      await turn();
    }
    expect(told).toEqual(range(1, 40));
    expect(buffer.droppedCount).toBe(0);
    expect(outbox.marks.at(-1)).toBe(40);
  });

  test('marks what is told up to the oldest that is not, and facts of our own at once', async () => {
    const outbox = new RecordedOutbox();
    const { buffer, seqs, confirm } = bufferOn(outbox, 10);
    await buffer.open();
    buffer.refill();
    await turn();
    buffer.offer(silent(1));
    expect(outbox.marks).toEqual([1]);
    for (const seq of [2, 3, 5]) buffer.offer(seq === 5 ? silent(4) : change(seq));
    buffer.at(1)!.state = 'confirmed';
    buffer.settle();
    expect(outbox.marks).toEqual([1]);
    expect(seqs()).toEqual([2, 3]);
    confirm(2);
    expect(outbox.marks).toEqual([1, 4]);
  });

  test('counts and says what the record has given up', async () => {
    const outbox = new RecordedOutbox();
    outbox.changes.push(...range(51, 53).map((seq) => change(seq)));
    const { buffer, seqs, said } = bufferOn(outbox, 10);
    await buffer.open();
    buffer.refill();
    await turn();
    expect(seqs()).toEqual([51, 52, 53]);
    expect(buffer.droppedCount).toBe(50);
    expect(said()).toEqual([expect.stringContaining('given up by the ledger')]);
  });

  test('tries again when the record cannot be read', async () => {
    const outbox = new RecordedOutbox();
    outbox.changes.push(change(1));
    outbox.isBroken = true;
    const { buffer, seqs, said, due } = bufferOn(outbox, 10);
    await buffer.open();
    buffer.refill();
    await turn();
    expect(said()).toHaveLength(1);
    expect(outbox.reads).toHaveLength(1);
    outbox.isBroken = false;
    for (const callback of due) callback();
    await turn();
    expect(seqs()).toEqual([1]);
  });
});

describe('without an outbox', () => {
  test('drops the oldest beyond its bound, counts them, and says it once', async () => {
    const { buffer, seqs, said } = bufferOn(undefined, 3);
    await buffer.open();
    for (const seq of range(1, 8)) buffer.offer(change(seq));
    expect(seqs()).toEqual([6, 7, 8]);
    expect(buffer.droppedCount).toBe(5);
    expect(said()).toHaveLength(1);
    expect(buffer.idPrefix).toBe('run');
  });

  test('drops nothing that is under way, and no money that must go back', async () => {
    const { buffer, seqs } = bufferOn(undefined, 3);
    await buffer.open();
    buffer.offer(change(1));
    buffer.at(0)!.state = 'sent';
    buffer.offer(change(2, 'refund-required'));
    for (const seq of range(3, 6)) buffer.offer(change(seq));
    expect(seqs()).toEqual([1, 2, 6]);
    for (const seq of range(7, 8)) buffer.offer(change(seq, 'refund-required'));
    expect(seqs()).toEqual([1, 2, 7, 8]);
  });
});
