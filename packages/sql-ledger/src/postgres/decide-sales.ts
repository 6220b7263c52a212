/**
 * Decides sales together: the records of all, guard and fence, in one statement and so in one
 * transaction.
 *
 * A function of the server, for two reasons: each of its statements sees what was committed before
 * it, so that what is read after the rows are locked is the newest there is; and the row of a
 * category in demand is locked for no longer than that takes. Rows are locked in one order: epoch,
 * categories, records.
 *
 * Takes the sales as an array of rows of `decisions`, of one event. Answers one row for each,
 * `written` or `standing`; or one alone, `recorded`, `fenced` or `capacity`, for the first lock
 * that cannot be sold: then nothing is written. It is part of a migration, and never changed once
 * that was released.
 */
export const DECIDE_SALES = `
  CREATE FUNCTION decide_sales(given jsonb) RETURNS TABLE (verdict text, record jsonb)
  LANGUAGE plpgsql AS $$
  DECLARE
    wanted decisions[] := ARRAY(SELECT jsonb_populate_recordset(NULL::decisions, given));
    fresh decisions[];
    in_force bigint;
    obstacle decisions;
    written_count bigint;
  BEGIN
    SELECT epoch INTO in_force FROM ledger FOR SHARE;
    PERFORM FROM categories
    WHERE (event, category) IN (SELECT w.event, w.category FROM unnest(wanted) AS w)
    ORDER BY event, category FOR UPDATE;

    -- Before the records are judged: one that is written in between is found by that, or by its key.
    SELECT coalesce(array_agg(wanted[w.ordinality] ORDER BY w.ordinality), '{}') INTO fresh
    FROM unnest(wanted) WITH ORDINALITY AS w
    WHERE NOT EXISTS (SELECT FROM decisions AS d WHERE d.lock_id = w.lock_id);

    SELECT d.* INTO obstacle
    FROM unnest(wanted) WITH ORDINALITY AS w JOIN decisions AS d ON d.lock_id = w.lock_id
    WHERE d.outcome <> 'sold'
      OR (w.order_id IS NOT NULL AND d.order_id IS DISTINCT FROM w.order_id)
    ORDER BY w.ordinality LIMIT 1;
    IF FOUND THEN
      RETURN QUERY SELECT 'recorded', to_jsonb(obstacle);
      RETURN;
    END IF;

    SELECT * INTO obstacle FROM unnest(fresh) AS w WHERE w.epoch <> in_force LIMIT 1;
    IF FOUND THEN
      RETURN QUERY SELECT 'fenced', to_jsonb(obstacle);
      RETURN;
    END IF;

    SELECT (fresh[w.ordinality]).* INTO obstacle
    FROM (
      SELECT u.event, u.category, u.capacity_at_grant, u.ordinality,
        sum(u.quantity) OVER (PARTITION BY u.category ORDER BY u.ordinality) AS quantity
      FROM unnest(fresh) WITH ORDINALITY AS u
    ) AS w LEFT JOIN categories AS c ON c.event = w.event AND c.category = w.category
    WHERE c.category IS NULL
      OR c.sold_elsewhere + c.confirmed + w.quantity > greatest(c.capacity, w.capacity_at_grant)
    ORDER BY w.ordinality LIMIT 1;
    IF FOUND THEN
      RETURN QUERY SELECT 'capacity', to_jsonb(obstacle);
      RETURN;
    END IF;

    INSERT INTO decisions (lock_id, event, category, quantity, user_id, order_id, epoch,
      capacity_at_grant, late, outcome, settled, decided_at_ms)
    SELECT w.lock_id, w.event, w.category, w.quantity, w.user_id, w.order_id, w.epoch,
      w.capacity_at_grant, w.late, 'sold', false,
      floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint
    FROM unnest(fresh) WITH ORDINALITY AS w ORDER BY w.ordinality
    ON CONFLICT (lock_id) DO NOTHING;
    GET DIAGNOSTICS written_count = ROW_COUNT;
    -- Another has written a record meanwhile: all of this is undone, and tried again.
    IF written_count < cardinality(fresh) THEN
      RAISE EXCEPTION 'a lock was decided at the same time' USING ERRCODE = '40001';
    END IF;

    UPDATE categories AS c SET confirmed = c.confirmed + w.quantity
    FROM (SELECT u.event, u.category, sum(u.quantity) AS quantity FROM unnest(fresh) AS u
      GROUP BY u.event, u.category) AS w
    WHERE c.event = w.event AND c.category = w.category;

    RETURN QUERY
    SELECT CASE WHEN EXISTS (SELECT FROM unnest(fresh) AS f WHERE f.lock_id = w.lock_id)
      THEN 'written' ELSE 'standing' END, to_jsonb(d)
    FROM unnest(wanted) WITH ORDINALITY AS w JOIN decisions AS d ON d.lock_id = w.lock_id
    ORDER BY w.ordinality;
  END $$;
`;
