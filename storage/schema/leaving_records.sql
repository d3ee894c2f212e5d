-- Records of the feeds leave after the operations and rounds of their months, for a supplement
-- of the archive. Uses feeds.sql, archive.sql, archived_rows.sql and leaving_rows.sql.
--
--   archive_supplements   further files of an archive, written from rows that leave
--   archived_records      packed hashes of the records that left, and of their versions
--   leaving_records       the records that a run in progress lets go
--   leaving_listings      the lines of statement files that list them
--   leaving_versions      the hashes that it adds to archived_records
--   archived_row_digests  the digests of the rows of a supplement, as they were read back
--   recalled_histories    rounds whose records were brought back
--
-- A record leaves whole: all its occurrences, versions, former values and listings. A row leaves
-- only if it is, column by column, what was read back from the supplement just now.

CREATE TABLE archive_supplements (
    archive_id     text NOT NULL REFERENCES archives,
    number         integer NOT NULL,         -- its folder is 'supplement-1' and so on
    manifest_hash  text NOT NULL,            -- SHA-256 of its manifest, in hex
    rows           bigint NOT NULL,
    bytes          bigint NOT NULL,          -- of its files
    written_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT archive_supplements_pkey PRIMARY KEY (archive_id, number),
    CONSTRAINT archive_supplements_number_positive CHECK (number > 0),
    CONSTRAINT archive_supplements_hash_shape CHECK (manifest_hash ~ '^[0-9a-f]{64}$'),
    CONSTRAINT archive_supplements_not_empty CHECK (rows > 0 AND bytes > 0)
);
CREATE TRIGGER archive_supplements_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
    ON archive_supplements FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Only of months whose rows leave by an approved request.
CREATE FUNCTION archive_supplements_must_follow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM archives a JOIN archived_row_months m USING (month)
                    WHERE a.archive_id = NEW.archive_id) THEN
        RAISE EXCEPTION 'the rows of % do not leave', NEW.archive_id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'archive_supplements_follow';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER archive_supplements_follow BEFORE INSERT ON archive_supplements
    FOR EACH ROW EXECUTE FUNCTION archive_supplements_must_follow();

-- As archived_keys: hashes in ascending order, cut into rows, equal hashes in one row. Of each
-- version stay eighteen bytes.
CREATE TABLE archived_records (
    first_hash  bigint PRIMARY KEY,
    hashes      bigint[] NOT NULL,     -- of provider and record id
    contents    bigint[] NOT NULL,     -- the first half of feed_versions.content
    months      smallint[] NOT NULL,   -- of the archive that has it, months since 1970
    CONSTRAINT archived_records_begin_with_their_first CHECK (hashes[1] = first_hash),
    CONSTRAINT archived_records_are_even
        CHECK (cardinality(hashes) = cardinality(contents)
               AND cardinality(hashes) = cardinality(months))
);
ALTER TABLE archived_records
    ALTER hashes SET STORAGE PLAIN, ALTER contents SET STORAGE PLAIN,
    ALTER months SET STORAGE PLAIN;

CREATE FUNCTION record_hash(provider text, record_id text) RETURNS bigint
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT ('x' || encode(substring(sha256(convert_to(provider || E'\n' || record_id, 'UTF8'))
                                    FOR 8), 'hex'))::bit(64)::bigint
$$;
CREATE FUNCTION content_hash(content bytea) RETURNS bigint
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT ('x' || encode(substring(content || '\x0000000000000000'::bytea FOR 8),
                          'hex'))::bit(64)::bigint
$$;

-- The versions of a record that left, with the months of their archives; no row: none left.
CREATE FUNCTION archived_versions(hash bigint) RETURNS TABLE (content bigint, month smallint)
    LANGUAGE sql STABLE AS $$
    SELECT u.content, u.month
      FROM (SELECT k.hashes, k.contents, k.months FROM archived_records k
             WHERE k.first_hash <= archived_versions.hash
             ORDER BY k.first_hash DESC LIMIT 1) k,
           unnest(k.hashes, k.contents, k.months) AS u (hash, content, month)
     WHERE u.hash = archived_versions.hash
