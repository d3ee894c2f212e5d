-- Rows of archived months leave, and come back where something names them. Uses archive.sql,
-- archived_entries.sql, month_ends.sql and archived_rows.sql.
--
--   leaving_operations  the operations that a run in progress lets go
--   leaving_keys        the hashes that it adds to archived_keys
--
-- A round leaves whole: with the rows of all its players and all its operations. Its row is in
-- no archive, so it leaves only if its operations give it again, column by column.

-- A request is about bytes (and entries), or about rows.
ALTER TABLE archive_releases
    ADD COLUMN what text NOT NULL DEFAULT 'bytes',
    ADD CONSTRAINT archive_releases_what_known CHECK (what IN ('bytes', 'rows'));
DROP INDEX archive_releases_one_each;
CREATE UNIQUE INDEX archive_releases_one_each ON archive_releases (archive_id, what)
    WHERE state <> 'rejected';

CREATE OR REPLACE FUNCTION is_released(at timestamptz) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM archives a JOIN archive_releases r USING (archive_id)
                    WHERE r.state = 'approved' AND r.what = 'bytes'
                      AND a.month = date_trunc('month', at AT TIME ZONE 'UTC')::date)
$$;

-- Why the rows of a month may not leave; null: they may.
CREATE FUNCTION rows_stay_because(month date) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN NOT EXISTS (SELECT FROM archives a JOIN archive_releases r USING (archive_id)
                          WHERE a.month = rows_stay_because.month AND r.what = 'bytes'
                            AND r.let_go_at IS NOT NULL)
        THEN 'its bytes and entries have not left'
        WHEN rows_stay_because.month > coalesce((SELECT max(m.month) FROM month_ends m),
                                                '-infinity')
        THEN 'no month end is taken of it'
        ELSE (SELECT 'the rows of ' || a.archive_id || ' before it have not left'
                FROM archives a LEFT JOIN archived_row_months l USING (month)
               WHERE a.month < rows_stay_because.month AND l.let_go_at IS NULL
               ORDER BY a.month LIMIT 1) END
$$;

-- As before. The rows of a month are requested once its bytes left, and need no other signature.
CREATE OR REPLACE FUNCTION archive_releases_must_follow() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    unsigned record;
    reason text;
BEGIN
    IF (TG_OP = 'INSERT' AND NEW.state <> 'proposed')
       OR (TG_OP = 'UPDATE' AND (
           (OLD.release_id, OLD.archive_id, OLD.what, OLD.reason, OLD.proposed_by,
            OLD.proposed_at)
           <> (NEW.release_id, NEW.archive_id, NEW.what, NEW.reason, NEW.proposed_by,
               NEW.proposed_at)
           OR (OLD.state <> 'proposed'
               AND (OLD.state, OLD.decided_by, OLD.decided_at)
                   <> (NEW.state, NEW.decided_by, NEW.decided_at))
           OR (OLD.let_go_at IS NOT NULL AND OLD.let_go_at IS DISTINCT FROM NEW.let_go_at)))
    THEN
        RAISE EXCEPTION 'request % is proposed once and decided once', NEW.release_id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'archive_releases_follow';
    END IF;
    IF NEW.what = 'rows' AND (TG_OP = 'INSERT'
                              OR (OLD.state = 'proposed' AND NEW.state = 'approved')) THEN
        reason := (SELECT rows_stay_because(a.month) FROM archives a
                    WHERE a.archive_id = NEW.archive_id);
        IF reason IS NOT NULL THEN
            RAISE EXCEPTION 'the rows of % stay: %', NEW.archive_id, reason
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'archive_releases_rows_last';
        END IF;
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.state = 'proposed' AND NEW.state = 'approved' THEN
        SELECT c.provider, c.business_day INTO unsigned
          FROM archives a
          JOIN day_closes c ON c.starts_at < (a.month + interval '1 month') AT TIME ZONE 'UTC'
                           AND c.ends_at > a.month::timestamp AT TIME ZONE 'UTC'
         WHERE a.archive_id = NEW.archive_id
           AND 'signed' IS DISTINCT FROM (
               SELECT s.action FROM day_steps s
                WHERE s.provider = c.provider AND s.business_day = c.business_day
                ORDER BY s.number DESC LIMIT 1)
         ORDER BY c.business_day, c.provider LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION '% of % is not signed', unsigned.business_day, unsigned.provider
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'archive_releases_signed';
        END IF;
    END IF;
    RETURN NEW;
