// Three ways to write the same changes with one flush: why the ledger keeps them in blocks.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';

import Database from 'libsql';

import { ratioOf, spreadOf } from './spread.js';
import type { Spread } from './spread.js';

type Db = InstanceType<typeof Database>;
/** Writes the changes in one transaction. */
type Write = (db: Db, changes: readonly Change[]) => void;

interface Change {
  readonly seq: number;
  readonly type: string;
  readonly lockId: string;
  readonly [field: string]: unknown;
}

const WAYS = {
  'a row for every change': {
    table: 'CREATE TABLE t (seq INTEGER PRIMARY KEY, type TEXT, lock_id TEXT, body TEXT)',
    write: (db, changes) => {
      const insert = db.prepare('INSERT INTO t VALUES (?, ?, ?, ?)');
      db.exec('BEGIN');
      for (const { seq, type, lockId, ...rest } of changes) {
        insert.run(seq, type, lockId, JSON.stringify(rest));
      }
      db.exec('COMMIT');
    },
  },
  'rows made by SQLite from one JSON text': {
    table: 'CREATE TABLE t (seq INTEGER PRIMARY KEY, type TEXT, lock_id TEXT, body TEXT)',
    write: (db, changes) => {
      const insert = db.prepare(
        `INSERT INTO t SELECT value->>'seq', value->>'type', value->>'lockId', value FROM json_each(?)`,
      );
      insert.run(JSON.stringify(changes));
    },
  },
  'a block': {
    table: 'CREATE TABLE t (seq INTEGER PRIMARY KEY, checksum INTEGER, body TEXT)',
    write: (db, changes) => {
      const body = JSON.stringify(changes);
      const insert = db.prepare('INSERT INTO t VALUES (?, ?, ?)');
      insert.run(changes[0]?.seq, crc32(body), body);
    },
  },
} satisfies Record<string, { table: string; write: Write }>;

export interface WriteRow {
  readonly way: string;
  readonly changesPerFlush: number;
  readonly changesPerSecond: Spread;
  /** To a row for every change. */
  readonly ratio: Spread;
}

/** The ways by turns. */
export function measureWrites(rounds: number, seconds: number): WriteRow[] {
  return [1, 100, 1000].flatMap((changesPerFlush) => {
    const figures = new Map<string, number[]>(Object.keys(WAYS).map((way) => [way, []]));
    for (let round = 0; round < rounds; round += 1) {
      for (const [way, { table, write }] of Object.entries(WAYS)) {
        figures.get(way)?.push(changesPerSecondOf(table, write, changesPerFlush, seconds));
      }
    }
    const rows = figures.get('a row for every change') ?? [];
    return [...figures].map(([way, found]) => ({
      way,
      changesPerFlush,
      changesPerSecond: spreadOf(found),
      ratio: ratioOf(found, rows),
    }));
  });
}

function changesPerSecondOf(table: string, write: Write, count: number, seconds: number): number {
  const folder = mkdtempSync(join(tmpdir(), 'ticket-locks-bench-'));
  const db = new Database(join(folder, 'bench.db'));
  db.exec('PRAGMA journal_mode = WAL');
  db.exec('PRAGMA synchronous = FULL');
  db.exec(table);
  const startMs = performance.now();
  let seq = 0;
  while (performance.now() - startMs < seconds * 1000) {
    const changes = Array.from({ length: count }, () => changeOf((seq += 1)));
    write(db, changes);
  }
  const elapsedMs = performance.now() - startMs;
  db.close();
  rmSync(folder, { recursive: true });
  return (seq / elapsedMs) * 1000;
}

function changeOf(seq: number): Change {
  return {
    seq,
    atMs: 1_800_000_000_000 + seq,
    type: 'locked',
    lockId: `lock-with-128-random-bits-${seq}`,
    eventId: 1,
    categoryId: 2,
    userId: seq,
    quantity: 2,
    sessionId: `session-with-128-random-bits-${seq}`,
    expiresAtMs: 1_800_000_300_000 + seq,
  };
}