$$;

-- What leaves in this run. After a crash they are empty, and the run that is repeated fills them.
CREATE UNLOGGED TABLE leaving_records (
    chunk      bigint NOT NULL,        -- one transaction lets a chunk go
    provider   text NOT NULL,
    record_id  text NOT NULL,
    CONSTRAINT leaving_records_pkey PRIMARY KEY (provider, record_id)
);
CREATE INDEX leaving_records_by_chunk ON leaving_records (chunk);
CREATE UNLOGGED TABLE leaving_listings (
    chunk       bigint NOT NULL,
    file_id     bigint NOT NULL,
    provider    text NOT NULL,
    record_id   text NOT NULL,
    occurrence  integer NOT NULL
);
CREATE INDEX leaving_listings_by_chunk ON leaving_listings (chunk);
CREATE UNLOGGED TABLE leaving_versions (
    hash     bigint NOT NULL,
    content  bigint NOT NULL,
    month    smallint NOT NULL,
    CONSTRAINT leaving_versions_pkey PRIMARY KEY (hash, content)
);
CREATE UNLOGGED TABLE archived_row_digests (
    digest  bytea PRIMARY KEY
);

-- The digest of a row as PostgreSQL prints it, with its instants in UTC.
-- ledger/archive/supplement.py computes the same from the files.
CREATE FUNCTION archived_row_digest(name text, printed json) RETURNS bytea
    LANGUAGE sql STABLE STRICT PARALLEL SAFE AS $$
    SELECT substring(sha256(convert_to('{"' || name || '":' || printed::text || E'}\n', 'UTF8'))
                     FOR 16)
$$;

CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('tieout.letting_go', true) = 'yes'
       AND (TG_OP = 'UPDATE'
            AND TG_TABLE_NAME IN ('operations', 'deliveries', 'feed_versions', 'archived_totals')
            OR TG_OP = 'DELETE'
            AND TG_TABLE_NAME IN ('entries', 'operations', 'rounds', 'archived_keys',
                                  'archived_records', 'feed_versions', 'feed_superseded',
                                  'feed_file_records', 'provider_deliveries',
                                  'deliveries')) THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'append-only: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only';
END $$;
CREATE TRIGGER archived_records_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
    ON archived_records FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Whoever deletes: a row leaves if a supplement has it as it is, and a record only from before
-- the cut, once its hash is kept.
CREATE FUNCTION feed_rows_may_only_leave() RETURNS trigger LANGUAGE plpgsql
    SET TimeZone = 'UTC' AS $$
DECLARE
    is_kept boolean := true;
BEGIN
    IF TG_TABLE_NAME = 'feed_records' THEN
        is_kept := NOT EXISTS (
            SELECT FROM gone g
             WHERE g.created_at >= rows_begin_at()
                OR NOT EXISTS (SELECT FROM archived_versions(
                                   record_hash(g.provider, g.record_id))));
    ELSIF TG_TABLE_NAME = 'deliveries' THEN
        is_kept := NOT EXISTS (
            SELECT FROM gone g LEFT JOIN batches b USING (batch_id)
             WHERE coalesce(b.committed_at, 'infinity') >= rows_begin_at());
    ELSIF TG_TABLE_NAME = 'feed_versions' THEN
        is_kept := NOT EXISTS (
            SELECT FROM gone g
             WHERE g.received_at >= rows_begin_at()
                OR content_hash(g.content) NOT IN (
                       SELECT v.content FROM archived_versions(
                           record_hash(g.provider, g.record_id)) v));
    END IF;
    IF NOT is_kept OR EXISTS (
        SELECT FROM gone g
         WHERE NOT EXISTS (SELECT FROM archived_row_digests d
                            WHERE d.digest = archived_row_digest(TG_TABLE_NAME, row_to_json(g))))
    THEN
        RAISE EXCEPTION 'append-only: DELETE on % is refused: no supplement has the row',
                        TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only';
    END IF;
    RETURN NULL;
