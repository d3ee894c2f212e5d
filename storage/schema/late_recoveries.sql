-- What was recovered long after its month stays with its round until a later month leaves. Uses
-- late_postings.sql.
--
-- A round is judged by its operations up to a day after the month: what receivers take then is
-- dated then, and so its round goes on. A recovered operation keeps the instant at which it first
-- arrived, whenever it is booked again. Its batch has no receiver.

-- As before, and a round of which an operation was recovered later stays.
CREATE OR REPLACE FUNCTION stage_leaving_rows(until timestamptz, OUT operations bigint) LANGUAGE plpgsql AS $$
BEGIN
    TRUNCATE leaving_operations, leaving_keys;
    WITH batches_of AS MATERIALIZED (
        SELECT b.* FROM batches b WHERE b.committed_at < until + interval '1 day'
         UNION ALL
        SELECT b.* FROM batches b
         WHERE b.committed_at >= until + interval '1 day' AND b.session_id IS NULL
           AND b.committed_at >= (SELECT min(proposed_at) - interval '1 hour'
                                    FROM recoveries WHERE state = 'approved')
    ), candidates AS MATERIALIZED (
        SELECT o.wallet_id, o.wallet_seq, o.batch_id, o.match_key, o.provider, o.round_id,
               b.committed_at < until AS leaves, day_number(b.committed_at) AS day,
               o.decision = 'accepted' AS counts,
               operation_hash(o.provider, o.op_key) AS hash,
               CASE WHEN b.committed_at >= until THEN o.decision = 'accepted'
                    ELSE o.kind = 'adjustment' OR b.entries_at IS NULL
                         OR greatest(b.posted_at, b.entries_at) >= until
                         OR o.headers <> '' OR NOT is_digest(o.body) END AS stays
          FROM batches_of b JOIN operations o USING (batch_id)
         WHERE o.provider <> 'tieout'
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
