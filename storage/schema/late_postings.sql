-- What was posted after the end of its month stays until the rows of a later month leave. So from
-- rows_begin_at() on all rows are there by the instant of posting, too. Uses leaving_rows.sql.
--
-- A batch notes when it was posted at the end of the transaction, its entries when that began;
-- both are read, so both are compared.

-- As before, and an operation leaves if it was posted before the cut.
CREATE OR REPLACE FUNCTION operations_may_only_leave() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
BEGIN
    SELECT g.provider, g.op_key INTO wrong
      FROM gone g LEFT JOIN batches b USING (batch_id)
     WHERE g.provider = 'tieout' OR g.kind = 'adjustment'
        OR g.headers <> '' OR NOT is_digest(g.body)
        OR b.entries_at IS NULL
        OR greatest(b.committed_at, b.posted_at, b.entries_at) >= rows_begin_at()
        OR NOT is_released(b.committed_at)
        OR NOT coalesce(day_number(b.committed_at)
                        = ANY (archived_days(operation_hash(g.provider, g.op_key))), false)
        OR EXISTS (SELECT FROM rounds r WHERE r.match_key = g.match_key
                      AND r.provider = g.provider AND r.round_id = g.round_id)
        OR EXISTS (SELECT FROM operations o
                    WHERE o.provider = g.provider AND o.op_key = g.reverses)
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'append-only: DELETE of operation % of % is refused', wrong.op_key,
                        wrong.provider
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'operations_append_only';
    END IF;
    RETURN NULL;
END $$;

-- As before, and a round of which an operation was posted from the instant on stays.
CREATE OR REPLACE FUNCTION stage_leaving_rows(until timestamptz, OUT operations bigint) LANGUAGE plpgsql AS $$
BEGIN
    TRUNCATE leaving_operations, leaving_keys;
    WITH candidates AS MATERIALIZED (
        SELECT o.wallet_id, o.wallet_seq, o.batch_id, o.match_key, o.provider, o.round_id,
               b.committed_at < until AS leaves, day_number(b.committed_at) AS day,
               o.decision = 'accepted' AS counts,
               operation_hash(o.provider, o.op_key) AS hash,
               CASE WHEN b.committed_at >= until THEN o.decision = 'accepted'
                    ELSE o.kind = 'adjustment' OR b.entries_at IS NULL
                         OR greatest(b.posted_at, b.entries_at) >= until
                         OR o.headers <> '' OR NOT is_digest(o.body) END AS stays
          FROM batches b JOIN operations o USING (batch_id)
         WHERE b.committed_at < until + interval '1 day' AND o.provider <> 'tieout'
    ), played AS (
        SELECT c.match_key, c.provider, c.round_id, min(c.batch_id) AS first_batch,
               count(*) FILTER (WHERE c.leaves) AS leaving, bool_or(c.counts) AS counts
          FROM candidates c
         GROUP BY c.match_key, c.provider, c.round_id
        HAVING NOT bool_or(c.stays OR c.hash IN (SELECT r.hash FROM recalls r
                                                  WHERE r.operations = 0))
           AND bool_or(c.leaves)
    ), leaving_rounds AS (
        SELECT p.match_key, p.provider, p.round_id, r.match_key IS NOT NULL AS in_round,
               (sum(p.leaving) OVER (ORDER BY p.first_batch, p.match_key, p.provider, p.round_id)
                - p.leaving)::bigint / 2000 AS chunk
          FROM played p
          LEFT JOIN (SELECT r.match_key, r.provider, r.round_id, max(r.last_at) AS last_at
                       FROM rounds r GROUP BY r.match_key, r.provider, r.round_id) r
            USING (match_key, provider, round_id)
         WHERE CASE WHEN r.match_key IS NULL THEN NOT p.counts ELSE r.last_at < until END
           AND NOT EXISTS (SELECT FROM rounds_in_question q
                            WHERE q.provider = p.provider AND q.round_id = p.round_id)
           AND NOT EXISTS (SELECT FROM recalls x
                            WHERE x.hash = p.match_key AND x.operations = 0)
    )
    INSERT INTO leaving_operations
    SELECT l.chunk, c.wallet_id, c.wallet_seq, c.match_key, l.in_round, c.hash, c.day
      FROM leaving_rounds l JOIN candidates c USING (match_key, provider, round_id)
     WHERE c.leaves;
    GET DIAGNOSTICS operations = ROW_COUNT;
    INSERT INTO leaving_keys (hash, day)
    SELECT l.hash, l.day FROM leaving_operations l
     UNION
    SELECT l.match_key, l.day FROM leaving_operations l
     WHERE l.in_round OR archived_days(l.match_key) IS NOT NULL;
END $$;
