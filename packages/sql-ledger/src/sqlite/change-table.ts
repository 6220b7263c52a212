import type { ChangeBlock } from '../record/change-block.js';
import { pagesOf, statement } from './database.js';
import type { Connection, Row } from './database.js';

const BLOCKS_PER_PAGE = 16;
/** Blocks forgotten in one transaction. */
const PRUNE_MAX = 64;

/** The table of changes. */
export class ChangeTable {
  readonly #insert;
  readonly #after;
  readonly #begin;
  readonly #prune;
  readonly #prunable;

  constructor(db: Connection) {
    this.#insert = statement(
      db,
      `INSERT INTO changes (first_seq, last_seq, from_ms, to_ms, checksum, body)
       VALUES (?, ?, ?, ?, ?, ?)`,
    );
    this.#after = statement(
      db,
      `SELECT first_seq, last_seq, from_ms, to_ms, checksum, body FROM changes
       WHERE first_seq > ? ORDER BY first_seq LIMIT ${BLOCKS_PER_PAGE}`,
    );
    this.#begin = statement(db, 'SELECT max(first_seq) FROM changes WHERE first_seq <= ?');
    const old = `SELECT first_seq FROM changes WHERE last_seq <= ?1 AND to_ms < ?2
                 ORDER BY first_seq LIMIT ${PRUNE_MAX}`;
    this.#prunable = statement(db, `SELECT count(*) FROM (${old})`);
    this.#prune = statement(db, `DELETE FROM changes WHERE first_seq IN (${old})`);
  }

  insert(block: ChangeBlock): void {
    const { firstSeq, lastSeq, fromMs, toMs, checksum, body } = block;
    this.#insert.run(firstSeq, lastSeq, fromMs, toMs, checksum, body);
  }

  *after(seq: number): Generator<readonly ChangeBlock[]> {
    yield* pagesOf<ChangeBlock>((last) => this.#after.all(last?.firstSeq ?? seq).map(blockOf));
  }

  /** Where the block begins that holds the change, or an earlier one if none does. */
  begin(seq: number): number | undefined {
    const first = this.#begin.get(seq)?.[0];
    return typeof first === 'number' ? first : undefined;
  }

  /** Forgets some of the blocks; returns how many. */
  prune(seq: number, instantMs: number): number {
    const count = Number(this.#prunable.get(seq, instantMs)?.[0] ?? 0);
    if (count > 0) this.#prune.run(seq, instantMs);
    return count;
  }
}

function blockOf(row: Row): ChangeBlock {
  const [firstSeq, lastSeq, fromMs, toMs, checksum, body] = row;
  return {
    firstSeq: Number(firstSeq),
    lastSeq: Number(lastSeq),
    fromMs: Number(fromMs),
    toMs: Number(toMs),
    checksum: Number(checksum),
    body: String(body),
  };
}