END $$;
-- Records are withdrawn, too, each with a row in feed_withdrawals.
CREATE TRIGGER feed_records_may_only_leave AFTER DELETE ON feed_records
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT
    WHEN (current_setting('tieout.letting_go', true) = 'yes')
    EXECUTE FUNCTION feed_rows_may_only_leave();
CREATE TRIGGER feed_versions_may_only_leave AFTER DELETE ON feed_versions
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT
    EXECUTE FUNCTION feed_rows_may_only_leave();
CREATE TRIGGER feed_superseded_may_only_leave AFTER DELETE ON feed_superseded
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT
    EXECUTE FUNCTION feed_rows_may_only_leave();
CREATE TRIGGER feed_file_records_may_only_leave AFTER DELETE ON feed_file_records
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT
    EXECUTE FUNCTION feed_rows_may_only_leave();
CREATE TRIGGER provider_deliveries_may_only_leave AFTER DELETE ON provider_deliveries
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT
    EXECUTE FUNCTION feed_rows_may_only_leave();

CREATE TRIGGER deliveries_may_only_leave AFTER DELETE ON deliveries
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT
    EXECUTE FUNCTION feed_rows_may_only_leave();

-- What leaves changes no figure of its day.
DROP TRIGGER feed_records_mark_days_on_delete ON feed_records;
CREATE TRIGGER feed_records_mark_days_on_delete AFTER DELETE ON feed_records
    REFERENCING OLD TABLE AS was FOR EACH STATEMENT
    WHEN (current_setting('tieout.letting_go', true) IS DISTINCT FROM 'yes')
    EXECUTE FUNCTION feed_records_mark_days_on_delete();

-- Letting go -----------------------------------------------------------------------------------

-- Callbacks that a provider's log names for a break about which somebody still has to decide.
CREATE VIEW logged_in_question AS
SELECT b.provider, n.name
  FROM breaks b JOIN break_workflows w USING (break_id)
 CROSS JOIN LATERAL jsonb_array_elements_text(
       CASE jsonb_typeof(b.evidence -> 'logged') WHEN 'array' THEN b.evidence -> 'logged'
            ELSE '[]' END) AS n (name)
 WHERE b.cleared_at IS NULL AND w.state NOT IN ('explained', 'posted', 'written_off', 'closed');

-- Callbacks of a provider's log that leave: old by both clocks.
CREATE FUNCTION leaving_logged(until timestamptz) RETURNS SETOF provider_deliveries
    LANGUAGE sql STABLE AS $$
    SELECT p.* FROM provider_deliveries p
     WHERE p.attempted_at < until AND p.pulled_at < until
       AND NOT EXISTS (SELECT FROM logged_in_question q
                        WHERE q.provider = p.provider
                          AND q.name = p.webhook_id || '/' || p.delivery_id)
$$;

-- Deliveries that leave: committed before an instant, their bytes are gone, nobody has to take them
-- in, and no operation is here that they are about. Proofs begin at the month end, after them; the
-- archive of their day has them as they were sealed.
CREATE FUNCTION leaving_deliveries(until timestamptz) RETURNS SETOF deliveries
    LANGUAGE sql STABLE AS $$
    SELECT d.* FROM batches b JOIN deliveries d USING (batch_id)
     WHERE b.committed_at < until AND d.headers = '' AND is_digest(d.body)
       AND d.parked_at IS NULL
       AND (d.verdict NOT IN ('recorded', 'malformed') OR d.ingested_at IS NOT NULL)
       AND NOT EXISTS (SELECT FROM operations o
                        WHERE o.provider = d.provider AND o.op_key = d.op_key)
$$;

