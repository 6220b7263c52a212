import type { ClientBase } from 'pg';

import type { ChangeBlock } from '../record/change-block.js';

const BLOCKS_PER_PAGE = 16;
/** Blocks forgotten in one transaction. */
const PRUNE_MAX = 64;

/** Writes the blocks with one statement, which is a transaction of its own. */
export async function insertBlocks(
  client: ClientBase,
  blocks: readonly ChangeBlock[],
): Promise<void> {
  const columns = (['firstSeq', 'lastSeq', 'fromMs', 'toMs', 'checksum', 'body'] as const).map(
    (name) => blocks.map((block) => block[name]),
  );
  await client.query({
    name: 'insert-blocks',
    text: `INSERT INTO changes (first_seq, last_seq, from_ms, to_ms, checksum, body)
           SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[],
                                $5::bigint[], $6::text[])`,
    values: columns,
  });
}

export async function* blocksAfter(client: ClientBase, seq: number): AsyncGenerator<ChangeBlock[]> {
  for (let after = seq; ;) {
    const { rows } = await client.query<Record<string, string>>(
      `SELECT * FROM changes WHERE first_seq > $1 ORDER BY first_seq LIMIT ${BLOCKS_PER_PAGE}`,
      [after],
    );
    if (rows.length === 0) return;
    const blocks = rows.map(blockOf);
    yield blocks;
    after = blocks.at(-1)?.firstSeq ?? after;
  }
}

/** Where the block begins that holds the change, or an earlier one if none does. */
export async function blockBegin(client: ClientBase, seq: number): Promise<number | undefined> {
  const { rows } = await client.query<{ begin: string | null }>(
    'SELECT max(first_seq) AS begin FROM changes WHERE first_seq <= $1',
    [seq],
  );
  const begin = rows[0]?.begin ?? undefined;
  return begin === undefined ? undefined : Number(begin);
}

/** Forgets some of the blocks; returns how many. */
export async function pruneBlocks(
  client: ClientBase,
  seq: number,
  instantMs: number,
): Promise<number> {
  const { rowCount } = await client.query(
    `DELETE FROM changes WHERE first_seq IN (
       SELECT first_seq FROM changes WHERE last_seq <= $1 AND to_ms < $2
       ORDER BY first_seq LIMIT ${PRUNE_MAX})`,
    [seq, Math.floor(instantMs)],
  );
  return rowCount ?? 0;
}

function blockOf(row: Record<string, string>): ChangeBlock {
  return {
    firstSeq: Number(row['first_seq']),
    lastSeq: Number(row['last_seq']),
    fromMs: Number(row['from_ms']),
    toMs: Number(row['to_ms']),
    checksum: Number(row['checksum']),
    body: String(row['body']),
  };
}
