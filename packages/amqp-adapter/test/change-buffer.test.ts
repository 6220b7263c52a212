import type { ChangeOutbox, LockChange, OutboxReader } from '@ticket-locks/lock-engine';
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
  readonly marks: string[] = [];
  readonly limits: number[] = [];
  reader: OutboxReader | undefined;
  readCount = 0;
  dropped = 0;
  isBroken = false;

  async attach(reader: OutboxReader) {
    this.reader = reader;
  }

  async read(limit: number) {
    this.limits.push(limit);
    if (this.isBroken) throw new Error('the disk is gone');
    const changes = this.changes.slice(this.readCount, this.readCount + limit);
    this.readCount += changes.length;
    return changes.map((one) => ({ id: `box-${one.seq}`, position: `at ${one.seq}`, change: one }));
  }

  markPublished(position: string): void {
    this.marks.push(position);
  }

  async detach() {
    this.reader = undefined;
  }

  outboxStats() {
    const unread = this.changes.length - this.readCount;
    return { unread, dropped: this.dropped, isPublisher: this.reader !== undefined };
  }

  /** Something became durable. */
  tell(...changes: LockChange[]): void {
    this.changes.push(...changes);
    this.reader?.onMore();
  }
}

function bufferOn(outbox: ChangeOutbox | undefined, changesMax: number) {
  const error = vi.fn<AdapterLog['error']>();
  const due: (() => void)[] = [];
  const onCleared = vi.fn<() => void>();
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
    onCleared,
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
  return { buffer, seqs, confirm, said, due, onCleared };
}

const turn = () => new Promise(setImmediate);
const range = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe('with an outbox', () => {
  async function openOn(outbox: RecordedOutbox, changesMax = 10) {
    const made = bufferOn(outbox, changesMax);
    await made.buffer.open();
    made.buffer.refill();
    await turn();
    return made;
  }

  test('reads what is there, and what comes, under the ids of the record', async () => {
    const outbox = new RecordedOutbox();
    outbox.changes.push(...range(1, 3).map((seq) => change(seq)));
    const { buffer, seqs } = await openOn(outbox);
    expect(seqs()).toEqual([1, 2, 3]);
    expect(buffer.at(2)?.id).toBe('box-3');
    expect(buffer.isEmpty).toBe(false);
    outbox.tell(change(4));
    await turn();
    expect(seqs()).toEqual([1, 2, 3, 4]);
  });

  test('holds no more than its bound, and misses nothing', async () => {
    const outbox = new RecordedOutbox();
    const { buffer, seqs, confirm } = await openOn(outbox);
    for (const seq of range(1, 40)) outbox.tell(change(seq));
    await turn();
    expect(seqs()).toEqual(range(1, 10));
    expect(buffer.waitingCount).toBe(40);
    const told: number[] = [];
    while (!buffer.isEmpty) {
      told.push(...seqs());
      confirm(seqs().length);
      await turn();
    }
    expect(told).toEqual(range(1, 40));
    expect(Math.max(...outbox.limits)).toBeLessThanOrEqual(10);
    expect(buffer.droppedCount).toBe(0);
    expect(outbox.marks.at(-1)).toBe('at 40');
  });

  test('marks what is told up to the oldest that is not, and facts of our own at once', async () => {
    const outbox = new RecordedOutbox();
    const { buffer, seqs, confirm } = await openOn(outbox);
    outbox.tell(silent(1));
    await turn();
    expect(outbox.marks).toEqual(['at 1']);
    outbox.tell(change(2), change(3), silent(4));
    await turn();
    expect(seqs()).toEqual([2, 3, 4]);
    buffer.at(1)!.state = 'confirmed';
    buffer.settle();
    expect(outbox.marks).toEqual(['at 1']);
    confirm(1);
    expect(outbox.marks).toEqual(['at 1', 'at 2', 'at 3', 'at 4']);
    expect(buffer.isEmpty).toBe(true);
  });

  test('counts and says what the record has given up', async () => {
    const outbox = new RecordedOutbox();
    outbox.changes.push(change(51));
    outbox.dropped = 50;
    const { buffer, seqs, said } = await openOn(outbox);
    expect(seqs()).toEqual([51]);
    expect(buffer.droppedCount).toBe(50);
    expect(said()).toEqual([expect.stringContaining('given up by the ledger')]);
  });

  test('tries again when the record cannot be read', async () => {
    const outbox = new RecordedOutbox();
    outbox.changes.push(change(1));
    outbox.isBroken = true;
    const { buffer, seqs, said, due } = await openOn(outbox);
    expect(said()).toHaveLength(1);
    expect(outbox.limits).toHaveLength(1);
    expect(buffer.isEmpty).toBe(false);
    outbox.isBroken = false;
    for (const callback of due) callback();
    await turn();
    expect(seqs()).toEqual([1]);
  });

  test('lets go of everything when another publisher goes on, also of what is being read', async () => {
    const outbox = new RecordedOutbox();
    const { buffer, seqs, onCleared } = await openOn(outbox);
    outbox.tell(change(1), change(2));
    await turn();
    const [sent] = [buffer.at(0)!];
    outbox.tell(change(3));
    outbox.reader?.onRevoked();
    await turn();
    expect(seqs()).toEqual([]);
    expect(buffer.isEmpty).toBe(true);
    expect(onCleared).toHaveBeenCalledTimes(1);
    sent.state = 'confirmed';
    expect(buffer.settle()).toBe(0);
    expect(outbox.marks).toEqual([]);
    outbox.tell(change(4));
    await turn();
    expect(seqs()).toEqual([4]);
  });

  test('lets another publisher go on when it closes', async () => {
    const outbox = new RecordedOutbox();
    const { buffer } = await openOn(outbox);
    await Promise.all([buffer.close(), buffer.close()]);
    expect(outbox.reader).toBe(undefined);
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
    expect(buffer.at(0)?.id).toBe('run-6');
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