-- Finds the records that leave of those created and received before an instant, some 2 000 a
-- chunk. A record stays while our round is here or a break on it is open, while a finding names
-- it, if it was ever withdrawn, outside of signed days, and while a version has its line. What
-- came late of a record that left follows it.
CREATE FUNCTION stage_leaving_records(until timestamptz, OUT records bigint)
    LANGUAGE plpgsql AS $$
DECLARE
    this_month smallint := (extract(year FROM until AT TIME ZONE 'UTC') * 12
                            + extract(month FROM until AT TIME ZONE 'UTC') - 2 - 1970 * 12);
BEGIN
    TRUNCATE leaving_records, leaving_listings, leaving_versions, archived_row_digests;
    INSERT INTO leaving_records (chunk, provider, record_id)
    WITH signed AS MATERIALIZED (
        SELECT c.provider, range_agg(tstzrange(c.starts_at, c.ends_at)) AS days
          FROM day_closes c
         WHERE c.starts_at < until
           AND 'signed' = (SELECT s.action FROM day_steps s
                            WHERE s.provider = c.provider AND s.business_day = c.business_day
                            ORDER BY s.number DESC LIMIT 1)
         GROUP BY c.provider
    ), parts AS (
        SELECT r.provider, r.record_id, true AS is_record, 0 AS versions,
               r.created_at >= until OR r.received_at >= until
               OR NOT coalesce(s.days @> r.created_at, false)
               OR EXISTS (SELECT FROM rounds o
                           WHERE o.match_key = r.match_key AND o.provider = r.provider)
               OR (r.provider, r.round_id) IN (SELECT q.provider, q.round_id
                                                 FROM rounds_in_question q) AS stays
          FROM feed_records r LEFT JOIN signed s USING (provider)
         UNION ALL
        SELECT v.provider, v.record_id, false, 1, v.received_at >= until OR NOT is_digest(v.raw)
          FROM feed_versions v
         UNION ALL
        SELECT u.provider, u.record_id, false, 0, u.created_at >= until OR u.received_at >= until
          FROM feed_superseded u
         UNION ALL
        SELECT f.provider, l.record_id, false, 0, f.received_at >= until
          FROM feed_file_records l JOIN feed_files f USING (file_id)
         UNION ALL
        SELECT w.provider, w.record_id, false, 0, true FROM feed_withdrawals w
         UNION ALL
        SELECT g.provider, g.record_id, false, 0, true FROM feed_findings g
         WHERE g.record_id IS NOT NULL AND g.resolved_at IS NULL
    )
    -- More versions than these would not fit a row of archived_records.
    SELECT (row_number() OVER (ORDER BY p.provider, p.record_id) - 1) / 2000,
           p.provider, p.record_id
      FROM parts p GROUP BY p.provider, p.record_id
    HAVING NOT bool_or(p.stays) AND sum(p.versions) <= 200
       AND (bool_or(p.is_record)
            OR EXISTS (SELECT FROM archived_versions(record_hash(p.provider, p.record_id))));
    GET DIAGNOSTICS records = ROW_COUNT;
    INSERT INTO leaving_listings
    SELECT l.chunk, x.file_id, l.provider, x.record_id, x.occurrence
      FROM feed_file_records x JOIN feed_files f USING (file_id)
      JOIN leaving_records l ON l.provider = f.provider AND l.record_id = x.record_id;
    INSERT INTO leaving_versions
    SELECT record_hash(l.provider, l.record_id), coalesce(content_hash(v.content), 0),
           this_month
      FROM leaving_records l LEFT JOIN feed_versions v USING (provider, record_id)
    ON CONFLICT DO NOTHING;
END $$;

-- Adds staged hashes from one on to archived_records, some 100 000 a call. Returns where the next
-- call begins; null: all are there. 140 versions make three rows a page.
CREATE FUNCTION merge_archived_records(since bigint, OUT next bigint) LANGUAGE plpgsql AS $$
DECLARE
    first bigint;
