import { crc32 } from 'node:zlib';

import type { LockSnapshot } from '@ticket-locks/lock-engine';

import { undamaged } from '../ledger-error.js';

export type EventSnapshot = LockSnapshot['events'][number];
export type LockRecordSnapshot = LockSnapshot['locks'][number];

/** Which change the rows stand at, and how many of them there must be. */
export interface LedgerHead {
  readonly seq: number;
  readonly changedAtMs: number;
  readonly eventCount: number;
  readonly lockCount: number;
  readonly requestCount: number;
}

export const EMPTY_HEAD: LedgerHead = {
  seq: 0,
  changedAtMs: 0,
  eventCount: 0,
  lockCount: 0,
  requestCount: 0,
};

/**
 * One row of the snapshot. `body` is JSON; `order` is a `seq`, by which rows of a kind are read in
 * their order.
 */
export interface SnapshotRow {
  readonly key: string;
  readonly order: number;
  readonly body: string;
  readonly checksum: number;
}

/** `active`: ordered by its end. `unsettled` and `ended`: by the change that put it there. */
export type LockList = 'active' | 'unsettled' | 'ended';

export interface LockRow extends SnapshotRow {
  readonly list: LockList;
  /** `keyOf([eventId, categoryId])`. */
  readonly category: string;
}

/** The text by which ids are found: `1` and `'1'` differ in it. */
export function keyOf(id: unknown): string {
  return JSON.stringify(id);
}

export function snapshotRow(key: string, order: number, value: unknown): SnapshotRow {
  const body = JSON.stringify(value);
  return { key, order, body, checksum: rowChecksum({ key, order, body }) };
}

export function lockRow(lock: LockRecordSnapshot, order: number): LockRow {
  const row = {
    key: lock.lockId,
    order,
    body: JSON.stringify(lock),
    list: listOf(lock),
    category: keyOf([lock.eventId, lock.categoryId]),
  };
  return { ...row, checksum: rowChecksum(row) };
}

/** The row's value. Throws `LEDGER_DAMAGED` when it is not as it was written. */
export function valueOf(kind: string, row: SnapshotRow): unknown {
  assertRow(kind, row);
  return JSON.parse(row.body);
}

/** Throws `LEDGER_DAMAGED` when the row is not as it was written. */
export function assertRow(kind: string, row: SnapshotRow | LockRow): void {
  const isWhole = rowChecksum(row) === row.checksum;
  undamaged(isWhole, () => `the snapshot's ${kind} ${row.key} was altered`);
}

export function headChecksum(head: LedgerHead): number {
  const { seq, changedAtMs, eventCount, lockCount, requestCount } = head;
  return crc32([seq, changedAtMs, eventCount, lockCount, requestCount].join(':'));
}

function listOf({ status, sale }: LockRecordSnapshot): LockList {
  if (status === 'ACTIVE') return 'active';
  return status === 'CONFIRMED' && sale?.settled === false ? 'unsettled' : 'ended';
}

function rowChecksum(row: Omit<SnapshotRow, 'checksum'> | Omit<LockRow, 'checksum'>): number {
  const where = 'list' in row ? `:${row.list}:${row.category}` : '';
  return crc32(row.body, crc32(`${row.key}:${row.order}${where}`));
}
