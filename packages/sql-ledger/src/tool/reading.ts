import { LockEngine } from '@ticket-locks/lock-engine';
import type { CategoryAvailability, LockStats } from '@ticket-locks/lock-engine';

import { undamaged } from '../ledger-error.js';
import { assertBlock, changesIn } from '../record/change-block.js';
import type { LedgerReader, Pages } from '../record/ledger-store.js';
import { valueOf } from '../record/snapshot-rows.js';
import type { EventSnapshot, LockRecordSnapshot, SnapshotRow } from '../record/snapshot-rows.js';
import { Recount } from './recount.js';

/** What a whole ledger says. */
export interface Reading {
  readonly blockCount: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly snapshotSeq: number;
  readonly stats: LockStats;
  readonly categories: readonly CategoryAvailability[];
  /** Counted from the records of all locks, from the first change on where it is still there. */
  readonly recount: Recount;
  readonly isHistoryWhole: boolean;
}

/**
 * Reads all of a ledger and checks every record. Rejects with `LEDGER_DAMAGED` at the first that is
 * not as it was written.
 */
export async function readWhole(reader: LedgerReader): Promise<Reading> {
  const head = await reader.head();
  const engine = new LockEngine({ clock: { nowMs: () => 0 }, ids: { lockId: () => '' } });
  const events = await values<EventSnapshot>('event', reader.events(), head.eventCount);
  const locks = await values<LockRecordSnapshot>('lock', reader.locks(), head.lockCount);
  const requests = await values<never>('request', reader.requests(), head.requestCount);
  const { seq, changedAtMs } = head;
  if (seq > 0) engine.restore({ format: 1, seq, changedAtMs, events, locks, requests });

  const kept = { blockCount: 0, firstSeq: 0, lastSeq: 0, firstMs: 0, lastMs: changedAtMs };
  let recount = new Recount();
  for await (const blocks of reader.blocksAfter(0)) {
    for (const block of blocks) {
      assertBlock(block, kept.blockCount === 0 ? undefined : kept.lastSeq);
      if (kept.blockCount === 0) {
        Object.assign(kept, { firstSeq: block.firstSeq, firstMs: block.fromMs });
        undamaged(block.firstSeq <= seq + 1, () => `changes from ${seq + 1} on are missing`);
        // The first changes are forgotten: count from the snapshot on.
        if (block.firstSeq > 1) recount = recountOf(locks);
      }
      kept.blockCount += 1;
      kept.lastSeq = block.lastSeq;
      kept.lastMs = block.toMs;
      for (const change of changesIn(block)) {
        if (change.seq > seq) engine.apply(change);
        if (kept.firstSeq === 1 || change.seq > seq) recount.addChange(change);
      }
    }
  }
  if (kept.blockCount === 0) recount = recountOf(locks);
  kept.lastSeq = Math.max(kept.lastSeq, seq);
  const acknowledgedSeq = await reader.acknowledgedSeq();
  undamaged(
    kept.lastSeq >= acknowledgedSeq,
    () => `it ends with change ${kept.lastSeq}, and changes up to ${acknowledgedSeq} were answered`,
  );
  engine.assertConsistent();
  const eventIds = new Set(engine.snapshot().events.map(({ eventId }) => eventId));
  return {
    ...kept,
    snapshotSeq: seq,
    stats: engine.stats(),
    categories: [...eventIds].flatMap((eventId) => engine.availability(eventId) ?? []),
    recount,
    isHistoryWhole: kept.firstSeq === 1 || kept.lastSeq === 0,
  };
}

function recountOf(locks: readonly LockRecordSnapshot[]): Recount {
  const recount = new Recount();
  for (const lock of locks) recount.addLock(lock);
  return recount;
}

/** The rows' values in their order, each checked. */
async function values<Value>(
  kind: string,
  pages: Pages<SnapshotRow>,
  expectedCount: number,
): Promise<Value[]> {
  const rows: { readonly order: number; readonly value: Value }[] = [];
  for await (const page of pages) {
    for (const row of page) rows.push({ order: row.order, value: valueOf(kind, row) as Value });
  }
  undamaged(
    rows.length === expectedCount,
    () => `the snapshot has ${rows.length} ${kind}s, not ${expectedCount}`,
  );
  return rows.sort((a, b) => a.order - b.order).map(({ value }) => value);
}