BEGIN
    PERFORM set_config('tieout.letting_go', 'yes', true);
    next := least((SELECT hash FROM leaving_versions WHERE hash > since
                    ORDER BY hash OFFSET 100000 LIMIT 1),
                  (SELECT first_hash FROM archived_records WHERE first_hash > since
                    ORDER BY first_hash OFFSET 700 LIMIT 1));
    first := coalesce((SELECT max(first_hash) FROM archived_records WHERE first_hash <= since),
                      since);
    WITH replaced AS (
        DELETE FROM archived_records k
         WHERE k.first_hash >= first AND (next IS NULL OR k.first_hash < next)
        RETURNING k.hashes, k.contents, k.months
    ), merged AS (
        SELECT hash, content, min(month) AS month
          FROM (SELECT hash, content, month FROM leaving_versions
                 WHERE hash >= since AND (next IS NULL OR hash < next)
                 UNION ALL
                SELECT u.hash, u.content, u.month
                  FROM replaced k, unnest(k.hashes, k.contents, k.months)
                                   AS u (hash, content, month)) m
         GROUP BY hash, content
    )
    INSERT INTO archived_records (first_hash, hashes, contents, months)
    SELECT min(hash), array_agg(hash ORDER BY hash, content),
           array_agg(content ORDER BY hash, content), array_agg(month ORDER BY hash, content)
      FROM (SELECT m.*, (rank() OVER (ORDER BY m.hash) - 1) / 140 AS part FROM merged m) m
     GROUP BY part;
    PERFORM set_config('tieout.letting_go', '', true);
END $$;

-- Lets a chunk go that is staged. Records that changed since their rows were written to the
-- supplement stay, and are named. Whoever delivers records of a provider waits meanwhile.
CREATE FUNCTION let_go_of_records(part bigint, OUT records bigint, OUT kept text[])
    LANGUAGE plpgsql SET TimeZone = 'UTC' AS $$
DECLARE
    slug text;
BEGIN
    FOR slug IN SELECT DISTINCT l.provider FROM leaving_records l WHERE l.chunk = part
                 ORDER BY 1 LOOP
        PERFORM pg_advisory_xact_lock(hashtextextended('feed ' || slug, 0));
    END LOOP;
    PERFORM set_config('tieout.letting_go', 'yes', true);
    WITH present AS (
        SELECT r.provider, r.record_id,
               archived_row_digest('feed_records', row_to_json(r)) AS digest
          FROM leaving_records l JOIN feed_records r USING (provider, record_id)
         WHERE l.chunk = part
         UNION ALL
        SELECT v.provider, v.record_id, archived_row_digest('feed_versions', row_to_json(v))
          FROM leaving_records l JOIN feed_versions v USING (provider, record_id)
         WHERE l.chunk = part
         UNION ALL
        SELECT u.provider, u.record_id, archived_row_digest('feed_superseded', row_to_json(u))
          FROM leaving_records l JOIN feed_superseded u USING (provider, record_id)
         WHERE l.chunk = part
         UNION ALL
        SELECT l.provider, l.record_id, archived_row_digest('feed_file_records', row_to_json(x))
          FROM leaving_listings l JOIN feed_file_records x USING (file_id, record_id, occurrence)
         WHERE l.chunk = part
    ), changed AS (
        DELETE FROM leaving_records l
         WHERE l.chunk = part AND (l.provider, l.record_id) IN (
               SELECT p.provider, p.record_id FROM present p
                WHERE NOT EXISTS (SELECT FROM archived_row_digests d WHERE d.digest = p.digest))
        RETURNING l.provider || ' ' || l.record_id AS name)
    SELECT array_agg(name ORDER BY name) INTO kept FROM changed;
    DELETE FROM feed_file_records x USING leaving_listings i, leaving_records l
     WHERE i.chunk = part AND l.provider = i.provider AND l.record_id = i.record_id
       AND x.file_id = i.file_id AND x.record_id = i.record_id
       AND x.occurrence = i.occurrence;
    DELETE FROM feed_superseded u USING leaving_records l
     WHERE l.chunk = part AND u.provider = l.provider AND u.record_id = l.record_id;
    DELETE FROM feed_versions v USING leaving_records l
     WHERE l.chunk = part AND v.provider = l.provider AND v.record_id = l.record_id;
    DELETE FROM feed_records r USING leaving_records l
     WHERE l.chunk = part AND r.provider = l.provider AND r.record_id = l.record_id;
    DELETE FROM leaving_listings i WHERE i.chunk = part;
    DELETE FROM leaving_records l WHERE l.chunk = part;
    GET DIAGNOSTICS records = ROW_COUNT;
    PERFORM set_config('tieout.letting_go', '', true);
