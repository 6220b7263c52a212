import type { ClientBase } from 'pg';

import { undamaged } from '../ledger-error.js';
import type { Fold, FoldNeeds, FoldRows } from '../record/fold.js';
import { EMPTY_HEAD, headChecksum, keyOf, valueOf } from '../record/snapshot-rows.js';
import type {
  EventSnapshot,
  LedgerHead,
  LockList,
  LockRow,
  SnapshotRow,
} from '../record/snapshot-rows.js';

const ROWS_PER_PAGE = 2_000;

/** `bigint` comes as text. */
interface Row {
  readonly key: string;
  readonly order: string;
  readonly checksum: string;
  readonly body: string;
}

interface LockTableRow extends Row {
  readonly list: LockList;
  readonly category: string;
}

const EVENT_COLUMNS = 'event AS key, first_seq AS order, checksum, body';
const LOCK_COLUMNS = 'lock_id AS key, list_seq AS order, checksum, body, list, category';

export async function readHead(client: ClientBase): Promise<LedgerHead> {
  const found = await client.query<Record<string, string>>('SELECT * FROM head');
  const [row] = found.rows;
  if (row === undefined) return EMPTY_HEAD;
  const head = {
    seq: Number(row['seq']),
    changedAtMs: Number(row['changed_at_ms']),
    eventCount: Number(row['event_count']),
    lockCount: Number(row['lock_count']),
    requestCount: Number(row['request_count']),
  };
  undamaged(
    headChecksum(head) === Number(row['checksum']),
    () => `the snapshot's head was altered`,
  );
  return head;
}

export async function* eventPages(client: ClientBase): AsyncGenerator<SnapshotRow[]> {
  yield* pages(
    client,
    `SELECT ${EVENT_COLUMNS} FROM events WHERE event > $1 ORDER BY event LIMIT ${ROWS_PER_PAGE}`,
    '',
    rowOf,
  );
}

export async function* lockPages(client: ClientBase): AsyncGenerator<LockRow[]> {
  yield* pages(
    client,
    `SELECT ${LOCK_COLUMNS} FROM locks WHERE lock_id > $1 ORDER BY lock_id LIMIT ${ROWS_PER_PAGE}`,
    '',
    lockRowOf,
  );
}

export async function* requestPages(client: ClientBase): AsyncGenerator<SnapshotRow[]> {
  yield* pages(
    client,
    `SELECT seq AS key, seq AS order, checksum, body FROM requests
     WHERE seq > $1 ORDER BY seq LIMIT ${ROWS_PER_PAGE}`,
    '-1',
    rowOf,
  );
}

export async function readForFold(client: ClientBase, needs: FoldNeeds): Promise<FoldRows> {
  const restocked = await eventsByKeys(client, needs.restocked);
  const events = restocked.map((row) => valueOf('event', row) as EventSnapshot);
  const categories = events.flatMap(({ eventId, categories: all }) =>
    all.map(({ categoryId }) => keyOf([eventId, categoryId])),
  );
  const found = await client.query<LockTableRow>(
    `SELECT ${LOCK_COLUMNS} FROM locks WHERE lock_id = ANY ($1)
     UNION
     (SELECT ${LOCK_COLUMNS} FROM locks WHERE list = 'ended' ORDER BY list_seq LIMIT $2)
     UNION
     SELECT oldest.* FROM unnest($3::text[]) AS wanted, LATERAL (
       SELECT ${LOCK_COLUMNS} FROM locks
       WHERE list = 'unsettled' AND category = wanted AND lock_id <> ALL ($1)
       ORDER BY list_seq LIMIT 1
     ) AS oldest`,
    [needs.lockIds, needs.endedCount, categories],
  );
  const locks = found.rows.map(lockRowOf);
  const keys = new Set(needs.events);
  for (const { category } of locks) keys.add(keyOf((JSON.parse(category) as unknown[])[0]));
  return { locks, events: await eventsByKeys(client, [...keys]) };
}

export async function writeFoldRows(client: ClientBase, fold: Fold): Promise<void> {
  await client.query(
    `INSERT INTO events (event, first_seq, checksum, body)
     SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[])
     ON CONFLICT (event) DO UPDATE SET checksum = excluded.checksum, body = excluded.body`,
    columnsOf(fold.events, 'key', 'order', 'checksum', 'body'),
  );
  await client.query(
    `INSERT INTO locks (lock_id, list_seq, checksum, body, list, category)
     SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::text[],
                          $6::text[])
     ON CONFLICT (lock_id) DO UPDATE SET list_seq = excluded.list_seq, list = excluded.list,
       checksum = excluded.checksum, body = excluded.body`,
    columnsOf(fold.locks, 'key', 'order', 'checksum', 'body', 'list', 'category'),
  );
  await client.query('DELETE FROM locks WHERE lock_id = ANY ($1)', [fold.forgottenLockIds]);
  await client.query(
    `INSERT INTO requests (seq, checksum, body)
     SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[])`,
    columnsOf(fold.requests, 'order', 'checksum', 'body'),
  );
  await client.query(
    'DELETE FROM requests WHERE seq IN (SELECT seq FROM requests ORDER BY seq LIMIT $1)',
    [fold.forgottenRequestCount],
  );
  const { seq, changedAtMs, eventCount, lockCount, requestCount } = fold.head;
  await client.query(
    `INSERT INTO head (id, seq, changed_at_ms, event_count, lock_count, request_count, checksum)
     VALUES (1, $1, $2, $3, $4, $5, $6)
     ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, changed_at_ms = excluded.changed_at_ms,
       event_count = excluded.event_count, lock_count = excluded.lock_count,
       request_count = excluded.request_count, checksum = excluded.checksum`,
    [seq, changedAtMs, eventCount, lockCount, requestCount, headChecksum(fold.head)],
  );
}

async function eventsByKeys(client: ClientBase, keys: readonly string[]): Promise<SnapshotRow[]> {
  const sql = `SELECT ${EVENT_COLUMNS} FROM events WHERE event = ANY ($1)`;
  return (await client.query<Row>(sql, [keys])).rows.map(rowOf);
}

async function* pages<Item>(
  client: ClientBase,
  sql: string,
  from: string,
  itemOf: (row: LockTableRow) => Item,
): AsyncGenerator<Item[]> {
  for (let after = from; ;) {
    const { rows } = await client.query<LockTableRow>(sql, [after]);
    const last = rows.at(-1);
    if (last === undefined) return;
    yield rows.map(itemOf);
    after = last.key;
  }
}

function rowOf({ key, order, checksum, body }: Row): SnapshotRow {
  return { key, order: Number(order), checksum: Number(checksum), body };
}

function lockRowOf(row: LockTableRow): LockRow {
  return { ...rowOf(row), list: row.list, category: row.category };
}

/** The rows' fields as one array for each column, as `unnest` takes them. */
function columnsOf<Item, Name extends keyof Item>(
  rows: readonly Item[],
  ...names: readonly Name[]
): Item[Name][][] {
  return names.map((name) => rows.map((row) => row[name]));
}