END $$;

-- A month is noted before its first row leaves, and stays.
CREATE FUNCTION archived_row_months_must_follow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NEW.month = OLD.month AND NEW.begun_at = OLD.begun_at
           AND NEW.operations >= OLD.operations AND NEW.rounds >= OLD.rounds
           AND (OLD.let_go_at IS NULL OR NEW.let_go_at = OLD.let_go_at) THEN
            RETURN NEW;
        END IF;
    ELSIF NEW.let_go_at IS NULL AND (NEW.operations, NEW.rounds) = (0, 0)
          AND rows_stay_because(NEW.month) IS NULL
          AND NEW.month > coalesce((SELECT max(month) FROM archived_row_months), '-infinity')
          AND EXISTS (SELECT FROM archives a JOIN archive_releases r USING (archive_id)
                       WHERE a.month = NEW.month AND r.what = 'rows' AND r.state = 'approved')
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'append-only: % on archived_row_months is refused', TG_OP
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'archived_row_months_follow';
END $$;
CREATE TRIGGER archived_row_months_follow BEFORE INSERT OR UPDATE ON archived_row_months
    FOR EACH ROW EXECUTE FUNCTION archived_row_months_must_follow();
CREATE TRIGGER archived_row_months_never_removed BEFORE DELETE OR TRUNCATE ON archived_row_months
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What leaves in this run. After a crash they are empty, and the run that is repeated fills them.
CREATE UNLOGGED TABLE leaving_operations (
    chunk       bigint NOT NULL,       -- one transaction lets a chunk go
    wallet_id   bigint NOT NULL,
    wallet_seq  bigint NOT NULL,
    match_key   bigint NOT NULL,
    in_round    boolean NOT NULL,      -- its round has rows, which leave with it
    hash        bigint NOT NULL,
    day         smallint NOT NULL      -- of its batch, days since 1970 in UTC
);
CREATE INDEX leaving_operations_by_chunk ON leaving_operations (chunk);
CREATE INDEX leaving_operations_by_round ON leaving_operations (match_key);
CREATE UNLOGGED TABLE leaving_keys (
    hash  bigint NOT NULL,
    day   smallint NOT NULL,
    CONSTRAINT leaving_keys_pkey PRIMARY KEY (hash, day)
);
-- Batches that wait for a person: what leaves must not be theirs.
CREATE INDEX batches_parked ON batches (batch_id) WHERE posted_at IS NULL AND parked_at IS NOT NULL;

CREATE FUNCTION day_number(at timestamptz) RETURNS smallint
    LANGUAGE sql STABLE STRICT PARALLEL SAFE AS $$
    SELECT ((at AT TIME ZONE 'UTC')::date - DATE '1970-01-01')::smallint
$$;

-- Whether a body is the digest of one that left: is_let_go() of storage/archive/digests.py.
CREATE FUNCTION is_digest(body bytea) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT octet_length(body) = 17 AND get_byte(body, 0) = 0
$$;

-- The exceptions from append-only are within the functions that let go only; triggers look at the
-- rows.
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('tieout.letting_go', true) = 'yes'
       AND (TG_OP = 'UPDATE'
            AND TG_TABLE_NAME IN ('operations', 'deliveries', 'feed_versions', 'archived_totals')
            OR TG_OP = 'DELETE'
            AND TG_TABLE_NAME IN ('entries', 'operations', 'rounds', 'archived_keys')) THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'append-only: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only';