END $$;

-- Lets callbacks of a provider's log go that were attempted from one instant to another.
CREATE FUNCTION let_go_of_logged(
    slug text, since timestamptz, until timestamptz, cut timestamptz, OUT gone bigint)
    LANGUAGE plpgsql SET TimeZone = 'UTC' AS $$
BEGIN
    PERFORM set_config('tieout.letting_go', 'yes', true);
    DELETE FROM provider_deliveries p
     WHERE p.provider = slug AND p.attempted_at >= since AND p.attempted_at < until
       AND (p.provider, p.webhook_id, p.delivery_id) IN (
           SELECT l.provider, l.webhook_id, l.delivery_id FROM leaving_logged(cut) l
            WHERE l.provider = slug AND l.attempted_at >= since AND l.attempted_at < until)
       AND EXISTS (SELECT FROM archived_row_digests d
                    WHERE d.digest = archived_row_digest('provider_deliveries', row_to_json(p)));
    GET DIAGNOSTICS gone = ROW_COUNT;
    PERFORM set_config('tieout.letting_go', '', true);
END $$;
-- Lets deliveries go, of those from one number to another.
CREATE FUNCTION let_go_of_delivery_rows(
    first bigint, beyond bigint, cut timestamptz, OUT gone bigint)
    LANGUAGE plpgsql SET TimeZone = 'UTC' AS $$
BEGIN
    IF cut > rows_begin_at() THEN
        RAISE EXCEPTION 'append-only: rows from % on stay', rows_begin_at()
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'deliveries_append_only';
    END IF;
    PERFORM set_config('tieout.letting_go', 'yes', true);
    DELETE FROM deliveries d USING batches b
     WHERE d.delivery_id >= first AND d.delivery_id < beyond
       AND b.batch_id = d.batch_id AND b.committed_at < cut
       AND d.headers = '' AND is_digest(d.body) AND d.parked_at IS NULL
       AND (d.verdict NOT IN ('recorded', 'malformed') OR d.ingested_at IS NOT NULL)
       AND NOT EXISTS (SELECT FROM operations o
                        WHERE o.provider = d.provider AND o.op_key = d.op_key)
       AND EXISTS (SELECT FROM archived_row_digests x
                    WHERE x.digest = archived_row_digest('deliveries', row_to_json(d)));
    GET DIAGNOSTICS gone = ROW_COUNT;
    PERFORM set_config('tieout.letting_go', '', true);
END $$;
REVOKE EXECUTE ON FUNCTION stage_leaving_records(timestamptz), merge_archived_records(bigint),
    let_go_of_records(bigint), let_go_of_delivery_rows(bigint, bigint, timestamptz),
    let_go_of_logged(text, timestamptz, timestamptz, timestamptz) FROM PUBLIC;

-- Coming back ----------------------------------------------------------------------------------

-- What a provider reported of a round before the cut was looked for in every supplement until then.
CREATE TABLE recalled_histories (
    provider     text NOT NULL,
    round_id     text NOT NULL,
    recalled_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    records      bigint NOT NULL,          -- that came, or were here
    CONSTRAINT recalled_histories_pkey PRIMARY KEY (provider, round_id, recalled_at)
);
CREATE TRIGGER recalled_histories_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
    ON recalled_histories FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Whether records of a round may be in a supplement only, though its operations are here: it left
