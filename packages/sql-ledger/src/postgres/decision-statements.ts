// The statements of the decision ledger. Each is one transaction. What locks more than the record
// of one lock takes the row of the category first, so that no two wait for each other in a circle.

const RECORD = `lock_id, event, category, quantity, user_id, order_id, epoch, capacity_at_grant,
  late, outcome, settled, decided_at_ms`;
const NOW_MS = `floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint`;
const VALUES = `$1, $2, $3, $4::bigint, $5, $6, $7::bigint, $8::bigint, $9::boolean`;

/**
 * What one instance has decided becomes visible to the next statement only: whoever waited reads
 * `FIND` again.
 */
export const FIND = `SELECT ${RECORD} FROM decisions WHERE lock_id = $1`;

export const FIND_MANY = `SELECT ${RECORD} FROM decisions WHERE lock_id = ANY ($1)`;

/** What it does is in `decide-sales.ts`. */
export const DECIDE = 'SELECT verdict, record FROM decide_sales($1::jsonb)';

export const ABORT = `
  INSERT INTO decisions (${RECORD})
  VALUES (${VALUES}, 'aborted', false, ${NOW_MS})
  ON CONFLICT (lock_id) DO NOTHING
  RETURNING ${RECORD}`;

export const RETURN = `
  WITH held AS (
    SELECT event, category FROM categories
    WHERE (event, category) = (SELECT event, category FROM decisions WHERE lock_id = $1)
    FOR UPDATE
  ), returned AS (
    UPDATE decisions SET outcome = 'returned', decided_at_ms = ${NOW_MS} FROM held
    WHERE lock_id = $1 AND outcome = 'sold' AND NOT settled AND order_id IS NOT DISTINCT FROM $2
    RETURNING decisions.*
  ), counted AS (
    UPDATE categories SET confirmed = confirmed - returned.quantity FROM returned
    WHERE categories.event = returned.event AND categories.category = returned.category
  )
  SELECT ${RECORD} FROM returned`;

/** Locks the rows of an event, and answers how new the newest figures are. */
export const HOLD_EVENT = `
  SELECT max(fetched_at_ms) AS newest FROM (
    SELECT fetched_at_ms FROM categories WHERE event = $1 ORDER BY category FOR UPDATE
  ) AS held`;

export const SET_FIGURES = `
  INSERT INTO categories (event, category, capacity, sold_elsewhere, fetched_at_ms)
  SELECT $1, category, capacity, sold_elsewhere, $5::float8
  FROM unnest($2::text[], $3::bigint[], $4::bigint[]) AS given (category, capacity, sold_elsewhere)
  ORDER BY category
  ON CONFLICT (event, category) DO UPDATE SET capacity = excluded.capacity,
    sold_elsewhere = excluded.sold_elsewhere, fetched_at_ms = excluded.fetched_at_ms`;

export const SETTLE = `
  WITH settled AS (
    UPDATE decisions SET settled = true
    WHERE event = $1 AND lock_id = ANY ($2) AND outcome = 'sold' AND NOT settled
    RETURNING category, quantity
  ), sums AS (
    SELECT category, sum(quantity) AS quantity FROM settled GROUP BY category
  )
  UPDATE categories SET confirmed = confirmed - sums.quantity FROM sums
  WHERE categories.event = $1 AND categories.category = sums.category`;

export const NEXT_EPOCH = 'UPDATE ledger SET epoch = epoch + 1 WHERE epoch = $1 RETURNING epoch';

export const CLAIM = `
  INSERT INTO claims (event, epoch)
  SELECT $1, epoch FROM ledger WHERE epoch = $2::bigint FOR SHARE
  ON CONFLICT (event) DO UPDATE SET epoch = excluded.epoch WHERE claims.epoch < excluded.epoch
  RETURNING epoch`;

export const OPENED = 'SELECT epoch, token_key FROM ledger';

export const EVENTS = 'SELECT DISTINCT event FROM categories ORDER BY event';

export const FIGURES = `
  SELECT category, capacity, sold_elsewhere, confirmed, fetched_at_ms FROM categories
  WHERE event = $1 ORDER BY category COLLATE "C"`;

export const LIST = `
  SELECT ${RECORD} FROM decisions
  WHERE event = $1 AND outcome = 'sold' AND NOT settled
    AND position > coalesce((SELECT position FROM decisions WHERE lock_id = $2), 0)
  ORDER BY position LIMIT 1000`;