END $$;
CREATE TRIGGER archived_keys_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON archived_keys
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The rounds that these operations add up to, as posting adds them up.
CREATE FUNCTION rounds_by_rule(wallets bigint[], positions bigint[])
    RETURNS TABLE (match_key bigint, provider text, round_id text, wallet_id bigint,
                   currency text, stake bigint, payout bigint, swept bigint, bets integer,
                   wins integer, rollbacks integer, ended boolean, declared_stake bigint,
                   declared_payout bigint, first_at timestamptz, last_at timestamptz)
    LANGUAGE sql STABLE AS $$
    SELECT o.match_key, o.provider, o.round_id, o.wallet_id, min(o.currency),
           sum(o.stake)::bigint, sum(o.payout)::bigint,
           (coalesce(sum(o.stake - o.payout) FILTER (WHERE o.ends_round OR o.fund <> 'cash'), 0)
            + coalesce(sum(o.swept), 0))::bigint,
           (count(*) FILTER (WHERE o.kind IN ('bet', 'bet_and_win')))::integer,
           (count(*) FILTER (WHERE o.kind IN ('win', 'bet_and_win')))::integer,
           (count(*) FILTER (WHERE o.kind = 'rollback'))::integer,
           bool_or(o.ends_round), max(o.declared_stake), max(o.declared_payout),
           min(o.received_at), max(o.received_at)
      FROM unnest(wallets, positions) AS q (wallet_id, wallet_seq)
      JOIN operations o USING (wallet_id, wallet_seq)
      JOIN batches b ON b.batch_id = o.batch_id
     WHERE o.decision = 'accepted' AND o.provider <> 'tieout' AND b.posted_at IS NOT NULL
     GROUP BY o.match_key, o.provider, o.round_id, o.wallet_id
$$;

-- Whoever deletes: rounds leave before their operations, which have to give them again.
CREATE FUNCTION rounds_may_only_leave() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wallets bigint[];
    positions bigint[];
    wrong record;
BEGIN
    SELECT array_agg(l.wallet_id), array_agg(l.wallet_seq) INTO wallets, positions
      FROM leaving_operations l
     WHERE l.match_key IN (SELECT g.match_key FROM gone g)
       AND l.day = ANY (archived_days(l.match_key));
    SELECT g.provider, g.round_id INTO wrong
      FROM gone g LEFT JOIN rounds_by_rule(wallets, positions) e
           USING (match_key, provider, round_id, wallet_id)
     WHERE (g.currency, g.stake, g.payout, g.swept, g.bets, g.wins, g.rollbacks, g.ended,
            g.declared_stake, g.declared_payout, g.first_at, g.last_at)
           IS DISTINCT FROM
           (e.currency, e.stake, e.payout, e.swept, e.bets, e.wins, e.rollbacks, e.ended,
            e.declared_stake, e.declared_payout, e.first_at, e.last_at)
        OR g.last_at >= rows_begin_at()
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'append-only: DELETE of round % of % is refused', wrong.round_id,
                        wrong.provider
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'rounds_append_only';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER rounds_may_only_leave AFTER DELETE ON rounds REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION rounds_may_only_leave();

-- Whoever deletes: an operation leaves if its bytes and entries did, its key is archived, and
-- neither its round nor the operation that it undid stays.
CREATE FUNCTION operations_may_only_leave() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
BEGIN
    SELECT g.provider, g.op_key INTO wrong
      FROM gone g LEFT JOIN batches b USING (batch_id)
     WHERE g.provider = 'tieout' OR g.kind = 'adjustment'
        OR g.headers <> '' OR NOT is_digest(g.body)
        OR b.entries_at IS NULL OR b.committed_at >= rows_begin_at()
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
CREATE TRIGGER operations_may_only_leave AFTER DELETE ON operations
    REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION operations_may_only_leave();

-- Letting go -----------------------------------------------------------------------------------