-- once, and nobody looked for its records since the last supplement was written.
CREATE FUNCTION is_history_away(provider text, round_id text, match_key bigint) RETURNS boolean
    LANGUAGE sql STABLE AS $$
    SELECT archived_days(is_history_away.match_key) IS NOT NULL
       AND EXISTS (SELECT FROM archive_supplements)
       AND NOT EXISTS (
           SELECT FROM recalled_histories h
            WHERE h.provider = is_history_away.provider
              AND h.round_id = is_history_away.round_id
              AND h.recalled_at > (SELECT max(s.written_at) FROM archive_supplements s))
$$;

-- Puts the records of a round back as they were when they left, with their versions, former values
-- and listings. Whoever calls it has read the supplements. Returns how many records are here.
CREATE FUNCTION recall_history(slug text, round_name text, came jsonb) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    counted bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('feed ' || slug, 0));
    IF EXISTS (SELECT FROM jsonb_populate_recordset(NULL::feed_records, came -> 'feed_records') r
                WHERE (r.provider, r.round_id) <> (slug, round_name)
                   OR NOT EXISTS (SELECT FROM archived_versions(
                                      record_hash(r.provider, r.record_id)))) THEN
        RAISE EXCEPTION 'records of round % of % did not leave', round_name, slug
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'recalls_bring_what_left';
    END IF;
    PERFORM set_config('tieout.recalling', 'yes', true);
    INSERT INTO feed_records (created_at, provider, match_key, stake, payout, stored_no, updated_at,
                              received_at, occurrence, rolled_back, continues, currency, record_id,
                              round_id, handle, source, declared_net, balance_before,
                              balance_after, game)
    SELECT r.created_at, r.provider, r.match_key, r.stake, r.payout, r.stored_no, r.updated_at,
           r.received_at, r.occurrence, r.rolled_back, r.continues, r.currency, r.record_id,
           r.round_id, r.handle, r.source, r.declared_net, r.balance_before, r.balance_after,
           r.game
      FROM jsonb_populate_recordset(NULL::feed_records, came -> 'feed_records') r
    ON CONFLICT DO NOTHING;
    INSERT INTO feed_versions OVERRIDING SYSTEM VALUE
    SELECT v.* FROM jsonb_populate_recordset(NULL::feed_versions, came -> 'feed_versions') v
    ON CONFLICT DO NOTHING;
    INSERT INTO feed_superseded
    SELECT u.* FROM jsonb_populate_recordset(NULL::feed_superseded, came -> 'feed_superseded') u
    ON CONFLICT DO NOTHING;
    INSERT INTO feed_file_records
    SELECT x.* FROM jsonb_populate_recordset(NULL::feed_file_records,
                                             came -> 'feed_file_records') x
    ON CONFLICT DO NOTHING;
    SELECT count(*) INTO counted FROM feed_records r
     WHERE r.provider = slug AND r.round_id = round_name AND r.created_at < rows_begin_at()
       AND r.match_key IN (SELECT c.match_key FROM jsonb_populate_recordset(
                               NULL::feed_records, came -> 'feed_records') c);
    INSERT INTO recalled_histories (provider, round_id, records)
    VALUES (slug, round_name, counted);
    PERFORM set_config('tieout.recalling', '', true);
    RETURN counted;
END $$;
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION recall_history(text, text, jsonb) SET search_path = %I, pg_temp',
                   current_schema());
END $$;
REVOKE EXECUTE ON FUNCTION recall_history(text, text, jsonb) FROM PUBLIC;
DROP TRIGGER feed_records_mark_days_on_insert ON feed_records;
CREATE TRIGGER feed_records_mark_days_on_insert AFTER INSERT ON feed_records
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT
    WHEN (current_setting('tieout.recalling', true) IS DISTINCT FROM 'yes')
    EXECUTE FUNCTION feed_records_mark_days_on_insert();