-- Rounds about which somebody still has to decide: SETTLED of breaks/states.py needs nobody.
CREATE VIEW rounds_in_question AS
SELECT b.provider, b.round_id
  FROM breaks b JOIN break_workflows w USING (break_id)
 WHERE b.cleared_at IS NULL AND w.state NOT IN ('explained', 'posted', 'written_off', 'closed')
 UNION ALL
SELECT a.provider, a.round_id FROM adjustments a
 WHERE a.state IN ('proposed', 'approved') AND a.round_id IS NOT NULL;

-- Finds what leaves of all that was committed before an instant: rounds of which nothing stays,
-- in the order of their first batches, some 2 000 operations a chunk. Operations without a round
-- row moved nothing, and leave by themselves.
CREATE FUNCTION stage_leaving_rows(until timestamptz, OUT operations bigint) LANGUAGE plpgsql AS $$
BEGIN
    TRUNCATE leaving_operations, leaving_keys;
    WITH candidates AS MATERIALIZED (
        SELECT o.wallet_id, o.wallet_seq, o.batch_id, o.match_key, o.provider, o.round_id,
               b.committed_at < until AS leaves, day_number(b.committed_at) AS day,
               o.decision = 'accepted' AS counts,
               operation_hash(o.provider, o.op_key) AS hash,
               CASE WHEN b.committed_at >= until THEN o.decision = 'accepted'
                    ELSE o.kind = 'adjustment' OR b.entries_at IS NULL
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

-- Adds staged hashes from one on to archived_keys, some 100 000 hashes a call. Returns where the
-- next call begins; null: all are there. 150 hashes make five rows a page.
CREATE FUNCTION merge_archived_keys(since bigint, OUT next bigint) LANGUAGE plpgsql AS $$
DECLARE
    first bigint;
BEGIN
    PERFORM set_config('tieout.letting_go', 'yes', true);
    next := least((SELECT hash FROM leaving_keys WHERE hash > since
                    ORDER BY hash OFFSET 100000 LIMIT 1),
                  (SELECT first_hash FROM archived_keys WHERE first_hash > since
                    ORDER BY first_hash OFFSET 700 LIMIT 1));
    first := coalesce((SELECT max(first_hash) FROM archived_keys WHERE first_hash <= since),
                      since);
    WITH replaced AS (
        DELETE FROM archived_keys k
         WHERE k.first_hash >= first AND (next IS NULL OR k.first_hash < next)
        RETURNING k.hashes, k.days
    ), merged AS (
        SELECT hash, day FROM leaving_keys
         WHERE hash >= since AND (next IS NULL OR hash < next)
         UNION
        SELECT u.hash, u.day FROM replaced k, unnest(k.hashes, k.days) AS u (hash, day)
    )
    INSERT INTO archived_keys (first_hash, hashes, days)
    SELECT min(hash), array_agg(hash ORDER BY hash, day), array_agg(day ORDER BY hash, day)
      FROM (SELECT m.hash, m.day, (rank() OVER (ORDER BY m.hash) - 1) / 150 AS part
              FROM merged m) m
     GROUP BY part;
    PERFORM set_config('tieout.letting_go', '', true);
END $$;

-- Lets a chunk go that is staged. Rounds that something arrived for since, or about which
-- somebody has to decide, stay; so do those whose rows do not follow from their operations, which
-- are named. What leaves is no longer staged.
CREATE FUNCTION let_go_of_rows(
    part bigint, until timestamptz, OUT operations bigint, OUT rounds bigint, OUT wrong text[])
    LANGUAGE plpgsql AS $$
DECLARE
    keys bigint[];
    stay bigint[];
    differ bigint[];
    wallets bigint[];
    positions bigint[];
BEGIN
    PERFORM set_config('tieout.letting_go', 'yes', true);
    SELECT array_agg(DISTINCT l.match_key), array_agg(l.wallet_id), array_agg(l.wallet_seq)
      INTO keys, wallets, positions
      FROM leaving_operations l WHERE l.chunk = part;
    -- Posting adds to these rounds before, or finds none after.
    PERFORM FROM rounds r WHERE r.match_key = ANY (keys)
      ORDER BY r.match_key, r.provider, r.round_id, r.wallet_id FOR UPDATE;
    stay := ARRAY(
        SELECT o.match_key FROM batches b JOIN operations o USING (batch_id)
         WHERE b.posted_at IS NULL AND b.parked_at IS NULL AND o.match_key = ANY (keys)
         UNION
        SELECT o.match_key FROM batches b JOIN operations o USING (batch_id)
         WHERE b.posted_at IS NULL AND b.parked_at IS NOT NULL AND o.match_key = ANY (keys)
         UNION
        SELECT r.match_key FROM rounds r WHERE r.match_key = ANY (keys) AND r.last_at >= until
         UNION
        SELECT r.match_key FROM rounds r JOIN rounds_in_question q USING (provider, round_id)
         WHERE r.match_key = ANY (keys)
         UNION
        SELECT o.match_key
          FROM unnest(wallets, positions) AS q (wallet_id, wallet_seq)
          JOIN operations o USING (wallet_id, wallet_seq)
          JOIN operations u ON u.provider = o.provider AND u.op_key = o.reverses
         WHERE u.match_key <> o.match_key);
    differ := ARRAY(
        SELECT DISTINCT match_key
          FROM (SELECT * FROM rounds r WHERE r.match_key = ANY (keys)) r
          FULL JOIN rounds_by_rule(wallets, positions) e
               USING (match_key, provider, round_id, wallet_id)
         WHERE (r.currency, r.stake, r.payout, r.swept, r.bets, r.wins, r.rollbacks, r.ended,
                r.declared_stake, r.declared_payout, r.first_at, r.last_at)
               IS DISTINCT FROM
               (e.currency, e.stake, e.payout, e.swept, e.bets, e.wins, e.rollbacks, e.ended,
                e.declared_stake, e.declared_payout, e.first_at, e.last_at));
    wrong := ARRAY(SELECT DISTINCT r.provider || ' ' || r.round_id FROM rounds r
                    WHERE r.match_key = ANY (differ) AND r.match_key <> ALL (stay));
    stay := stay || differ;
    DELETE FROM rounds r WHERE r.match_key = ANY (keys) AND r.match_key <> ALL (stay);
    GET DIAGNOSTICS rounds = ROW_COUNT;
    DELETE FROM operations o USING leaving_operations l
     WHERE l.chunk = part AND l.match_key <> ALL (stay)
       AND o.wallet_id = l.wallet_id AND o.wallet_seq = l.wallet_seq;
    GET DIAGNOSTICS operations = ROW_COUNT;
    DELETE FROM leaving_operations l WHERE l.chunk = part AND l.match_key <> ALL (stay);
    UPDATE archived_row_months m
       SET operations = m.operations + let_go_of_rows.operations,
           rounds = m.rounds + let_go_of_rows.rounds
     WHERE m.at = until;
    PERFORM set_config('tieout.letting_go', '', true);
END $$;
REVOKE EXECUTE ON FUNCTION stage_leaving_rows(timestamptz), merge_archived_keys(bigint),
    let_go_of_rows(bigint, timestamptz) FROM PUBLIC;

-- Coming back ----------------------------------------------------------------------------------

-- Puts rows of operations back for a demand, as they were when they left, and the rounds that
-- they add up to. Whoever calls it has read the archive; each row must be one whose key is archived
-- for its day. None at all: the archive has none of that name. Returns how many rows the demand
-- has.
CREATE FUNCTION recall_rows(demand bigint, came jsonb) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    wanted recalls;
    wrong record;
    wallets bigint[];
    positions bigint[];
    counted integer;
BEGIN
    SELECT * INTO STRICT wanted FROM recalls r WHERE r.recall_id = demand FOR UPDATE;
    IF wanted.came_at IS NOT NULL THEN
        RETURN wanted.operations;
    END IF;
    IF archived_days(wanted.hash) IS NULL THEN
        RAISE EXCEPTION 'nothing named % of % left', wanted.name, wanted.provider
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'recalls_bring_what_left';
    END IF;
    PERFORM set_config('tieout.recalling', 'yes', true);
    SELECT o.provider, o.op_key INTO wrong
      FROM jsonb_populate_recordset(NULL::operations, came) o
      LEFT JOIN batches b USING (batch_id)
      LEFT JOIN month_end_wallets m USING (wallet_id)
     WHERE o.provider = 'tieout' OR o.kind = 'adjustment'
        OR o.headers <> '' OR NOT is_digest(o.body)
        OR b.entries_at IS NULL OR b.committed_at >= rows_begin_at()
        OR o.wallet_seq > coalesce(m.wallet_seq, 0)
        OR NOT coalesce(day_number(b.committed_at)
                        = ANY (archived_days(operation_hash(o.provider, o.op_key))), false)
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'operation % of % did not leave', wrong.op_key, wrong.provider
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'recalls_bring_what_left';
    END IF;
    INSERT INTO operations
    SELECT o.* FROM jsonb_populate_recordset(NULL::operations, came) o
     ORDER BY o.wallet_id, o.wallet_seq
    ON CONFLICT DO NOTHING;
    SELECT q.provider, q.op_key INTO wrong
      FROM jsonb_populate_recordset(NULL::operations, came) q
      LEFT JOIN operations o USING (wallet_id, wallet_seq)
     WHERE q IS DISTINCT FROM o LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'operation % of % has another row here', wrong.op_key, wrong.provider
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'recalls_bring_what_left';
    END IF;
    SELECT array_agg(o.wallet_id), array_agg(o.wallet_seq) INTO wallets, positions
      FROM jsonb_populate_recordset(NULL::operations, came) o;
    INSERT INTO rounds (match_key, provider, round_id, wallet_id, currency, stake, payout, swept,
                        bets, wins, rollbacks, ended, declared_stake, declared_payout, first_at,
                        last_at)
    SELECT e.* FROM rounds_by_rule(wallets, positions) e
     ORDER BY e.match_key, e.provider, e.round_id, e.wallet_id
    ON CONFLICT DO NOTHING;
    SELECT r.provider, r.round_id INTO wrong
      FROM rounds_by_rule(wallets, positions) e
      JOIN rounds r USING (match_key, provider, round_id, wallet_id)
     WHERE r.ended AND r.swept <> r.stake - r.payout LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'round % of % came without some of its operations', wrong.round_id,
                        wrong.provider
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'recalls_bring_what_left';
    END IF;
    SELECT CASE WHEN bool_or(CASE wanted.kind
                    WHEN 'operation' THEN (o.provider, o.op_key) = (wanted.provider, wanted.name)
                    ELSE (o.provider, o.round_id, o.decision)
                         = (wanted.provider, wanted.name, 'accepted') END)
                THEN count(*) ELSE 0 END INTO counted
      FROM jsonb_populate_recordset(NULL::operations, came) o;
    UPDATE recalls r SET came_at = clock_timestamp(), operations = counted
     WHERE r.recall_id = demand;
    PERFORM set_config('tieout.recalling', '', true);
    RETURN counted;
END $$;
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION recall_rows(bigint, jsonb) SET search_path = %I, pg_temp',
                   current_schema());
END $$;
REVOKE EXECUTE ON FUNCTION recall_rows(bigint, jsonb) FROM PUBLIC;

-- What is recalled changes no figure of its day.
DROP TRIGGER rounds_mark_days_on_insert ON rounds;
CREATE TRIGGER rounds_mark_days_on_insert AFTER INSERT ON rounds
    REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT WHEN (current_setting('tieout.recalling', true) IS DISTINCT FROM 'yes')
    EXECUTE FUNCTION rounds_mark_days_on_insert();
